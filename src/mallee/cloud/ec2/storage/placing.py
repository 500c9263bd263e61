"""On which host a new volume is, and room for it there.

A blank one, or one of a snapshot that is in the object store, comes to the host of its zone that
has the most room. While a snapshot is in layers alone, its volumes are where those are, and when
that host has no room or is gone, the answer says so: nothing is begun that could not come about.
Called where volumes are made.
"""

from mallee.aws import errors
from mallee.cloud.hosts.placing import diskroom, tenancy
from mallee.cloud.hosts.placing.diskroom import Where
from mallee.cloud.state import records
from mallee.cloud.state.store import Tx
from mallee.model.storage.snapshots import Snapshot


def place(tx: Tx, where: Where, new: tuple[str, int], snapshot: Snapshot | None) -> str:
    """Claim room for a volume (its id, and how many GiB); return the host.

    Raises `InsufficientVolumeCapacity`, and `IncorrectState` when its snapshot is not so far.
    """
    id, size_gib = new
    if snapshot is None or snapshot.content is not None:
        return diskroom.reserve(tx, where, id, size_gib)
    if not snapshot.cut:
        raise errors.IncorrectState(
            f"The snapshot '{snapshot.id}' has nothing yet of which a volume could be made."
        )
    if snapshot.zone != where.zone:
        raise errors.IncorrectState(
            f"The snapshot '{snapshot.id}' is pending: until it is completed, volumes of it can be "
            f"made in {snapshot.zone} alone."
        )
    _check_host(tx, where, snapshot)
    left_gib = max(0, diskroom.left_gib(tx, snapshot.host_id))
    if left_gib < size_gib:
        raise errors.InsufficientVolumeCapacity(
            f"Until the snapshot '{snapshot.id}' is completed, volumes of it can be on the host of "
            f"its volume alone, which has {left_gib} GiB left, and {size_gib} GiB are asked for."
        )
    diskroom.claim(tx, snapshot.host_id, id, size_gib)
    return snapshot.host_id


def _check_host(tx: Tx, where: Where, snapshot: Snapshot) -> None:
    host = tx.get(records.HOST, snapshot.host_id)
    if host is None or host.seen is None or host.seen.is_silent:
        raise errors.InsufficientVolumeCapacity(
            f"The snapshot '{snapshot.id}' is not completed, and nothing is heard of the host that "
            "alone has it. Wait until that is back."
        )
    if tenancy.closed_to_disk(tx, snapshot.host_id, where.account):
        raise errors.InsufficientVolumeCapacity(
            f"The host that alone has '{snapshot.id}' takes new disks of one other account alone "
            "now. Wait until the snapshot is completed."
        )

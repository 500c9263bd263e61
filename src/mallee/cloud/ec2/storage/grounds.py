"""On what a volume lies that is made of a snapshot, and on which hosts it can be.

A snapshot that is in the object store can be a volume's ground on any host; one that is not yet
lies in the layers of its volume, on one host. Called where volumes are made. Pure but for reading.
"""

from mallee.aws import errors
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.storage.snapshots import Content, Layered, Snapshot, SnapshotSeen

SnapshotRecord = Record[Snapshot, SnapshotSeen]


def only_host(snapshot: Snapshot) -> str:
    """Return the one host on which volumes of it can be; empty: any.

    Raises `IncorrectState` while it is nowhere.
    """
    if snapshot.content is not None:
        return ""
    if not snapshot.host_id or not snapshot.cut:
        raise errors.IncorrectState(
            f"The snapshot '{snapshot.id}' has nothing yet of which a volume could be made."
        )
    return snapshot.host_id


def lies_on(snapshot: Snapshot, host_id: str) -> tuple[Layered | None, Content | None]:
    """Return the ground of a volume of it on a host: layers that are there, or its content."""
    if snapshot.cut and snapshot.host_id == host_id:
        return Layered(snapshot.volume_id, snapshot.cut), None
    return None, snapshot.content


def of_image(call: Call, id: str) -> SnapshotRecord:
    """Return the snapshot that an image maps, whoever owns it: who may launch the image may."""
    found = resources.reader(call).get(records.SNAPSHOT, id)
    if found is None:
        raise errors.InvalidSnapshotNotFound(id)
    return found

"""Whether a volume can be where an instance is, and what the API says when it cannot.

Called where volumes are attached, instances started, and by whatever a volume on its way between
hosts is in the way of. How it goes there is `hosts.moving`'s business.
"""

from mallee.aws import errors
from mallee.cloud.call import WriteCall
from mallee.cloud.ec2.storage.states import VolumeRecord
from mallee.cloud.hosts.moves import moving
from mallee.cloud.state.records import Record
from mallee.model.compute.instances import Instance, InstanceSeen


def bring(call: WriteCall, record: VolumeRecord, host_id: str) -> VolumeRecord:
    """Have a volume be on another host, at once or when it has been copied; return it.

    Raises `IncorrectState` when it cannot go, `InsufficientVolumeCapacity` where there is no room.
    """
    if moving.may_move(call.tx, record):
        return moving.move(call.tx, record, host_id)
    move = record.doc.move
    if move is not None and move.to_host_id == host_id:
        return record
    check_still(record)
    if record.doc.attachments:
        raise errors.IncorrectState(
            f"{record.id} is attached to an instance on another host, and cannot be on two."
        )
    why = moving.why_not(call.tx, record, host_id)
    if why:
        raise errors.IncorrectState(f"{record.id} cannot go to the instance's host: {why}.")
    return moving.begin(call.tx, record, host_id, call.entropy)


def check_still(record: VolumeRecord) -> None:
    """Raise `IncorrectState` while a volume is on its way to another host."""
    if record.doc.move is not None:
        raise errors.IncorrectState(
            f"{record.id} is on its way to another host. Wait until it is there."
        )


def check_stays(instance: Record[Instance, InstanceSeen]) -> None:
    """Raise `IncorrectState` while an instance's guest is on its way to another host."""
    if instance.doc.migration is not None:
        raise errors.IncorrectState(
            f"The guest of {instance.id} is on its way to another host. Wait until it is there."
        )

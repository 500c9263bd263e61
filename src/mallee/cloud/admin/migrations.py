"""Has the guest of an instance go to another host while it runs, for the administration.

Called through the action table. What can go where, and how, is the business of `hosts.migrating`.
"""

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.hosts import migrating
from mallee.cloud.hosts.migrating import InstanceRecord
from mallee.cloud.state import records


def migrate_instance(call: WriteCall, request: Request) -> Result:
    """Begin a migration, to the host that is named or to the one that has most room; or have one
    given up that has begun."""
    tx = call.tx
    record = tx.get(records.INSTANCE, request["InstanceId"])
    if record is None:
        raise errors.NoSuchResource("instance", request["InstanceId"])
    move = record.doc.migration
    if request.get("Cancel", False):
        if move is None:
            raise errors.IncorrectState(f"{record.id} is not on its way to another host.")
        record = tx.write(record, replace(record.doc, migration=replace(move, is_cancelled=True)))
    else:
        to_host_id: str = request.get("HostId", "")
        if to_host_id and tx.get(records.HOST, to_host_id) is None:
            raise errors.NoSuchResource("host", to_host_id)
        record = _begin(call, record, to_host_id)
    move = record.doc.migration
    assert move is not None
    return {
        "InstanceId": record.id,
        "MigrationId": move.id,
        "FromHostId": record.doc.host_id,
        "ToHostId": move.to_host_id,
    }


def _begin(call: WriteCall, record: InstanceRecord, to_host_id: str) -> InstanceRecord:
    tx = call.tx
    try:
        if not to_host_id and not migrating.why_not_at_all(tx, record):
            to_host_id = migrating.choose(tx, record)
        if why := migrating.why_not(tx, record, to_host_id):
            raise errors.IncorrectState(f"The guest of {record.id} cannot go: {why}.")
        return migrating.begin(tx, record, to_host_id, call.entropy)
    except (errors.InsufficientInstanceCapacity, errors.InsufficientVolumeCapacity) as error:
        raise errors.IncorrectState(error.message) from error


def describe_migration(call: Call, request: Request) -> Result:
    """Tell how far a guest is on its way, or how that ended the last time."""
    record = call.view.get(records.INSTANCE, request["InstanceId"])
    if record is None:
        raise errors.NoSuchResource("instance", request["InstanceId"])
    move, ended = record.doc.migration, record.doc.migrated
    if move is None:
        shown: Result = {"InstanceId": record.id, "State": "none"}
        if ended is not None:
            shown |= {"FromHostId": ended.from_host_id, "ToHostId": ended.to_host_id}
        if ended is not None and ended.failure:
            shown["Failure"] = ended.failure
        return shown
    said = None if record.seen is None else record.seen.migration
    is_its = said is not None and said.migration_id == move.id
    return {
        "InstanceId": record.id,
        "State": "cancelling" if move.is_cancelled else "migrating",
        "FromHostId": record.doc.host_id,
        "ToHostId": move.to_host_id,
        "Step": said.step if said is not None and is_its else "its hosts are told",
        "DoneBytes": said.done_bytes if said is not None and is_its else 0,
        "TotalBytes": said.total_bytes if said is not None and is_its else 0,
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="mallee",
        name="MigrateInstance",
        does=Write(handle=migrate_instance),
        honours=frozenset({"InstanceId", "HostId", "Cancel"}),
        cloud_admin_only=True,
    ),
    Action(
        service="mallee",
        name="DescribeMigration",
        does=Read(handle=describe_migration),
        honours=frozenset({"InstanceId"}),
        cloud_admin_only=True,
    ),
)

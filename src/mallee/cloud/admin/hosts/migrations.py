"""Has the guest of an instance go to another host while it runs, for the administration.

Called through the action table. What can go where, and how, is the business of `hosts.migrating`.
"""

import contextlib
from dataclasses import dataclass

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.admin import rows
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.hosts import standings
from mallee.cloud.hosts.moves import migrating
from mallee.cloud.hosts.moves.migrating import HostRecord, InstanceRecord
from mallee.cloud.state import records
from mallee.cloud.state.store import Tx

_TOLD_MAX = 5
"""So many guests that stay are named when none goes."""


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
    return _begun(record)


def _begun(record: InstanceRecord) -> Result:
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
    except migrating.Nowhere as nowhere:
        raise errors.IncorrectState(f"The guest of {record.id} cannot go: {nowhere}.") from nowhere
    except (errors.InsufficientInstanceCapacity, errors.InsufficientVolumeCapacity) as error:
        raise errors.IncorrectState(error.message) from error


def migrate_instances(call: WriteCall, request: Request) -> Result:
    """Have one guest go, or all that can of a host, as Eucalyptus' administrators asked for it."""
    tx = call.tx
    asked: str = request.get("InstanceId", "")
    source: str = request.get("SourceHost", "")
    if bool(asked) is bool(source):
        raise errors.InvalidInput("Name either an instance or the host that guests shall leave.")
    named = [_host(tx, one).id for one in request.get("DestinationHosts", ())]
    choice = _Choice(frozenset(named), request.get("AllowHosts", False))
    if asked:
        record = tx.get(records.INSTANCE, asked)
        if record is None:
            raise errors.NoSuchResource("instance", asked)
        those = [record]
    else:
        there = tx.by(records.INSTANCE, "host", _host(tx, source).id)
        those = sorted((one for one in there if one.doc.gone_at is None), key=lambda one: one.id)
    gone: list[Result] = []
    staying: list[Result] = []
    for record in those:
        try:
            gone.append(_begun(_begin_to_one(call, record, choice)))
        except _Stays as stays:
            staying.append({"InstanceId": record.id, "Reason": str(stays)})
    if staying and not gone:
        raise errors.IncorrectState(" ".join(str(one["Reason"]) for one in staying[:_TOLD_MAX]))
    return {"return": True, "Migrating": gone, "Staying": staying}


class _Stays(Exception):
    """A guest goes nowhere, and nothing was changed; the message says why, as a sentence."""


@dataclass(frozen=True, slots=True)
class _Choice:
    """Where guests may go."""

    host_ids: frozenset[str]
    is_only_there: bool
    """Whether they may go to these hosts only; else to any but these."""

    def allows(self, host_id: str) -> bool:
        return (host_id in self.host_ids) is self.is_only_there


def _begin_to_one(call: WriteCall, record: InstanceRecord, choice: _Choice) -> InstanceRecord:
    """Begin a migration to the first host that takes the guest, the one with most room before."""
    tx = call.tx
    if stays := migrating.why_not_at_all(tx, record):
        raise _Stays(f"The guest of {record.id} cannot go: {stays}.")
    hosts = sorted(tx.list(records.HOST), key=lambda one: one.doc.name)
    allowed = [one.id for one in hosts if choice.allows(one.id) and one.id != record.doc.host_id]
    with contextlib.suppress(migrating.Nowhere):
        best = migrating.choose(tx, record)
        allowed.sort(key=lambda id: id != best)
    failure = f"The guest of {record.id} cannot go: no host is allowed."
    for host_id in allowed:
        try:
            return _begin(call, record, host_id)
        except errors.IncorrectState as error:
            if isinstance(error.__cause__, errors.InsufficientVolumeCapacity):
                # Part of it was written already: all of it is taken back.
                raise
            failure = error.message
    raise _Stays(failure)


def _host(tx: Tx, asked: str) -> HostRecord:
    """Return the host of an id, a name or an address. Retired ones have left theirs to others."""
    for one in filter(standings.is_member, tx.list(records.HOST)):
        if asked in (one.id, one.doc.name, one.doc.address) and asked:
            return one
    raise errors.NoSuchResource("host", asked)


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
    rows.of_administrators(
        "MigrateInstance", Write(handle=migrate_instance), "InstanceId", "HostId", "Cancel"
    ),
    rows.of_administrators(
        "MigrateInstances",
        Write(handle=migrate_instances),
        "SourceHost",
        "InstanceId",
        "DestinationHosts",
        "AllowHosts",
    ),
    rows.of_administrators("DescribeMigration", Read(handle=describe_migration), "InstanceId"),
)

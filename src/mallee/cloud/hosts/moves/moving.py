"""Volumes that go to another host: at once where nobody used them, and else by a copy.

A volume that no instance ever had is the same on every host: blank, or what a snapshot has in the
object store. So it follows its first instance at once (`move`); nothing is copied.
One that was used goes when a copy of it is there (`begin`, `settle`): until then its host owns it,
and leaves it alone; in the transaction that notes the copy the new host becomes its owner, with the
cuts of its snapshots. The former host is told to delete what it has, and holds its claim on room
until it has. A move that is not done is undone by the same transaction backwards (`take_back`).
Called by `ec2.storage`, `ec2.instances`, `reconcile.volumes` and by `hearing`.

Invariant: a volume has one owner, `host_id`; no other host gives it to a guest.
"""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from mallee.cloud.hosts.placing import diskroom, reserved
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.cloud.state.store import Tx, View
from mallee.model import ids
from mallee.model.storage import moves
from mallee.model.storage.moves import Move
from mallee.model.storage.snapshots import Snapshot, SnapshotSeen
from mallee.model.storage.volumes import Phase, Volume, VolumeSeen

VolumeRecord = Record[Volume, VolumeSeen]
SnapshotRecord = Record[Snapshot, SnapshotSeen]
Entropy = Callable[[int], bytes]
_PORT_MAX = 65535


def may_move(view: View | Tx, record: VolumeRecord) -> bool:
    """Tell whether a volume can go to another host: nothing of it is on its own alone."""
    doc, seen = record.doc, record.seen
    has_cuts = bool(doc.base or doc.dropped_cuts or (seen is not None and seen.loose_cuts))
    return (
        doc.is_fresh
        and doc.move is None
        and not doc.attachments
        and not doc.former_host_id
        and doc.source is None
        and not has_cuts
        and not any(one.doc.cut for one in view.by(records.SNAPSHOT, "volume", record.id))
        and not view.by(records.VOLUME, "source", record.id)
    )


def move(tx: Tx, record: VolumeRecord, host_id: str) -> VolumeRecord:
    """Have a volume be on another host; return it. Raises `InsufficientVolumeCapacity`."""
    doc = record.doc
    diskroom.claim(tx, host_id, record.id, doc.size_gib)
    # What was seen is another copy; of this one nothing is yet.
    record = tx.observe(record, VolumeSeen(phase=Phase.CHANGING))
    moved = replace(
        doc, host_id=host_id, former_host_id=doc.host_id, moved_at=tx.now, is_made=False
    )
    return tx.write(record, moved)


def why_not(view: View | Tx, record: VolumeRecord, host_id: str) -> str:
    """Return, as the end of a sentence, why a used volume cannot go to another host now; empty:
    it can."""
    doc = record.doc
    for id in (doc.host_id, host_id):
        host = view.get(records.HOST, id)
        name = host.doc.name if host is not None else id
        if host is None or host.seen is None or host.seen.is_silent:
            return f"the host {name} is not heard, and both hosts are needed to copy it"
        if not host.doc.address:
            return f"nobody knows at which address the host {name} is reached by others"
    if doc.former_host_id:
        return "what it left on the host where it was before has still to be deleted; try again"
    if doc.source is not None or view.by(records.VOLUME, "source", record.id):
        return "it lies on another volume of its host, or another one on it; try again later"
    if not doc.is_made:
        return "it has still to be made"
    if doc.modification is not None and doc.modification.done_at is None:
        return "it is being modified; try again when that is done"
    return ""


def begin(tx: Tx, record: VolumeRecord, host_id: str, entropy: Entropy) -> VolumeRecord:
    """Have a used volume copied to another host, whose it is then; return it. It can be.

    Raises `InsufficientVolumeCapacity`.
    """
    wanted = Move(
        id=ids.make("move", entropy(ids.ID_BYTES)),
        to_host_id=host_id,
        word=entropy(moves.PASS_BYTES).hex(),
        port=port(tx, record.doc.host_id),
        began_at=tx.now,
    )
    return go(tx, record, wanted)


def go(tx: Tx, record: VolumeRecord, wanted: Move) -> VolumeRecord:
    """Have a volume be on its way; return it. Raises `InsufficientVolumeCapacity`."""
    diskroom.claim(tx, wanted.to_host_id, record.id, needed_gib(tx, record))
    return tx.write(record, replace(record.doc, move=wanted, is_fresh=False))


def needed_gib(view: View | Tx, record: VolumeRecord) -> int:
    """Return what a volume that goes to another host takes there: itself, and what cuts hold."""
    space = reserved.space(record.doc.host_id, "disk_gib")
    held = (view.amount(space, one.id) for one in _cuts(view, record))
    return record.doc.size_gib + sum(held)


def take_back(tx: Tx, record: VolumeRecord) -> VolumeRecord:
    """Have a volume that is on its way stay with its owner; return it. None is: nothing."""
    return record if record.doc.move is None else tx.write(record, _taken_back(record.doc))


def _taken_back(doc: Volume) -> Volume:
    # What has been copied is deleted there, as what a volume leaves behind is.
    former = doc.move.to_host_id if doc.move else doc.former_host_id
    return replace(doc, move=None, former_host_id=former)


def settled(view: View | Tx, record: VolumeRecord) -> Volume:
    """Return what is wanted of a volume on its way, given where its owner answers others."""
    doc = record.doc
    if doc.move is None:
        return doc
    if doc.move.is_live:
        return doc if goes_with_guest(view, record) else _taken_back(doc)
    if doc.deleted_at is not None:
        return _taken_back(doc)
    return replace(doc, move=replace(doc.move, port=port(view, doc.host_id)))


def goes_with_guest(view: View | Tx, record: VolumeRecord) -> bool:
    """Tell whether a volume is on its way with a guest of which nobody knows yet where it ends.

    So long it is that guest's: with the guest it would be on the one host or the other.
    """
    doc = record.doc
    if doc.move is None or not doc.move.is_live:
        return False
    guests = (view.get(records.INSTANCE, one.instance_id) for one in doc.attachments)
    return any(guest is not None and guest.doc.migration is not None for guest in guests)


def may_open(view: View | Tx, record: VolumeRecord, host_id: str) -> bool:
    """Tell whether a host needs what is in a volume: it is its own, or comes with a guest, whose
    machine has it before it is clear where both are."""
    doc = record.doc
    is_coming = doc.move is not None and doc.move.to_host_id == host_id
    return doc.host_id == host_id or (is_coming and goes_with_guest(view, record))


def has_come(record: VolumeRecord) -> bool:
    """Tell whether a volume's new host says that all of it is there."""
    move, seen = record.doc.move, record.seen
    arrival = None if seen is None else seen.arrival
    return (
        move is not None
        and arrival is not None
        and arrival.move_id == move.id
        and arrival.is_whole
        and record.doc.deleted_at is None
    )


def settle(tx: Tx, record: VolumeRecord) -> VolumeRecord:
    """Make a volume that has come its new host's; return it."""
    doc = record.doc
    assert doc.move is not None
    new, old = doc.move.to_host_id, doc.host_id
    for snapshot in _cuts(tx, record):
        held = tx.amount(reserved.space(old, "disk_gib"), snapshot.id)
        diskroom.release(tx, old, snapshot.id)
        if held:
            # The volume claimed it along with its own.
            tx.claim(reserved.space(new, "disk_gib"), snapshot.id, snapshot.id, held)
        tx.write(snapshot, replace(snapshot.doc, host_id=new))
    diskroom.release(tx, new, record.id)
    tx.claim(reserved.space(new, "disk_gib"), record.id, record.id, doc.size_gib)
    record = tx.observe(record, VolumeSeen(phase=Phase.CHANGING))
    moved = replace(
        doc,
        host_id=new,
        former_host_id=old,
        move=None,
        moved_as=doc.move.id,
        moved_at=tx.now,
    )
    return tx.write(record, moved)


def _cuts(view: View | Tx, record: VolumeRecord) -> list[SnapshotRecord]:
    """Return the snapshots whose cuts are among a volume's layers."""
    return [
        one
        for one in view.by(records.SNAPSHOT, "volume", record.id)
        if one.doc.cut and one.doc.host_id == record.doc.host_id
    ]


def port(view: View | Tx, host_id: str) -> int:
    """Return at which port a host answers others; 0: it does not.

    It says so itself, and others are told: with what is no port they would refuse all of it.
    """
    host = view.get(records.HOST, host_id)
    said = host.seen.facts.channel_port if host is not None and host.seen is not None else 0
    return said if 0 <= said <= _PORT_MAX else 0


def heard(record: VolumeRecord, host_id: str, seen: VolumeSeen) -> VolumeSeen | None:
    """Return what is seen of a volume when a host has spoken of it; None: that says nothing."""
    doc, before = record.doc, record.seen
    if doc.host_id == host_id:
        return replace(seen, arrival=None if before is None else before.arrival)
    if doc.move is None or doc.move.to_host_id != host_id or before is None:
        return None
    # Of the copy for another move nothing is said.
    is_its = seen.arrival is not None and seen.arrival.move_id == doc.move.id
    return replace(before, arrival=seen.arrival) if is_its else None


def left(view: View | Tx, host_id: str, seen: Mapping[str, VolumeSeen]) -> list[VolumeRecord]:
    """Return those volumes of which a former host says that nothing is left there."""
    gone = (view.get(records.VOLUME, id) for id, one in seen.items() if one.phase is Phase.GONE)
    return [one for one in gone if one is not None and one.doc.former_host_id == host_id]


def forget(tx: Tx, host_id: str, seen: Mapping[str, VolumeSeen]) -> None:
    """Give back what copies took that are gone."""
    for volume in left(tx, host_id, seen):
        diskroom.release(tx, host_id, volume.id)
        tx.write(volume, replace(volume.doc, former_host_id=""))

"""Guests that go to another host while they run: begun, handed over, given up.

Until the old host says that it gave the guest away, or the new one shows what it can only have from
it, the instance is the old host's, whatever else is said; only the old host gives a migration up.
Its volumes go along: they are the new host's in the same transaction (`moving`).
Called by `admin.migrations`, `reconcile.migrations`, `hearing` and `slices`.
"""

import dataclasses
import hashlib
import hmac
from collections.abc import Callable

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.hosts import standings
from mallee.cloud.hosts.moves import moving
from mallee.cloud.hosts.moves.moving import VolumeRecord
from mallee.cloud.hosts.placing import placement, tenancy
from mallee.cloud.state import records
from mallee.cloud.state.records import HostSeen, Record
from mallee.cloud.state.store import Tx, View
from mallee.model import ids
from mallee.model.compute.instances import Instance, InstanceSeen, Phase, Power, phase_of
from mallee.model.compute.migrations import (
    Bystander,
    ComingWanted,
    GoingWanted,
    Migrated,
    Migration,
)
from mallee.model.hosts import cpus
from mallee.model.hosts.hosts import Host, InstanceWanted
from mallee.model.hosts.standing import Standing
from mallee.model.storage import moves
from mallee.model.storage.moves import Move

InstanceRecord = Record[Instance, InstanceSeen]
HostRecord = Record[Host, HostSeen]
Entropy = Callable[[int], bytes]
_TOLD_MAX = 5
"""So many reasons are told why no host takes a guest."""


def why_not_at_all(view: View | Tx, record: InstanceRecord) -> str:
    """Return, as the end of a sentence, why a guest can go nowhere now; empty: it may be able to
    go somewhere."""
    doc = record.doc
    if doc.migration is not None:
        return "it is on its way already"
    if doc.power is not Power.RUNNING or phase_of(doc, record.seen) is not Phase.RUNNING:
        return "it does not run"
    if doc.tenancy == tenancy.HOST or doc.placement_group_id or doc.capacity_reservation_id:
        return (
            "it is bound to its host by a Dedicated Host, a placement group or a capacity "
            "reservation; stop it, and start it elsewhere"
        )
    return next(
        (
            f"its volume {volume.id} cannot go along: {why}"
            for volume in _volumes(view, record)
            if (why := _why_volume_stays(volume))
        ),
        "",
    )


def why_not_drained(view: View | Tx, record: InstanceRecord) -> str:
    """Return, as the end of a sentence, why a guest stays on a host that is drained; empty: it is
    on none, or shall go."""
    host = view.get(records.HOST, record.doc.host_id)
    if host is None or host.doc.standing is not Standing.DRAINING or record.doc.migration:
        return ""
    return why_not_at_all(view, record) or why_nowhere(view, record)


def why_nowhere(view: View | Tx, record: InstanceRecord) -> str:
    """Return, as the end of a sentence, why a guest that could go has nowhere to go now; empty: it
    has."""
    try:
        choose(view, record)
    except Nowhere as nowhere:
        return str(nowhere)
    return ""


def why_not(view: View | Tx, record: InstanceRecord, host_id: str) -> str:
    """Return, as the end of a sentence, why a guest cannot go to a host now; empty: it can."""
    doc = record.doc
    if stays := why_not_at_all(view, record):
        return stays
    if doc.host_id == host_id:
        return "it is there"
    here, there = view.get(records.HOST, doc.host_id), view.get(records.HOST, host_id)
    for host in (here, there):
        if host is None or host.seen is None or host.seen.is_silent:
            return f"the host {host.doc.name if host else host_id} is not heard"
        if not host.doc.address:
            return f"nobody knows at which address the host {host.doc.name} is reached by others"
    assert here is not None
    assert there is not None
    return _unlike(here, there, doc.cpu) or next(
        (
            f"its volume {volume.id} cannot go along: {why}"
            for volume in _volumes(view, record)
            if (why := moving.why_not(view, volume, host_id))
        ),
        "",
    )


def _unlike(here: HostRecord, there: HostRecord, cpu: str) -> str:
    """Return why a machine of one host, with that model of processor, is none of another's."""
    assert here.seen is not None
    assert there.seen is not None
    one, other = here.seen.facts, there.seen.facts
    if one.acceleration != other.acceleration:
        return (
            f"the host {here.doc.name} runs guests by {one.acceleration}, and {there.doc.name} by "
            f"{other.acceleration}; stop it, and start it there"
        )
    if one.hypervisor != other.hypervisor:
        return (
            f"the host {here.doc.name} has {one.hypervisor}, and {there.doc.name} "
            f"{other.hypervisor}; give both the same, or stop it, and start it there"
        )
    if one.cpu and other.cpu and not cpus.may_go_on(cpu, one.cpu, other.cpu):
        return (
            f"the host {there.doc.name} cannot show the processor that the guest has seen; stop "
            "it, and start it there"
        )
    return ""


def _why_volume_stays(volume: VolumeRecord) -> str:
    doc = volume.doc
    if len(doc.attachments) > 1:
        others = ", ".join(sorted(one.instance_id for one in doc.attachments))
        return (
            f"several instances have it ({others}), each writes it by itself, and all of them "
            "would have to go in the same instant; detach it from all but one, or stop them"
        )
    if any(one.is_leaving for one in doc.attachments):
        return "it is being detached"
    return "it is on its way already" if doc.move is not None else ""


def begin(tx: Tx, record: InstanceRecord, host_id: str, entropy: Entropy) -> InstanceRecord:
    """Have a guest go to a host, to which it can; return it.

    Raises `errors.InsufficientInstanceCapacity`, `errors.InsufficientVolumeCapacity`.
    """
    doc = record.doc
    (host_id,) = placement.find_room(tx, _room(tx, record, host_id))
    placement.reserve(tx, _room(tx, record, host_id))
    id = ids.make("mig", entropy(ids.ID_BYTES))
    word = entropy(moves.PASS_BYTES).hex()
    for volume in _volumes(tx, record):
        along = Move(
            id=id.replace("mig", "move"),
            to_host_id=host_id,
            word=word,
            port=0,
            began_at=tx.now,
            is_live=True,
        )
        moving.go(tx, volume, along)
    wanted = Migration(
        id=id,
        to_host_id=host_id,
        word=word,
        port=moving.port(tx, host_id),
        began_at=tx.now,
        bystanders=_bystanders(tx, {doc.host_id, host_id}),
    )
    return tx.write(record, replace(doc, migration=wanted))


def _bystanders(view: View | Tx, ends: set[str]) -> tuple[Bystander, ...]:
    """Return the hosts that have no part in a migration, and answer others."""
    others = (one for one in view.list(records.HOST) if one.id not in ends)
    found = [
        Bystander(one.id, port)
        for one in others
        if standings.is_member(one) and (port := moving.port(view, one.id))
    ]
    return tuple(sorted(found, key=lambda one: one.host_id))


class Nowhere(Exception):
    """No host takes a guest; the message says why, as the end of a sentence."""


def choose(view: View | Tx, record: InstanceRecord) -> str:
    """Return the host to which a guest that can go would go best: of those that can carry its
    machine, the one with most room. Raises `Nowhere`."""
    doc = record.doc
    others = [
        host
        for host in view.by(records.HOST, "zone", doc.zone)
        if host.id != doc.host_id and standings.is_member(host)
    ]
    if not others:
        raise Nowhere(f"the zone {doc.zone} has no other host")
    unable = {host.id: why for host in others if (why := why_not(view, record, host.id))}
    if len(unable) == len(others):
        told = list(dict.fromkeys(unable.values()))
        more = ["and so on"] if len(told) > _TOLD_MAX else []
        raise Nowhere("; ".join([*told[:_TOLD_MAX], *more]))
    wanted = dataclasses.replace(_room(view, record, ""), not_on=frozenset({doc.host_id, *unable}))
    try:
        return placement.find_room(view, wanted)[0]
    except errors.InsufficientInstanceCapacity as error:
        raise Nowhere(f"no other host takes it. {error.message.rstrip('.')}") from error


def _room(tx: View | Tx, record: InstanceRecord, host_id: str) -> placement.Reservation:
    doc, volumes = record.doc, _volumes(tx, record)
    return placement.Reservation(
        zone=doc.zone,
        instance_ids=(record.id,),
        vcpus=doc.vcpus,
        memory_mib=doc.memory_mib,
        disk_gib=0 if doc.root_device else doc.disk_gib,
        volumes_gib=sum(moving.needed_gib(tx, one) for one in volumes),
        has_volumes=bool(doc.root_device or volumes),
        tenant=placement.tenant_of(record),
        host_id=host_id,
        not_on=frozenset({doc.host_id}),
    )


def hosts_of(record: InstanceRecord) -> set[str]:
    """Return the hosts that may speak of an instance."""
    move = record.doc.migration
    return {record.doc.host_id, move.to_host_id if move else record.doc.host_id}


def heard(record: InstanceRecord, host_id: str, seen: InstanceSeen) -> InstanceSeen | None:
    """Return what is seen of an instance when another host than its own has spoken of it; None:
    that says nothing."""
    move, before, said = record.doc.migration, record.seen, seen.migration
    if move is None or move.to_host_id != host_id or before is None or said is None:
        return None
    own = before.migration
    if own is None or own.migration_id != move.id or said.migration_id != move.id:
        return None
    digest = hashlib.sha256(said.proof.encode()).hexdigest()
    if not said.proof or not hmac.compare_digest(digest.encode(), own.digest.encode()):
        return None
    return replace(before, migration=replace(own, is_given=True))


def settled(view: View | Tx, record: InstanceRecord, now: float) -> Instance:
    """Return what is wanted of a guest on its way, given what became of it and of the wish."""
    doc = record.doc
    move = doc.migration
    if move is None:
        return doc
    is_unwanted = doc.power is not Power.RUNNING or now > move.began_at + moves.LIVE_S_MAX
    there = view.get(records.HOST, move.to_host_id)
    is_lost = there is None or there.seen is None or there.seen.is_silent
    wanted = replace(
        move,
        port=moving.port(view, move.to_host_id),
        is_cancelled=move.is_cancelled or is_unwanted or is_lost,
        bystanders=_bystanders(view, {doc.host_id, move.to_host_id}),
    )
    return replace(doc, migration=wanted)


def is_over(record: InstanceRecord) -> bool:
    """Tell whether a guest has been given away, or its host has given that up."""
    move = record.doc.migration
    said = None if record.seen is None else record.seen.migration
    is_its = move is not None and said is not None and said.migration_id == move.id
    return is_its and said is not None and (said.is_given or bool(said.failure))


def settle(tx: Tx, record: InstanceRecord) -> InstanceRecord:
    """Write down where a guest is of which that is clear now; return it."""
    doc = record.doc
    move, said = doc.migration, None if record.seen is None else record.seen.migration
    assert move is not None
    assert said is not None
    ended = Migrated(
        id=move.id,
        from_host_id=doc.host_id,
        to_host_id=move.to_host_id,
        ended_at=tx.now,
        failure="" if said.is_given else said.failure,
    )
    gone = doc.host_id if said.is_given else move.to_host_id
    for volume in _volumes(tx, record):
        if volume.doc.move is not None and volume.doc.move.is_live:
            (moving.settle if said.is_given else moving.take_back)(tx, volume)
    placement.release(tx, gone, record.id)
    host_id = move.to_host_id if said.is_given else doc.host_id
    return tx.write(record, replace(doc, host_id=host_id, migration=None, migrated=ended))


def aimed(record: InstanceRecord, host_id: str, wanted: InstanceWanted) -> InstanceWanted:
    """Return an instance as one of the hosts between which it is on its way is told of it."""
    move = record.doc.migration
    if move is None:
        return wanted
    if host_id == move.to_host_id:
        coming = ComingWanted(migration_id=move.id, from_host_id=record.doc.host_id, word=move.word)
        return replace(wanted, coming=coming)
    going = GoingWanted(
        migration_id=move.id,
        to_host_id=move.to_host_id,
        port=move.port,
        word=move.word,
        is_cancelled=move.is_cancelled,
        bystanders=move.bystanders,
    )
    return replace(wanted, going=going)


def _volumes(view: View | Tx, record: InstanceRecord) -> list[VolumeRecord]:
    return sorted(view.by(records.VOLUME, "instance", record.id), key=lambda one: one.id)

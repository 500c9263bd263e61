"""In which state a thing is, in AWS's words where AWS has one, and why it follows.

A state is never kept: it follows from what is wanted and what is seen, and the sentence says how.
Pure over a view. Called by the row of `admin.resources`; what stands against a thing being as it
should is told by `troubles`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mallee.cloud.dlm import policies
from mallee.cloud.ec2 import accountsettings
from mallee.cloud.ec2.images import sharing
from mallee.cloud.ec2.ipam import given, ipams, spaces, watched
from mallee.cloud.ec2.storage import snapshotstates
from mallee.cloud.ec2.storage import states as storage
from mallee.cloud.ec2.transit import effective
from mallee.cloud.ec2.vpc.interfaces import privateips
from mallee.cloud.ec2.vpc.routing import ways
from mallee.cloud.explain import tasks
from mallee.cloud.hosts import standings
from mallee.cloud.hosts.moves import migrating
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.compute import instances
from mallee.model.compute.instances import Halt, Phase, Power
from mallee.model.network import insights, transit
from mallee.model.network.carried import Way
from mallee.model.network.endpoints import EndpointKind
from mallee.model.storage import volumes
from mallee.model.storage.recycling import Binned

Reader = store.View | store.Tx


@dataclass(frozen=True, slots=True)
class Standing:
    """A state, and the sentence from which it follows."""

    state: str
    why: str


WANTS: Mapping[Power, str] = {
    Power.RUNNING: "it shall run",
    Power.STOPPED: "it shall be off and keep its disk, interface and address",
    Power.TERMINATED: "it shall be gone for good",
}
SIGHTS: Mapping[Phase, str] = {
    Phase.UNKNOWN: "its host has reported nothing of this launch yet",
    Phase.PREPARING: "its host makes its disk and interface and starts it",
    Phase.RUNNING: "its guest runs",
    Phase.RECOVERING: "its guest ended unasked and is being started again",
    Phase.STOPPING: "its guest was asked to power off",
    Phase.OFF: "its guest is off",
    Phase.FAILED: "its host gave the launch up",
    Phase.GONE: "everything of it is removed",
}
HALTS: Mapping[Halt, str] = {
    Halt.NO_ROOM: "stands still: what it writes finds no room on its host's disk",
    Halt.QEMU_SILENT: "is out of reach: its QEMU does not answer its host",
}
"""What a guest does that something keeps from going on."""


def of(view: Reader, record: Record[Any, Any]) -> Standing:
    """Return the state of a thing and why it follows."""
    binned: Binned | None = getattr(record.doc, "binned", None)
    if binned is not None:
        until = datetime.fromtimestamp(binned.until, UTC).isoformat(timespec="seconds")
        return Standing("deleted", f"it is in the recycle bin, and may come back until {until}")
    found = _KINDS.get(record.kind.name)
    if found is None:
        return Standing("available", "it is kept as it is wanted, and nothing is seen of it")
    return found(view, record)


def _instance(view: Reader, record: Record[Any, Any]) -> Standing:
    doc, seen = record.doc, record.seen
    state = instances.state_of(doc, seen)
    if doc.gone_at is not None:
        return Standing(state.label, "everything of it was removed and given back")
    phase = instances.phase_of(doc, seen)
    why = f"wanted {doc.power.value} (launch {doc.launch}): {WANTS[doc.power]}; "
    why += f"seen {phase.value}: {SIGHTS[phase]}"
    if seen is not None and seen.launch != doc.launch:
        why += f"; the last report was of launch {seen.launch}"
    elif seen is not None and seen.halted is not None:
        why += f", and {HALTS[seen.halted.by]}"
    elif seen is not None and seen.step and phase is not Phase.RUNNING:
        why += f"; at the step: {seen.step}"
    if going := _migration(view, record):
        why += f"; {going}"
    return Standing(state.label, why)


def _image(_view: Reader, record: Record[Any, Any]) -> Standing:
    doc = record.doc
    if doc.state == sharing.DISABLED:
        return Standing(doc.state, "its owner lets nobody launch it: EnableImage does again")
    if doc.state == sharing.DEREGISTERED:
        return Standing(doc.state, "nobody launches it again; instances came from it")
    return Standing(doc.state, doc.state_reason or "it can be launched by who may")


def _policy(_view: Reader, record: Record[Any, Any]) -> Standing:
    state, trouble = policies.state_of(record), record.seen.trouble if record.seen else ""
    if state == policies.ERROR:
        return Standing(state, f"what it shall do was tried, and was not to be: {trouble}")
    is_on = record.doc.is_enabled
    return Standing(state, "it acts at its times" if is_on else "nothing is done while it is off")


def _interface(view: Reader, record: Record[Any, Any]) -> Standing:
    doc = record.doc
    if doc.requester:
        return Standing("in-use", f"it belongs to a service of the cloud: {doc.requester}")
    if doc.instance_id is None:
        return Standing("available", "it is attached to nothing")
    instance = view.get(records.INSTANCE, doc.instance_id)
    seen = instance.seen if instance is not None else None
    if seen is not None and record.id in seen.interface_ids:
        return Standing("in-use", f"the running guest of {doc.instance_id} has it")
    if instance is not None and instance.doc.power is Power.RUNNING:
        why = f"{doc.instance_id} shall have it, and its guest has not been seen with it"
        return Standing("in-use", why)
    return Standing("in-use", f"it is attached to {doc.instance_id}, which does not run")


def _address(view: Reader, record: Record[Any, Any]) -> Standing:
    doc = record.doc
    if doc.interface_id is None:
        return Standing("available", "it is associated with nothing")
    to = f"{doc.private_ip or 'the primary address'} of {doc.interface_id}"
    on = f" on {doc.instance_id}" if doc.instance_id else ""
    return Standing("in-use", f"packets for {doc.public_ip} are led to {to}{on}")


def _subnet(view: Reader, record: Record[Any, Any]) -> Standing:
    free = privateips.free(view, record)
    return Standing("available", f"{free} of its addresses are free")


def _group(view: Reader, record: Record[Any, Any]) -> Standing:
    worn = len(view.by(records.INTERFACE, "group", record.id))
    return Standing(
        "in-use" if worn else "available",
        f"{worn} interfaces wear it; it has {len(record.doc.rules)} rules",
    )


def _route_table(view: Reader, record: Record[Any, Any]) -> Standing:
    found = [ways.of(view, record.doc, route) for route in record.doc.routes]
    dead = sum(way is Way.BLACKHOLE for way in found)
    return Standing("available", f"{len(found)} routes beside the local ones, {dead} of them dead")


def _gateway(view: Reader, record: Record[Any, Any]) -> Standing:
    if record.doc.vpc_id is None:
        return Standing("available", "it is attached to no VPC")
    return Standing("attached", f"it leads {record.doc.vpc_id} to the world")


def _nat(view: Reader, record: Record[Any, Any]) -> Standing:
    doc = record.doc
    if doc.deleted_at is not None:
        return Standing("deleted", "it was deleted")
    if doc.failure is not None:
        return Standing("failed", doc.failure[1])
    behind = ", ".join(it.public_ip or it.private_ip for it in doc.addresses)
    return Standing("available", f"it hides the guests that are routed to it behind {behind}")


def _peering(view: Reader, record: Record[Any, Any]) -> Standing:
    return Standing(record.doc.status.value, record.doc.message)


def _transit_gateway(view: Reader, record: Record[Any, Any]) -> Standing:
    if record.doc.deleted_at is not None:
        return Standing("deleted", "it was deleted")
    attached = view.by(records.TRANSIT_ATTACHMENT, "gateway", record.id)
    count = sum(it.doc.phase is transit.Phase.OPEN for it in attached)
    return Standing("available", f"{count} attachments of VPCs and gateways are open")


def _transit_table(view: Reader, record: Record[Any, Any]) -> Standing:
    if record.doc.deleted_at is not None:
        return Standing("deleted", "it was deleted")
    found = effective.routes(view, record.doc)
    dead = sum(not route.is_open for route in found)
    return Standing("available", f"{len(found)} routes, {dead} of them black holes")


_PHASES: Mapping[transit.Phase, Standing] = {
    transit.Phase.REQUESTED: Standing("pendingAcceptance", "the other account has not answered"),
    transit.Phase.OPEN: Standing("available", "packets pass as far as routes lead them"),
    transit.Phase.REJECTED: Standing("rejected", "the other account refused it"),
    transit.Phase.FAILED: Standing("failed", "there is no such transit gateway of that account"),
    transit.Phase.DELETED: Standing("deleted", "one of its two accounts ended it"),
}


def _attachment(view: Reader, record: Record[Any, Any]) -> Standing:
    return _PHASES[record.doc.phase]


def _reservation(view: Reader, record: Record[Any, Any]) -> Standing:
    doc = record.doc
    if doc.ended_at is not None:
        return Standing(doc.state.value, "its room was given up; what ran in it runs on")
    room = f"room for {doc.available} of {doc.count} {doc.type_name} is held and unused"
    return Standing(doc.state.value, room)


def _fleet(view: Reader, record: Record[Any, Any]) -> Standing:
    own = view.by(records.CAPACITY_RESERVATION, "fleet", record.id)
    active = sum(it.doc.ended_at is None for it in own)
    why = f"it has {active} reservations for a target of {record.doc.target}"
    return Standing(record.doc.state.value, why)


def _dedicated_host(view: Reader, record: Record[Any, Any]) -> Standing:
    if record.doc.released_at is not None:
        return Standing("released", "it was given back")
    host = view.get(records.HOST, record.doc.host_id)
    if host is None or host.seen is None or host.seen.is_silent:
        return Standing("under-assessment", "nothing is heard of the host at the moment")
    return Standing("available", "the host is this account's alone, and is heard")


def _migration(view: Reader, record: Record[Any, Any]) -> str:
    """Say how far a guest is on its way to another host, or why it stayed; empty: there is nothing
    to say."""
    move, ended, seen = record.doc.migration, record.doc.migrated, record.seen
    if move is None:
        if stays := migrating.why_not_drained(view, record):
            return f"its host is drained, and its guest stays: {stays}"
        failure = ended.failure if ended else ""
        return f"its guest did not go to another host: {failure}" if failure else ""
    host = view.get(records.HOST, move.to_host_id)
    words = f"its guest is on its way to host {host.doc.name if host else move.to_host_id}"
    said = None if seen is None else seen.migration
    if said is None or said.migration_id != move.id:
        return f"{words}, which has not begun yet"
    words += f": {said.step}"
    if said.total_bytes:
        words += f", {said.done_bytes >> 20} of {said.total_bytes >> 20} MiB"
    return words


def _volume(view: Reader, record: Record[Any, Any]) -> Standing:
    doc, seen = record.doc, record.seen
    state = storage.of_volume(record)
    if doc.move is not None:
        return Standing(state, _on_its_way(view, record))
    if doc.attachments:
        worn = (
            f"{one.instance_id} ({storage.of_attachment(view, record, one)})"
            for one in doc.attachments
        )
        return Standing(state, f"it is with {', '.join(worn)}")
    if seen is None:
        return Standing(state, "its host has not said anything of it yet")
    return Standing(state, _VOLUME_PHASES[seen.phase])


def _on_its_way(view: Reader, record: Record[Any, Any]) -> str:
    """Say how far a volume is that another host copies, and why it does not go on."""
    move, seen = record.doc.move, record.seen
    host = view.get(records.HOST, move.to_host_id)
    words = f"it is copied to host {host.doc.name if host else move.to_host_id}"
    arrival = None if seen is None else seen.arrival
    if arrival is None or arrival.move_id != move.id:
        return f"{words}, which has not begun yet"
    if arrival.total_bytes:
        words += f", {arrival.done_bytes >> 20} of {arrival.total_bytes >> 20} MiB are there"
    return f"{words}; it does not go on: {arrival.cause.message}" if arrival.cause else words


_VOLUME_PHASES = {
    volumes.Phase.READY: "its bytes are there, and no instance has it",
    volumes.Phase.CHANGING: "its host is bringing it to what is wanted",
    volumes.Phase.FAILED: "its host cannot make it",
    volumes.Phase.GONE: "everything of it is removed",
}


def _snapshot(view: Reader, record: Record[Any, Any]) -> Standing:
    doc = record.doc
    if doc.content is not None:
        why = f"the object store has what {snapshotstates.told(doc)}"
    elif doc.cut:
        done = snapshotstates.progress(record)
        why = (
            f"its host keeps what {snapshotstates.told(doc)}, and brings "
            f"it to the object store: {done} is looked through; it can be used there meanwhile"
        )
    elif doc.resealing is not None:
        why = (
            "it is a copy with a data key of its own, under which the blocks of its source are "
            f"sealed: {snapshotstates.progress(record)} are; it can be used when all are"
        )
    else:
        why = "its blocks are being written, and nobody has said that these are all"
    return Standing(snapshotstates.of(record), why)


def _pool(view: Reader, record: Record[Any, Any]) -> Standing:
    whole = spaces.size(it.cidr for it in record.doc.cidrs)
    held = [it.doc.cidr for it in given.of_pool(view, record.id)]
    if not whole:
        return Standing("create-complete", "it has no range yet, so that it can give nothing")
    full = spaces.size(held) / whole
    why = f"{len(held)} parts of it are given out, {full:.1%} of its addresses"
    return Standing(ipams.state(record.doc.is_modified), why)


def _allocation(view: Reader, record: Record[Any, Any]) -> Standing:
    doc = record.doc
    whom = doc.resource_id or f"whoever {doc.owner} noted it for"
    return Standing("allocated", f"{doc.cidr} of {doc.pool_id} belongs to {whom}")


def _resolver(view: Reader, record: Record[Any, Any]) -> Standing:
    doc = record.doc
    latest = doc.versions[-1]
    why = f"its rules find {len(latest.cidrs)} ranges: version {latest.version}"
    return Standing(ipams.state(doc.is_modified), why)


def _target(view: Reader, record: Record[Any, Any]) -> Standing:
    doc = record.doc
    if doc.problem:
        return Standing("sync-failed", doc.problem)
    why = f"{doc.list_id} has version {doc.synced_version} of {doc.resolver_id}"
    return Standing("sync-complete", why)


def _ipam_policy(view: Reader, record: Record[Any, Any]) -> Standing:
    doc = record.doc
    pools = [id for rule in doc.rules for id in rule.pool_ids]
    whom = ", ".join(doc.targets) or "no account"
    why = f"enabled for {whom}: addresses come from {', '.join(pools) or 'no pool'}"
    return Standing(ipams.state(doc.is_modified), why)


def _public_pool(view: Reader, record: Record[Any, Any]) -> Standing:
    taken = len(watched.taken_of_public(view, record.id))
    why = f"{taken} of its {spaces.size(record.doc.cidrs)} addresses are allocated"
    return Standing("available", why)


def _endpoint(view: Reader, record: Record[Any, Any]) -> Standing:
    doc = record.doc
    if doc.kind is EndpointKind.GATEWAY:
        why = f"{len(doc.route_table_ids)} route tables lead to {doc.service} by it"
        return Standing("available", why)
    found = (view.get(records.INTERFACE, one.interface_id) for one in doc.standings)
    ips = ", ".join(one.doc.private_ip for one in found if one is not None)
    return Standing("available", f"it leads to {doc.service} from {ips or 'no subnet'}")


def _exclusion(view: Reader, record: Record[Any, Any]) -> Standing:
    doc, mode = record.doc, accountsettings.of(view, record.account).public_access.mode
    of = doc.subnet_id or doc.vpc_id
    return Standing("available", f"{doc.mode.value} for {of}; the account's mode is {mode.value}")


def _flow_log(view: Reader, record: Record[Any, Any]) -> Standing:
    into = f"lines about {record.doc.resource_id} go into the bucket {record.doc.bucket}"
    if record.seen is not None and record.seen.error:
        return Standing("failed", f"{into}, and the last ones could not: {record.seen.error}")
    return Standing("active", f"{into} every minute in which a host carries an interface of it")


def _mirror_session(view: Reader, record: Record[Any, Any]) -> Standing:
    doc = record.doc
    return Standing("active", f"packets of {doc.interface_id} are copied to {doc.target_id}")


def _analysis(view: Reader, record: Record[Any, Any]) -> Standing:
    doc = record.doc
    if doc.status == insights.FAILED:
        return Standing(doc.status, doc.message)
    found = "there is a way" if doc.is_found else "there is no way"
    return Standing(doc.status, f"at its moment {found}; it is not looked at again")


def _scope_analysis(view: Reader, record: Record[Any, Any]) -> Standing:
    ways = len(record.doc.findings)
    why = f"{ways} ways were found at its moment; it is not looked at again"
    return Standing(insights.SUCCEEDED, why)


def _host(view: Reader, record: Record[Any, Any]) -> Standing:
    judged = standings.judged(record)
    why = " ".join(judged.causes) or "its agent is heard, and has nothing to complain of"
    return Standing(judged.state.value, why)


def _bucket(view: Reader, record: Record[Any, Any]) -> Standing:
    return Standing("available", f"versioning: {record.doc.versioning.value}")


def _connect_endpoint(view: Reader, record: Record[Any, Any]) -> Standing:
    why = "each host that carries its VPC begins the connections of tunnels at its address"
    return Standing("create-complete", why)


def _task(
    told: Callable[[Record[Any, Any]], tuple[str, str]],
) -> Callable[[Reader, Record[Any, Any]], Standing]:
    return lambda _view, record: Standing(*told(record))


_KINDS: Mapping[str, Callable[[Reader, Record[Any, Any]], Standing]] = {
    records.INSTANCE.name: _instance,
    records.INTERFACE.name: _interface,
    records.ADDRESS.name: _address,
    records.SUBNET.name: _subnet,
    records.SECURITY_GROUP.name: _group,
    records.ROUTE_TABLE.name: _route_table,
    records.INTERNET_GATEWAY.name: _gateway,
    records.NAT_GATEWAY.name: _nat,
    records.CONNECT_ENDPOINT.name: _connect_endpoint,
    records.PEERING.name: _peering,
    records.FLOW_LOG.name: _flow_log,
    records.MIRROR_SESSION.name: _mirror_session,
    records.ENDPOINT.name: _endpoint,
    records.PUBLIC_ACCESS_EXCLUSION.name: _exclusion,
    records.IPAM_POOL.name: _pool,
    records.IPAM_ALLOCATION.name: _allocation,
    records.PUBLIC_POOL.name: _public_pool,
    records.IPAM_POLICY.name: _ipam_policy,
    records.RESOLVER.name: _resolver,
    records.RESOLVER_TARGET.name: _target,
    records.TRANSIT_GATEWAY.name: _transit_gateway,
    records.TRANSIT_TABLE.name: _transit_table,
    records.TRANSIT_ATTACHMENT.name: _attachment,
    records.CAPACITY_RESERVATION.name: _reservation,
    records.RESERVATION_FLEET.name: _fleet,
    records.DEDICATED_HOST.name: _dedicated_host,
    records.INSIGHTS_ANALYSIS.name: _analysis,
    records.SCOPE_ANALYSIS.name: _scope_analysis,
    records.HOST.name: _host,
    records.IMAGE.name: _image,
    records.LIFECYCLE_POLICY.name: _policy,
    records.VOLUME.name: _volume,
    records.SNAPSHOT.name: _snapshot,
    records.BUCKET.name: _bucket,
    records.IMPORT_SNAPSHOT_TASK.name: _task(tasks.coming_in),
    records.IMPORT_IMAGE_TASK.name: _task(tasks.coming_in),
    records.CONVERSION_TASK.name: _task(tasks.converting),
    records.BUNDLE_TASK.name: _task(tasks.bundling),
    records.EXPORT_IMAGE_TASK.name: _task(tasks.going_out),
    records.EXPORT_INSTANCE_TASK.name: _task(tasks.going_out),
    records.ROOT_REPLACEMENT.name: _task(tasks.replacing),
}

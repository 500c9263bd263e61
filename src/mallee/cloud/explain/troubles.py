"""What stands against a thing being as its owner wants it: each with its cause and its cure.

Pure over a view. Words for tenants name no host's insides; a host's own problems are told to
administrators of the cloud, who alone find hosts. Called by the row of `admin.resources`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mallee.cloud.blocks import datakeys
from mallee.cloud.ec2.ipam import given, pools, spaces
from mallee.cloud.ec2.storage import fastrestores, snapshotstates
from mallee.cloud.ec2.storage import states as storage
from mallee.cloud.ec2.vpc.interfaces import privateips
from mallee.cloud.ec2.vpc.routing import ways
from mallee.cloud.explain import tasks
from mallee.cloud.explain.states import HALTS, Reader
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.compute import instances
from mallee.model.compute.instances import Halt, Phase, Power
from mallee.model.network.carried import Way
from mallee.model.network.endpoints import EndpointKind
from mallee.model.storage import volumes
from mallee.model.storage.datakeys import DataKey

LOOK_AT_HOST = "an administrator of the cloud sees why: `mallee doctor` on that host"
WAIT_OR_ASK = f"it is tried again by itself; if it lasts, {LOOK_AT_HOST}"

CURES: Mapping[str, str] = {
    "Client.UserInitiatedShutdown": "somebody asked for it: the calls below say who",
    "Client.InstanceInitiatedShutdown": "the guest powered itself off: see its console's output",
    "Server.InsufficientInstanceCapacity": "free room (`mallee hosts`), then launch or start again",
    "Server.InternalError": f"launch or start it again; if it comes back, {LOOK_AT_HOST}",
    "Server.AccountDeleted": "the account is being deleted: there is nothing to do",
}
"""By the code of a StateReason: what to do about it."""
HALT_CURES: Mapping[Halt, str] = {
    Halt.NO_ROOM: "it goes on by itself when there is room: delete snapshots and volumes that are "
    f"not needed; {LOOK_AT_HOST}",
    Halt.QEMU_SILENT: "what it was asked is done when it answers; to end it all the same, stop it "
    f"by force; {LOOK_AT_HOST}",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that stands against it, and what to do about it."""

    cause: str
    cure: str


def of(view: Reader, record: Record[Any, Any]) -> list[Trouble]:
    """Return what stands against the thing being as it is wanted; empty: nothing known."""
    found = _KINDS.get(record.kind.name)
    return list(found(view, record)) if found is not None else []


def _instance(view: Reader, record: Record[Any, Any]) -> Iterator[Trouble]:
    doc, seen = record.doc, record.seen
    if seen is not None and seen.cause is not None and seen.launch == doc.launch:
        yield _of_reason(seen.cause)
    if doc.reason is not None and (seen is None or seen.cause != doc.reason):
        yield _of_reason(doc.reason)
    if doc.gone_at is not None:
        return
    host = view.get(records.HOST, doc.host_id)
    if host is None:
        yield Trouble("its host is no longer part of the cloud", "terminate it and launch another")
    elif host.seen is None or host.seen.is_silent:
        cause = "nothing is heard of its host, so that what is seen may be old"
        yield Trouble(cause, f"nothing can be done to it until the host is back; {LOOK_AT_HOST}")
    elif seen is not None and seen.halted is not None and seen.launch == doc.launch:
        since = datetime.fromtimestamp(seen.halted.since, UTC).isoformat(timespec="seconds")
        cause = f"its guest {HALTS[seen.halted.by]} (since {since})"
        yield Trouble(cause, HALT_CURES[seen.halted.by])
    if doc.root_device:
        yield from _root(view, record)
    if doc.power is Power.RUNNING:
        for id in doc.interface_ids:
            interface = view.get(records.INTERFACE, id)
            if interface is not None:
                yield from _interface(view, interface)


def _root(view: Reader, record: Record[Any, Any]) -> Iterator[Trouble]:
    """Yield what stands against an instance's booting from its root volume."""
    root = storage.root_of(view, record.id)
    if root is None:
        device = record.doc.root_device
        cause = f"it has no volume at {device}, and boots from nothing"
        yield Trouble(cause, f"attach one while it is stopped: AttachVolume with Device={device}")
    elif root.seen is not None and root.seen.phase is volumes.Phase.FAILED:
        why = root.seen.cause.message if root.seen.cause else "its host says nothing more"
        yield Trouble(f"its root volume {root.id} cannot be made: {why}", WAIT_OR_ASK)


def _reservation(view: Reader, record: Record[Any, Any]) -> Iterator[Trouble]:
    for hold in record.doc.holds:
        host = view.get(records.HOST, hold.host_id)
        if hold.used < hold.total and (host is None or host.seen is None or host.seen.is_silent):
            cause = f"room for {hold.total - hold.used} is on a host of which nothing is heard"
            yield Trouble(cause, f"it cannot be used until the host is back; {LOOK_AT_HOST}")


def _dedicated_host(view: Reader, record: Record[Any, Any]) -> Iterator[Trouble]:
    host = view.get(records.HOST, record.doc.host_id)
    is_heard = host is not None and host.seen is not None and not host.seen.is_silent
    if record.doc.released_at is None and not is_heard:
        cause = "nothing is heard of the host: nothing can be launched on it"
        yield Trouble(cause, f"wait until it is back; {LOOK_AT_HOST}")


def _key(view: Reader, key: DataKey | None) -> Iterator[Trouble]:
    """Tell that what is encrypted cannot be opened."""
    if key is not None and (words := datakeys.locked(view, key)):
        yield Trouble(words, "enable the key, or cancel its deletion: EnableKey, CancelKeyDeletion")


def _volume(view: Reader, record: Record[Any, Any]) -> Iterator[Trouble]:
    yield from _key(view, record.doc.key)
    if record.seen is not None and record.seen.cause is not None:
        yield Trouble(record.seen.cause.message, WAIT_OR_ASK)
    host = view.get(records.HOST, record.doc.host_id)
    if host is None or host.seen is None or host.seen.is_silent:
        yield Trouble("nothing is heard of the host that keeps it", f"wait for it; {LOOK_AT_HOST}")
    for one in record.doc.attachments:
        if one.is_leaving and storage.is_held(view, record.id, one.instance_id):
            cause = f"the guest of {one.instance_id} has not let it go yet"
            yield Trouble(cause, "unmount it there; stopping the instance lets it go for certain")


def _snapshot(view: Reader, record: Record[Any, Any]) -> Iterator[Trouble]:
    yield from _key(view, record.doc.key)
    for restore in view.by(records.FAST_RESTORE, "snapshot", record.id):
        if restore.account == record.account:
            for words in fastrestores.in_the_way(restore):
                yield Trouble(f"no fast restore in {restore.doc.zone}: {words}", LOOK_AT_HOST)
    message = snapshotstates.message(record)
    if record.doc.lost_blocks:
        cure = "what else it has can be read; a snapshot taken anew has all: CreateSnapshot"
        yield Trouble(message, cure)
    if record.doc.resealing is not None and message:
        is_over = record.doc.resealing.failed_at is not None
        cure = "delete it, and copy what can be read" if is_over else "it is tried again by itself"
        yield Trouble(message, cure)
    if record.doc.content is not None or not record.doc.cut:
        return
    if message:
        yield Trouble(message, f"it is tried again by itself; {LOOK_AT_HOST}")
    host = view.get(records.HOST, record.doc.host_id)
    if host is None or host.seen is None or host.seen.is_silent:
        yield Trouble("nothing is heard of the host that keeps it", f"wait for it; {LOOK_AT_HOST}")


def _image(view: Reader, record: Record[Any, Any]) -> Iterator[Trouble]:
    doc = record.doc
    if doc.state_reason and doc.mappings:
        yield Trouble(doc.state_reason, "register another one of it when that is mended")


def _of_reason(reason: instances.Reason) -> Trouble:
    return Trouble(f"{reason.code}: {reason.message}", CURES.get(reason.code, WAIT_OR_ASK))


def _interface(view: Reader, record: Record[Any, Any]) -> Iterator[Trouble]:
    doc = record.doc
    has_public = doc.public_ip or view.by(records.ADDRESS, "interface", record.id)
    if has_public and not view.by(records.INTERNET_GATEWAY, "vpc", doc.vpc_id):
        cause = f"{record.id} has a public address, and {doc.vpc_id} has no internet gateway"
        yield Trouble(cause, "create one and attach it: AttachInternetGateway")
    elif has_public and not _leads_out(view, doc.subnet_id):
        cause = f"{record.id} has a public address, and no route of {doc.subnet_id} leads out"
        yield Trouble(cause, "route 0.0.0.0/0 to the internet gateway: CreateRoute")
    if doc.instance_id is None:
        return
    if not doc.private_ip:
        cause = f"{record.id} has no address yet: its host asks the LAN's DHCP server for one"
        yield Trouble(cause, f"see that the server answers {doc.mac}: mallee doctor")
    instance = view.get(records.INSTANCE, doc.instance_id)
    is_up = instance is not None and instances.phase_of(instance.doc, instance.seen)
    if is_up is Phase.RUNNING and instance is not None and instance.seen is not None:
        told = instance.seen.interface_ids
        if told and record.id not in told:
            cause = f"the guest of {doc.instance_id} runs without {record.id}"
            yield Trouble(cause, "its host asks the guest to take it: a guest that boots may yet")


def _leads_out(view: Reader, subnet_id: str) -> bool:
    subnet = view.get(records.SUBNET, subnet_id)
    vpc = view.get(records.VPC, subnet.doc.vpc_id) if subnet is not None else None
    if subnet is None or vpc is None:
        return False
    table = view.get(records.ROUTE_TABLE, subnet.doc.route_table_id or vpc.doc.main_table_id)
    if table is None:
        # A VPC of before there were route tables: everything leads out.
        return True
    return any(ways.of(view, table.doc, it) is Way.INTERNET for it in table.doc.routes)


def _address(view: Reader, record: Record[Any, Any]) -> Iterator[Trouble]:
    if record.doc.interface_id is None:
        return
    interface = view.get(records.INTERFACE, record.doc.interface_id)
    if interface is not None:
        yield from _interface(view, interface)
        if interface.doc.instance_id is not None:
            instance = view.get(records.INSTANCE, interface.doc.instance_id)
            if instance is not None and instance.doc.power is not Power.RUNNING:
                yield Trouble(f"{instance.id}, which has it, shall not run", "start the instance")


def _subnet(view: Reader, record: Record[Any, Any]) -> Iterator[Trouble]:
    if privateips.free(view, record) <= 0:
        more = "make another subnet" if record.doc.shared is None else "have more addresses lent"
        yield Trouble(
            "it has no free address: no instance and no interface can be made in it",
            f"delete interfaces that nobody needs, or {more}",
        )


def _pool(view: Reader, record: Record[Any, Any]) -> Iterator[Trouble]:
    doc = record.doc
    if not doc.cidrs:
        yield Trouble("it has no range", "provision one: ProvisionIpamPoolCidr")
        return
    held = [it.doc.cidr for it in given.of_pool(view, record.id)]
    if spaces.size(held) >= spaces.size(it.cidr for it in doc.cidrs):
        yield Trouble(
            "all of it is given out: nothing more can be made from it",
            "provision another range, or end what nobody needs: ReleaseIpamPoolAllocation",
        )
    if doc.locale == pools.NOWHERE and not view.by(records.IPAM_POOL, "source", record.id):
        yield Trouble(
            "it has no locale: no VPC takes a range of it", "make a pool below it with one"
        )


def _target(view: Reader, record: Record[Any, Any]) -> Iterator[Trouble]:
    if record.doc.problem:
        yield Trouble(
            record.doc.problem, "give the list room, or let it follow: ModifyManagedPrefixList"
        )


def _resolver(view: Reader, record: Record[Any, Any]) -> Iterator[Trouble]:
    if record.doc.problem:
        yield Trouble(record.doc.problem, "narrow its rules: ModifyIpamPrefixListResolver")


def _group(view: Reader, record: Record[Any, Any]) -> Iterator[Trouble]:
    for rule in record.doc.rules:
        if rule.group_id and view.get(records.SECURITY_GROUP, rule.group_id) is None:
            cause = f"the rule {rule.id} names {rule.group_id}, which is gone: it lets nobody in"
            yield Trouble(cause, "revoke it: RevokeSecurityGroupIngress or …Egress")


def _route_table(view: Reader, record: Record[Any, Any]) -> Iterator[Trouble]:
    for route in record.doc.routes:
        if ways.of(view, record.doc, route) is Way.BLACKHOLE:
            cause = (
                f"the route to {route.destination} leads nowhere: {route.target_id} cannot carry"
            )
            yield Trouble(cause, "put the target right, or replace or delete the route")


def _endpoint(view: Reader, record: Record[Any, Any]) -> Iterator[Trouble]:
    doc = record.doc
    if doc.kind is EndpointKind.GATEWAY:
        if not doc.route_table_ids:
            yield Trouble("no route table leads to it", "ModifyVpcEndpoint: AddRouteTableIds")
        return
    if not doc.standings:
        yield Trouble("it stands in no subnet", "ModifyVpcEndpoint: AddSubnetIds")
    vpc = view.get(records.VPC, doc.vpc_id)
    if doc.private_dns and vpc and not (vpc.doc.dns_support and vpc.doc.dns_hostnames):
        cause = f"its private names mean nothing, for {doc.vpc_id} tells no names"
        yield Trouble(cause, "ModifyVpcAttribute: EnableDnsSupport and EnableDnsHostnames")


def _flow_log(view: Reader, record: Record[Any, Any]) -> Iterator[Trouble]:
    bucket = view.get(records.BUCKET, record.doc.bucket)
    if bucket is None:
        cause = f"the bucket {record.doc.bucket} is gone: lines wait a day for it"
        yield Trouble(cause, "make it again, or delete the log and make another: DeleteFlowLogs")
    elif record.seen is not None and record.seen.error:
        cause = f"the last lines could not be delivered: {record.seen.error}"
        cure = f"let delivery.logs.amazonaws.com put objects into {bucket.id}: PutBucketPolicy"
        yield Trouble(cause, cure)


def _mirror_session(view: Reader, record: Record[Any, Any]) -> Iterator[Trouble]:
    target = view.get(records.MIRROR_TARGET, record.doc.target_id)
    ends = (record.doc.interface_id, target.doc.interface_id if target else "")
    hosts: set[str] = set()
    for id in ends:
        interface = view.get(records.INTERFACE, id)
        instance_id = interface.doc.instance_id if interface is not None else None
        instance = view.get(records.INSTANCE, instance_id) if instance_id else None
        if instance is None:
            yield Trouble(f"{id} is attached to no instance", "AttachNetworkInterface")
        else:
            hosts.add(instance.doc.host_id)
    if len(hosts) > 1:
        cause = "its ends are on different hosts, between which no copies go"
        yield Trouble(cause, "launch both into one placement group of the strategy cluster")
    rules = view.by(records.MIRROR_RULE, "filter", record.doc.filter_id)
    if not any(rule.doc.is_accepted for rule in rules):
        cause = f"no rule of {record.doc.filter_id} accepts anything: nothing is copied"
        yield Trouble(cause, "add one: CreateTrafficMirrorFilterRule")


def _host(view: Reader, record: Record[Any, Any]) -> Iterator[Trouble]:
    seen = record.seen
    if seen is None or seen.is_silent:
        yield Trouble("its agent says nothing", "see whether it runs: `mallee doctor` on the host")
    if seen is None:
        return
    for problem in seen.facts.problems:
        yield Trouble(problem, "`mallee doctor` on the host looks again")
    for leftover in seen.leftovers:
        yield Trouble(leftover, "look at it, then remove it by hand: nobody claims it")


def _transfer(view: Reader, record: Record[Any, Any]) -> Iterator[Trouble]:
    found = tasks.trouble(view, record)
    if found is not None:
        yield Trouble(*found)


def _policy(_view: Reader, record: Record[Any, Any]) -> Iterator[Trouble]:
    if record.seen is not None and record.seen.trouble:
        cure = "let its role do it, then enable it again: UpdateLifecyclePolicy"
        yield Trouble(record.seen.trouble, cure)


_KINDS: Mapping[str, Callable[[Reader, Record[Any, Any]], Iterator[Trouble]]] = {
    records.INSTANCE.name: _instance,
    records.CAPACITY_RESERVATION.name: _reservation,
    records.DEDICATED_HOST.name: _dedicated_host,
    records.INTERFACE.name: _interface,
    records.ADDRESS.name: _address,
    records.SUBNET.name: _subnet,
    records.IPAM_POOL.name: _pool,
    records.RESOLVER.name: _resolver,
    records.RESOLVER_TARGET.name: _target,
    records.IPAM_POOL.name: _pool,
    records.SECURITY_GROUP.name: _group,
    records.ROUTE_TABLE.name: _route_table,
    records.ENDPOINT.name: _endpoint,
    records.FLOW_LOG.name: _flow_log,
    records.MIRROR_SESSION.name: _mirror_session,
    records.HOST.name: _host,
    records.VOLUME.name: _volume,
    records.SNAPSHOT.name: _snapshot,
    records.IMAGE.name: _image,
    records.LIFECYCLE_POLICY.name: _policy,
    records.IMPORT_SNAPSHOT_TASK.name: _transfer,
    records.IMPORT_IMAGE_TASK.name: _transfer,
    records.CONVERSION_TASK.name: _transfer,
    records.BUNDLE_TASK.name: _transfer,
    records.EXPORT_IMAGE_TASK.name: _transfer,
    records.EXPORT_INSTANCE_TASK.name: _transfer,
}

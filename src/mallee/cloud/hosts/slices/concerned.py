"""Whom a change concerns: which parts of which hosts' slices may be different after it.

Pure. Called by `slices` for what is new in the view, so that a launch among a thousand hosts costs
no more than among ten. It may name too many, never too few: what it does not know concerns all.
Not its business: what a slice holds.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mallee.cloud.ec2.images import tasks
from mallee.cloud.hosts.slices import peerslices, transitslices
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.cloud.state.view import News, View

AnyRecord = Record[Any, Any]


@dataclass(slots=True)
class Concern:
    """The parts of one host's slice that may be different."""

    all: bool = False
    vpc_ids: set[str] = field(default_factory=set[str])
    instance_ids: set[str] = field(default_factory=set[str])

    @property
    def is_of_others(self) -> bool:
        """Whether it is of neighbours alone: what addresses there are in VPCs of the host."""
        return bool(self.vpc_ids) and not self.all and not self.instance_ids

    def join(self, other: "Concern") -> None:
        """Add what another change may make different."""
        self.all |= other.all
        self.vpc_ids |= other.vpc_ids
        self.instance_ids |= other.instance_ids


@dataclass(frozen=True, slots=True)
class _Things:
    """What a record is about, before it is known which hosts carry it."""

    vpc_ids: frozenset[str] = frozenset()
    """Of each everything: its network and the instances in it."""
    plugged: frozenset[str] = frozenset()
    """VPCs in which only an address of one interface is another: no instance but its own."""
    instances: tuple[AnyRecord, ...] = ()
    host_ids: frozenset[str] = frozenset()
    volumes_on: frozenset[str] = frozenset()
    """Hosts of which only a volume, a transfer or a peer is another."""


Finder = Callable[[View, AnyRecord], _Things | None]
_NOBODY = _Things()


def hosts(
    view: View, news: News, shown: frozenset[str], gateway: str = ""
) -> dict[str, Concern] | None:
    """Return by host what the change may make different; None: everything of every host.

    `shown` are the names of the kinds that slices show; `gateway` is the host by which others'
    guests reach the world.
    """
    found: dict[str, Concern] = {}
    if news.either.kind.name not in shown:
        return found
    if news.before is not None and news.after is not None and news.before.doc is news.after.doc:
        # Slices follow from what is wanted, never from what is seen.
        return found
    if _is_other_host(news, gateway):
        return None
    if gateway and news.either.kind.name == records.HOST.name:
        # It deals with whom it leads to the world.
        found[gateway] = Concern()
    for record in (news.before, news.after):
        if record is None:
            continue
        things = _things(view, record)
        if things is None:
            return None
        _add(view, things, gateway, found)
    if _is_move(news):
        _add(view, _of_moved(view, news.either), gateway, found)
    return found


def _is_other_host(news: News, gateway: str) -> bool:
    """Whether others are led to a host, or by it, that were not before, or the other way round."""
    if news.either.kind.name == records.GATEWAY.name:
        hosts = (one.doc.host_id if one is not None else "" for one in (news.before, news.after))
        return next(hosts) != next(hosts)
    if news.either.kind.name != records.HOST.name:
        return False
    if news.before is None or news.after is None:
        return news.after is None or news.after.id == gateway
    one, other = news.before.doc, news.after.doc
    if one.address != other.address and news.after.id == gateway:
        return True
    ways = ((bool(it.address), it.roles, it.standing) for it in (one, other))
    return next(ways) != next(ways)


def _is_move(news: News) -> bool:
    """Whether an instance is on another host than before, or on its way to another one."""
    if news.before is None or news.after is None:
        return False
    if news.either.kind.name != records.INSTANCE.name:
        return False
    docs = news.before.doc, news.after.doc
    one, other = ((doc.host_id, doc.migration and doc.migration.to_host_id) for doc in docs)
    return one != other


def _of_moved(view: View, record: AnyRecord) -> _Things:
    """Find who reaches its interfaces: by another host from now on."""
    those = view.by(records.INTERFACE, "instance", record.id)
    return _Things(plugged=frozenset(one.doc.vpc_id for one in those))


def _things(view: View, record: AnyRecord) -> _Things | None:
    finder = _FINDERS.get(record.kind.name)
    if finder is not None:
        return finder(view, record)
    vpc_id = getattr(record.doc, "vpc_id", None)
    return None if vpc_id is None else _Things(vpc_ids=frozenset((vpc_id,)))


def _add(view: View, things: _Things, gateway: str, found: dict[str, Concern]) -> None:
    for host_id in things.host_ids:
        found.setdefault(host_id, Concern()).all = True
    for host_id in things.volumes_on:
        found.setdefault(host_id, Concern())
    touched, told = set[str](), set[str]()
    for instance in things.instances:
        touched.add(instance.doc.host_id)
        migration = instance.doc.migration
        for host_id in {instance.doc.host_id, migration.to_host_id if migration else ""} - {""}:
            concern = found.setdefault(host_id, Concern())
            concern.instance_ids.add(instance.id)
            # An interface that has just been taken away is in no index any more.
            concern.vpc_ids |= things.plugged
            for interface in view.by(records.INTERFACE, "instance", instance.id):
                concern.vpc_ids.add(interface.doc.vpc_id)
    for vpc_id, is_whole in _with_peers(view, things):
        told.add(vpc_id)
        for interface in view.by(records.INTERFACE, "vpc", vpc_id):
            instance = view.get(records.INSTANCE, interface.doc.instance_id or "")
            if instance is not None:
                touched.add(instance.doc.host_id)
                if instance.doc.migration is not None:
                    touched.add(instance.doc.migration.to_host_id)
                concern = found.setdefault(instance.doc.host_id, Concern())
                concern.vpc_ids.add(vpc_id)
                if is_whole:
                    concern.instance_ids.add(instance.id)
    # Each of these may carry the VPCs of the others, and the gateway carries them for all.
    if gateway and touched - {gateway}:
        touched.add(gateway)
    for host_id in touched:
        found.setdefault(host_id, Concern()).vpc_ids.update(told)


def _with_peers(view: View, things: _Things) -> Iterator[tuple[str, bool]]:
    """Yield the VPCs and their peers: they know each other's addresses and groups."""
    told: set[str] = set()
    for vpc_ids, is_whole in ((things.vpc_ids, True), (things.plugged, False)):
        for vpc_id in (*vpc_ids, *(it for one in vpc_ids for it in _peers(view, one))):
            if vpc_id not in told:
                told.add(vpc_id)
                yield vpc_id, is_whole


def _peers(view: View, vpc_id: str) -> Iterator[str]:
    for peering in view.by(records.PEERING, "vpc", vpc_id):
        yield peering.doc.requester.vpc_id
        yield peering.doc.accepter.vpc_id
    yield from transitslices.neighbours(view, vpc_id)


def _of_host(view: View, record: AnyRecord) -> _Things:
    """Find the host, and those that know it as a peer."""
    vpc_ids = {
        interface.doc.vpc_id
        for instance in view.by(records.INSTANCE, "host", record.id)
        for interface in view.by(records.INTERFACE, "instance", instance.id)
    }
    near = {one for vpc_id in vpc_ids for one in (vpc_id, *_peers(view, vpc_id))}
    sharing = (peerslices.hosts_of_vpc(view, vpc_id) for vpc_id in near)
    peers = frozenset[str]().union(*sharing, peerslices.exchanging(view, record.id))
    return _Things(host_ids=frozenset((record.id,)), volumes_on=peers - {record.id})


def _of_gateway(view: View, record: AnyRecord) -> _Things:
    """Find all hosts: they are told who leads to the world."""
    return _Things(volumes_on=frozenset(host.id for host in view.list(records.HOST)))


def _of_interface(view: View, record: AnyRecord) -> _Things:
    instance = view.get(records.INSTANCE, record.doc.instance_id or "")
    return _Things(
        plugged=frozenset((record.doc.vpc_id,)), instances=(instance,) if instance else ()
    )


def _of_address(view: View, record: AnyRecord) -> _Things:
    interface = view.get(records.INTERFACE, record.doc.interface_id or "")
    return _of_interface(view, interface) if interface else _NOBODY


def _of_options(view: View, record: AnyRecord) -> _Things:
    vpcs = view.by(records.VPC, "dhcp-options", record.id)
    return _Things(vpc_ids=frozenset(vpc.id for vpc in vpcs))


def _of_peering(view: View, record: AnyRecord) -> _Things:
    return _Things(vpc_ids=frozenset((record.doc.requester.vpc_id, record.doc.accepter.vpc_id)))


def _of_role(view: View, record: AnyRecord) -> _Things:
    """Find the instances that may have it: those of its account that have a profile."""
    own = view.list(records.INSTANCE, record.account)
    return _Things(instances=tuple(one for one in own if one.doc.profile is not None))


def _of_image(view: View, record: AnyRecord) -> _Things | None:
    if not record.id.startswith("ami-"):
        return None
    return _Things(instances=tuple(view.by(records.INSTANCE, "image", record.id)))


def _of_event(view: View, record: AnyRecord) -> _Things:
    instance = view.get(records.INSTANCE, record.doc.instance_id)
    return _Things(instances=(instance,)) if instance else _NOBODY


def _of_group(view: View, record: AnyRecord) -> _Things:
    return _Things(vpc_ids=frozenset((record.doc.vpc_id, *record.doc.more_vpc_ids)))


def _of_settings(view: View, record: AnyRecord) -> _Things:
    """Find the account's VPCs: whether they may speak with the world is among its settings."""
    return _Things(vpc_ids=frozenset(vpc.id for vpc in view.list(records.VPC, record.account)))


def _of_snapshot(view: View, record: AnyRecord) -> _Things:
    """Find the hosts of its volume, and of those made of it: they tell the next ones from it."""
    made = view.by(records.VOLUME, "snapshot", record.id)
    volume = view.get(records.VOLUME, record.doc.volume_id)
    found = {record.doc.host_id, *(one.doc.host_id for one in made)}
    for one in view.by(records.FAST_RESTORE, "snapshot", record.id):
        found |= _of_fast_restore(view, one).volumes_on
    return _Things(volumes_on=frozenset(found | ({volume.doc.host_id} if volume else set())))


def _of_fast_restore(view: View, record: AnyRecord) -> _Things:
    """Find the hosts of its zone: each keeps all of the snapshot at hand."""
    hosts = view.by(records.HOST, "zone", record.doc.zone)
    return _Things(volumes_on=frozenset(one.id for one in hosts))


def _of_volume(view: View, record: AnyRecord) -> _Things:
    """Find the hosts that keep it, and the instances that shall have it."""
    named = (view.get(records.INSTANCE, one.instance_id) for one in record.doc.attachments)
    return _Things(
        instances=tuple(one for one in named if one is not None),
        volumes_on=frozenset(
            (
                record.doc.host_id,
                record.doc.former_host_id,
                record.doc.move.to_host_id if record.doc.move else "",
            )
        )
        - {""},
    )


def _of_task(view: View, record: AnyRecord) -> _Things:
    """Find the host that carries it: nothing else of its slice is another."""
    return _Things(volumes_on=frozenset((record.doc.host_id,)))


_FINDERS: Mapping[str, Finder] = {
    records.HOST.name: _of_host,
    records.GATEWAY.name: _of_gateway,
    records.INSTANCE.name: lambda view, record: _Things(instances=(record,)),
    records.INTERFACE.name: _of_interface,
    records.ADDRESS.name: _of_address,
    records.VPC.name: lambda view, record: _Things(vpc_ids=frozenset((record.id,))),
    records.DHCP_OPTIONS.name: _of_options,
    records.PEERING.name: _of_peering,
    records.EVENT.name: _of_event,
    records.SECURITY_GROUP.name: _of_group,
    records.EC2_SETTINGS.name: _of_settings,
    records.ROLE.name: _of_role,
    records.INSTANCE_PROFILE.name: _of_role,
    records.IMAGE.name: _of_image,
    records.VOLUME.name: _of_volume,
    **{kind.name: _of_task for kind in tasks.TASKS},
    records.SNAPSHOT.name: _of_snapshot,
    records.FAST_RESTORE.name: _of_fast_restore,
}
"""By kind, where it is not the VPC that its documents name."""

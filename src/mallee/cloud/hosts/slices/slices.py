"""A host's slice of the cloud: everything that its agent is told, read from the view.

The agents' endpoint asks for it after every change that concerns the host. Of a slice those parts
are computed again that a change concerns (`concerned`), now and then all of it; it is a new
generation only when it differs. It follows from what is wanted alone, never from what is seen.
How the agent carries it out is not its business.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from msgspec.structs import replace

from mallee.cloud.ec2.images import tasks
from mallee.cloud.ec2.vpc.interfaces import interfacelisting, privatenames
from mallee.cloud.gateways import told as gateways
from mallee.cloud.hosts import metadata
from mallee.cloud.hosts.moves import migrating, transferring
from mallee.cloud.hosts.slices import (
    alike,
    concerned,
    farslices,
    networkslices,
    peerslices,
    pinslices,
    transitslices,
    volumeslices,
)
from mallee.cloud.identity import rolecredentials
from mallee.cloud.modes import slices as modeslices
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.cloud.state.store import View
from mallee.model.compute.instances import Instance, InstanceSeen
from mallee.model.configuration.settings import Settings
from mallee.model.hosts.frontends import FRONT_ENDS_MAX
from mallee.model.hosts.hosts import HostWanted, InstanceWanted, Kept, VpcWanted
from mallee.model.images.images import Blob, DirectBoot, Image
from mallee.model.network.carried import FarWanted
from mallee.model.network.modes import ModeWanted
from mallee.model.network.networks import Interface

SHOWN = (
    records.HOST,
    records.FRONT_END,
    records.AUTHORITY,
    records.GATEWAY,
    records.INSTANCE,
    records.IMAGE,
    records.EVENT,
    records.INSTANCE_PROFILE,
    records.ROLE,
    records.SNAPSHOT,
    records.VOLUME,
    records.FAST_RESTORE,
    *tasks.TASKS,
    *networkslices.SHOWN,
)
"""The kinds whose documents a slice shows."""

ANEW_AFTER = 360
"""After so many questions of a host to which nothing was new all of its slice is computed:
half an hour, as agents ask at least every ten seconds, of each host at another time."""

_SHOWN_NAMES = frozenset(kind.name for kind in SHOWN)

KERNEL_COMMAND_LINE = "root={root} console=ttyS0 quiet loglevel=3 cryptomgr.notests no_timer_check"
"""For a kernel that was registered by itself (AKI)."""

_UNKNOWN_BLOB = Blob(sha256="", size_bytes=0, format="raw")

InstanceRecord = Record[Instance, InstanceSeen]
InterfaceRecord = Record[Interface, None]


@dataclass(slots=True)
class _Told:
    """What was computed of one host's slice."""

    wanted: HostWanted
    vpcs: dict[str, VpcWanted]
    since: Mapping[str, int]
    """By id of a VPC or an instance: the generation at which its part last changed."""
    known_since: int
    """The generation from which on `since` says all."""
    by_vpc: Mapping[str, tuple[InterfaceRecord, ...]]
    """The interfaces that the host carries."""
    sharing: peerslices.Sharing
    idle_questions: int = 0
    """How often it was asked for with nothing new since all of it was computed."""


class Slices:
    """Slices with their generations: a host's generation is the revision at which it last changed.

    The process keeps one; it belongs to the event loop's thread like the view.
    """

    def __init__(self, settings: Settings, signer_chain: str = "") -> None:
        """`signer_chain` is by what guests check SSH keys that are pushed to them."""
        self._settings = settings
        self._signer_chain = signer_chain
        self._at = -1
        self._told: dict[str, _Told] = {}
        self._concerns: dict[str, concerned.Concern] = {}
        self._instances: dict[str, tuple[tuple[object, ...], InstanceWanted]] = {}
        self._groups = networkslices.Groups(settings.region)
        self._alike = alike.Alike()
        self._is_classic = settings.network.mode != "vpc"
        self._far = farslices.Far(is_overlaid=not self._is_classic)

    def hosts_concerned(self, view: View) -> tuple[str, ...]:
        """Return the hosts whose slices may be different now, until they are asked for."""
        self._look(view)
        return tuple(self._concerns)

    def may_wait(self, host_id: str) -> bool:
        """Tell whether all that concerns a host is who else is in the VPCs that it carries."""
        concern = self._concerns.get(host_id)
        return concern is not None and concern.is_of_others

    def host_wanted(self, view: View, host_id: str) -> HostWanted:
        """Return the host's slice; the same object while nothing that it shows has changed."""
        self._look(view)
        told = self._told.get(host_id)
        concern = self._concerns.pop(host_id, None)
        if told is not None and concern is None and told.idle_questions < ANEW_AFTER:
            told.idle_questions += 1
            return told.wanted
        if told is None or concern is None:
            concern = concerned.Concern(all=True)
        return self._compute(view, host_id, concern)

    def news(
        self, view: View, host_id: str, known_generation: int
    ) -> tuple[HostWanted, Kept | None]:
        """Return the host's slice without the parts that it has, at a generation, and those."""
        wanted = self.host_wanted(view, host_id)
        told = self._told.get(host_id)
        if told is None or known_generation < told.known_since:
            return wanted, None
        new = {id for id, since in told.since.items() if since > known_generation}
        changed = tuple(vpc for vpc in wanted.vpcs if vpc.id in new)
        parts = replace(
            wanted,
            vpcs=tuple(_with_far(vpc, lambda key: key in new) for vpc in changed),
            instances=tuple(one for one in wanted.instances if one.id in new),
        )
        kept = Kept(
            vpc_ids=tuple(vpc.id for vpc in wanted.vpcs if vpc.id not in new),
            instance_ids=tuple(one.id for one in wanted.instances if one.id not in new),
            far={
                vpc.id: tuple(far.host_id for far in left.far)
                for vpc in changed
                if (left := _with_far(vpc, lambda key: key not in new)).far
            },
        )
        return parts, kept

    def _look(self, view: View) -> None:
        """Find out whom the changes concern that were made since the last look."""
        if view.rev == self._at:
            return
        news, self._at = view.news(self._at), view.rev
        for item in news if news is not None else (None,):
            if item is not None and item.after is None:
                self._alike.forget(item.either.id)
                self._far.drop(item.either.id)
            gate = self._far.gateway(view)
            found = concerned.hosts(view, item, _SHOWN_NAMES, gate) if item is not None else None
            if found is None:
                self._far.forget_all()
                self._concerns = {id: concerned.Concern(all=True) for id in self._told}
                continue
            if self._is_classic and item is not None and modeslices.concerns_gateway(item):
                for host_id in (gate,) if gate else self._told:
                    found.setdefault(host_id, concerned.Concern())
            self._far.forget(id for concern in found.values() for id in concern.vpc_ids)
            for host_id, concern in found.items():
                if host_id in self._told:
                    self._concerns.setdefault(host_id, concerned.Concern()).join(concern)

    def _compute(self, view: View, host_id: str, concern: concerned.Concern) -> HostWanted:
        network = self._settings.network
        host = view.get(records.HOST, host_id)
        instances = _carried(view, host_id)
        known = self._told.get(host_id)
        self._forget(view, host_id, instances)
        vpcs: dict[str, VpcWanted] = {}
        if known is not None and not concern.all:
            vpcs = {id: vpc for id, vpc in known.vpcs.items() if id not in concern.vpc_ids}
        known_by_vpc = known.by_vpc if known is not None and not concern.all else None
        by_vpc = _by_vpc(view, instances, known_by_vpc, concern.vpc_ids)
        if concern.all:
            self._far.forget(by_vpc)
        carried = self._vpcs(view, host_id, modeslices.addressed(by_vpc), vpcs)
        before = known.sharing if known is not None and not concern.all else peerslices.NOBODY
        sharing = peerslices.sharing(view, (vpc.id for vpc in carried), before, concern.vpc_ids)
        others = {
            *chain.from_iterable(sharing.values()),
            *peerslices.exchanging(view, host_id),
            *gateways.partners(view, host_id),
            *(far.host_id for vpc in carried for far in vpc.far),
        }
        wanted = HostWanted(
            generation=view.rev,
            region=self._settings.region,
            zone=host.doc.zone if host else self._settings.zone,
            public_range=network.public_range,
            private_range=network.private_range,
            egress=network.egress,
            ipv6_range=network.ipv6_range,
            landmarks=network.landmarks,
            vpcs=carried,
            transit_gateways=transitslices.gateways(view, {vpc.id for vpc in carried}),
            instances=tuple(
                migrating.aimed(one, host_id, self._instance(view, one, concern))
                for one in instances
            ),
            volumes=volumeslices.kept(view, host_id),
            transfers=transferring.wanted_of(view, host_id),
            front_ends=_front_ends(view),
            authorities=_authorities(view),
            peers=peerslices.wanted(view, host_id, others),
            own=peerslices.own(view, host_id),
            pins=pinslices.wanted(view, host_id),
            gateway=gateways.wanted(view),
            mode=self._mode(view, host_id, by_vpc),
        )
        if known is not None and replace(wanted, generation=known.wanted.generation) == (
            known.wanted
        ):
            wanted = known.wanted
        if host is not None:
            self._told[host_id] = _Told(
                wanted=wanted,
                vpcs={vpc.id: vpc for vpc in wanted.vpcs},
                since=_since(wanted, known),
                known_since=known.known_since if known else wanted.generation,
                by_vpc=by_vpc,
                sharing=sharing,
                idle_questions=_idle(host_id, known, concern),
            )
        return wanted

    def _forget(self, view: View, host_id: str, carried: Iterable[InstanceRecord]) -> None:
        """Drop what is remembered of instances that the host no longer carries."""
        known = self._told.get(host_id)
        if known is not None:
            kept = {instance.id for instance in carried}
            for instance in known.wanted.instances:
                if instance.id not in kept:
                    self._instances.pop(instance.id, None)
        if view.get(records.HOST, host_id) is None:
            self._told.pop(host_id, None)

    # Instances

    def _instance(
        self, view: View, instance: InstanceRecord, concern: concerned.Concern
    ) -> InstanceWanted:
        known = self._instances.get(instance.id)
        if known is not None and not concern.all and instance.id not in concern.instance_ids:
            return known[1]
        image = view.get(records.IMAGE, instance.doc.image_id)
        interfaces = _interfaces(view, instance)
        facts = tuple(_facts(view, interface, self._settings.region) for interface in interfaces)
        boot = _boot(view, instance, image)
        profile = rolecredentials.profile_wanted(view, instance)
        disks = volumeslices.disks(view, instance.id)
        devices = volumeslices.devices(view, instance.id)
        forced = volumeslices.forced(view, instance.id)
        events = tuple(one.doc for one in view.by(records.EVENT, "instance", instance.id))
        group = view.get(records.PLACEMENT_GROUP, instance.doc.placement_group_id)
        known_by = (events, group and group.doc)
        worn = (disks, devices, forced)
        basis = (instance.doc, image and image.doc, boot, facts, profile, worn, known_by)
        if known is not None and known[0] == basis:
            return known[1]
        told = {}
        if image is not None:
            told = metadata.paths(
                metadata.Facts(
                    account=instance.account,
                    region=self._settings.region,
                    instance=instance.doc,
                    image=image.doc,
                    interfaces=tuple(fact for fact in facts if fact is not None),
                    events=events,
                    group=group.doc if group else None,
                    devices=devices,
                    signer_chain=self._signer_chain,
                )
            )
        wanted = _instance_wanted(instance, image, boot, told)
        wanted = replace(wanted, profile=profile, disks=disks, forced_volumes=forced)
        self._instances[instance.id] = (basis, wanted)
        return wanted

    # Networks

    def _vpcs(
        self,
        view: View,
        host_id: str,
        by_vpc: Mapping[str, tuple[InterfaceRecord, ...]],
        known: Mapping[str, VpcWanted],
    ) -> tuple[VpcWanted, ...]:
        """Return the VPCs that the host carries, those `known` as they are."""
        beyond = self._far.beyond(view, host_id, by_vpc.keys())
        vpcs = (view.get(records.VPC, vpc_id) for vpc_id in sorted({*by_vpc, *beyond}))
        return tuple(
            known.get(vpc.id) or self._vpc(view, vpc, host_id, by_vpc.get(vpc.id, ()))
            for vpc in vpcs
            if vpc is not None
        )

    def _vpc(
        self,
        view: View,
        vpc: networkslices.VpcRecord,
        host_id: str,
        interfaces: tuple[InterfaceRecord, ...],
    ) -> VpcWanted:
        wanted = networkslices.vpc_wanted(view, vpc, interfaces, self._groups)
        if self._is_classic:
            wanted = modeslices.plain(wanted, self._settings.network)
        names = networkslices.Names.of_vpc(self._settings.region, vpc.doc)
        part = self._far.part(view, vpc, host_id, names.of)
        if part.far:
            wanted = replace(
                wanted,
                far=part.far,
                overlay_id=part.overlay_id,
                gateway_host_id=part.gateway_host_id,
                nat_gateways=() if part.gateway_host_id else wanted.nat_gateways,
            )
        return self._alike.shared(wanted)

    def _mode(
        self, view: View, host_id: str, by_vpc: Mapping[str, tuple[InterfaceRecord, ...]]
    ) -> ModeWanted | None:
        carried = modeslices.Carried(by_vpc, self._far.gateway(view) in ("", host_id))
        return modeslices.wanted(view, self._settings.network, carried)


def _idle(host_id: str, known: _Told | None, concern: concerned.Concern) -> int:
    """Return where a host's idle questions begin to count: those of a thousand do not meet."""
    if known is None:
        return zlib.crc32(host_id.encode()) % ANEW_AFTER
    return 0 if concern.all else known.idle_questions


def _since(wanted: HostWanted, known: _Told | None) -> Mapping[str, int]:
    """Return since which generation each part of a slice is as it is."""
    if known is None:
        return {id: wanted.generation for id, _ in _parts(wanted)}
    if wanted is known.wanted:
        return known.since
    before = dict(_parts(known.wanted))
    return {
        id: known.since[id] if _is_same(before.get(id), part) else wanted.generation
        for id, part in _parts(wanted)
    }


def _parts(wanted: HostWanted) -> Iterator[tuple[str, object]]:
    """Yield what may be left out of an answer, each with its key."""
    for part in (*wanted.vpcs, *wanted.instances):
        yield part.id, part
    for vpc in wanted.vpcs:
        for far in vpc.far:
            yield _far_key(vpc, far), far


def _far_key(vpc: VpcWanted, far: FarWanted) -> str:
    return f"{vpc.id}/{far.host_id}"


def _with_far(vpc: VpcWanted, is_kept: Callable[[str], bool]) -> VpcWanted:
    """Return a VPC with some of other hosts' parts of it."""
    kept = tuple(far for far in vpc.far if is_kept(_far_key(vpc, far)))
    return vpc if len(kept) == len(vpc.far) else replace(vpc, far=kept)


def _is_same(before: object, now: object) -> bool:
    return before is now or before == now


def _by_vpc(
    view: View,
    carried: Iterable[InstanceRecord],
    known: Mapping[str, tuple[InterfaceRecord, ...]] | None,
    vpc_ids: Iterable[str],
) -> Mapping[str, tuple[InterfaceRecord, ...]]:
    """Return the interfaces of instances by VPC; where they are known, only `vpc_ids` are new."""
    if known is None:
        found: dict[str, list[InterfaceRecord]] = {}
        for instance in carried:
            for interface in _interfaces(view, instance):
                found.setdefault(interface.doc.vpc_id, []).append(interface)
        return {vpc_id: tuple(interfaces) for vpc_id, interfaces in found.items()}
    own = {instance.id for instance in carried}
    now = dict(known)
    for vpc_id in vpc_ids:
        there = view.by(records.INTERFACE, "vpc", vpc_id)
        now[vpc_id] = tuple(one for one in there if one.doc.instance_id in own)
        if not now[vpc_id]:
            del now[vpc_id]
    return now


def host_wanted(view: View, host_id: str, settings: Settings) -> HostWanted:
    """Return the host's slice computed afresh, with the view's revision as its generation."""
    return Slices(settings).host_wanted(view, host_id)


def _front_ends(view: View) -> tuple[str, ...]:
    urls = sorted({one.doc.agents_url for one in view.list(records.FRONT_END)} - {""})
    return tuple(urls[:FRONT_ENDS_MAX])


def _authorities(view: View) -> tuple[str, ...]:
    """Return which authorities a host shall trust; none: those that it has."""
    found = sorted(view.list(records.AUTHORITY), key=lambda one: one.doc.requested_at)
    return found[-1].doc.told if found else ()


def _carried(view: View, host_id: str) -> list[InstanceRecord]:
    """Return the host's instances; a terminated one until it is known to be gone."""
    own, coming = (view.by(records.INSTANCE, name, host_id) for name in ("host", "coming"))
    found = {one.id: one for one in (*own, *coming)}.values()
    return sorted((one for one in found if one.doc.gone_at is None), key=lambda one: one.id)


def _interfaces(view: View, instance: InstanceRecord) -> list[InterfaceRecord]:
    found = view.by(records.INTERFACE, "instance", instance.id)
    return sorted(found, key=lambda one: (one.doc.device_index, one.id))


def _instance_wanted(
    instance: InstanceRecord,
    image: Record[Image, Any] | None,
    boot: DirectBoot | None,
    told: dict[str, str],
) -> InstanceWanted:
    doc = instance.doc
    return InstanceWanted(
        id=instance.id,
        account_id=instance.account,
        power=doc.power,
        launch=doc.launch,
        reboots=doc.reboots,
        force_stop=doc.force_stop,
        vcpus=doc.vcpus,
        cpu=doc.cpu,
        memory_mib=doc.memory_mib,
        # Without its image a guest that has its disk runs on, and any other says what is missing.
        disk=None if doc.root_device else (image and image.doc.blob) or _UNKNOWN_BLOB,
        disk_gib=doc.disk_gib,
        boot=boot,
        interface_ids=doc.interface_ids,
        metadata_options=doc.metadata,
        metadata=told,
        user_data=doc.user_data,
        auto_recovers=doc.auto_recovers,
    )


def _boot(
    view: View, instance: InstanceRecord, image: Record[Image, Any] | None
) -> DirectBoot | None:
    """Return what the hypervisor starts: the kernel asked for, or its root's own fast path."""
    doc, offered = instance.doc, image.doc if image else None
    kernel_id = doc.kernel_id or (offered and offered.kernel_id)
    kernel = view.get(records.IMAGE, kernel_id) if kernel_id else None
    if kernel is None:
        if doc.root_device:
            return volumeslices.boot(view, instance.id)
        return offered.direct_boot if offered else None
    ramdisk_id = doc.ramdisk_id or (offered and offered.ramdisk_id)
    ramdisk = view.get(records.IMAGE, ramdisk_id) if ramdisk_id else None
    root = "/dev/vda" if offered and offered.is_root_file_system else "/dev/vda1"
    command_line = KERNEL_COMMAND_LINE.format(root=root)
    if kernel.doc.blob is None:
        return None
    return DirectBoot(kernel.doc.blob, ramdisk.doc.blob if ramdisk else None, command_line)


def _facts(view: View, interface: InterfaceRecord, region: str) -> metadata.InterfaceFacts | None:
    doc = interface.doc
    vpc, subnet = view.get(records.VPC, doc.vpc_id), view.get(records.SUBNET, doc.subnet_id)
    if vpc is None or subnet is None:
        return None
    groups = (view.get(records.SECURITY_GROUP, id) for id in doc.group_ids)
    public = interfacelisting.public_ips(view, interface)
    if of_lan := interfacelisting.of_lan(view, interface):
        public = {doc.private_ip: of_lan}
    return metadata.InterfaceFacts(
        id=interface.id,
        device_index=doc.device_index,
        mac=doc.mac,
        private_ip=doc.private_ip,
        private_name=privatenames.of(view, region, doc),
        public_ip=public.get(doc.private_ip),
        public_name=networkslices.Names.of_vpc(region, vpc.doc).of(public.get(doc.private_ip)),
        secondary=doc.secondary_ips,
        public_ips=tuple(public.items()),
        ipv6s=doc.ipv6s,
        prefixes=doc.prefixes,
        prefixes6=doc.prefixes6,
        groups=tuple((group.id, group.doc.name) for group in groups if group is not None),
        subnet=subnet.doc,
        vpc=vpc.doc,
    )

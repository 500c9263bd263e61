"""VPCs on several hosts: which hosts carry each, what each is told of the others, who is gateway.

A host *carries* a VPC while guests of the VPC are on it; while it carries another VPC that leads to
it (by a peering connection, a transit gateway), for what goes there leaves the sender's host as a
packet of the VPC it goes to; and, as the gateway, while guests elsewhere reach the world by it.
Called by `slices`, which keeps one `Far` for all hosts: what hosts are told of a VPC's part on
another one is the same value for all of them. It follows from what is wanted alone.
"""

import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from mallee.cloud.ec2.vpc.interfaces import interfacelisting, privatenames
from mallee.cloud.ec2.vpc.routing import natgateways
from mallee.cloud.gateways import charge
from mallee.cloud.hosts import standings
from mallee.cloud.hosts.slices import transitslices
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.cloud.state.view import View
from mallee.model.network.carried import AddressWanted, FarInterface, FarWanted
from mallee.model.network.gateways import WORLD
from mallee.model.network.networks import Interface, Vpc
from mallee.model.network.peerings import PeeringStatus

InterfaceRecord = Record[Interface, None]
NameOf = Callable[[str], str]
"""Gives the name of a public address; empty: it has none."""

_LINKS = 1 << 14
"""How many VPCs a cloud can have: more than there are link indices."""
_CLOUDS = 1023


def gateway(view: View) -> str:
    """Return the host by which guests of others reach the world: the one in charge; before one is,
    who would be first. Empty: none, so that each host is its own."""
    hosts = view.list(records.HOST)
    charged = view.get(records.GATEWAY, WORLD)
    named = (host for host in hosts if charged is not None and host.id == charged.doc.host_id)
    fit = charge.fitting(hosts)
    found = next((one for one in named if one.doc.address and standings.is_member(one)), None)
    found = found or next(iter(fit), None)
    return found.id if found is not None else ""


def neighbours(view: View, vpc_id: str) -> frozenset[str]:
    """Return the VPCs to which packets of one go and come back."""
    found = set(transitslices.neighbours(view, vpc_id))
    for peering in view.by(records.PEERING, "vpc", vpc_id):
        if peering.doc.status is PeeringStatus.ACTIVE:
            found |= {peering.doc.requester.vpc_id, peering.doc.accepter.vpc_id}
    return frozenset(found - {vpc_id})


@dataclass(frozen=True, slots=True)
class Part:
    """What a host is told of a VPC because others carry it too."""

    far: tuple[FarWanted, ...] = ()
    overlay_id: int = 0
    gateway_host_id: str = ""


@dataclass(frozen=True, slots=True)
class _Hosts:
    """What follows from the hosts alone, at a revision."""

    at: tuple[int, int] = (-1, -1)
    gateway: str = ""
    reachable: frozenset[str] = frozenset()
    """The ids of those that others reach."""
    number: int = 0
    """By which the networks of clouds differ that share hosts' cables."""


class Far:
    """Who carries what, computed once for all hosts. Belongs to the event loop's thread.

    What it knows of a VPC holds until it is told to forget it.
    """

    def __init__(self, *, is_overlaid: bool = True) -> None:
        """Know nothing. `is_overlaid` is whether VPCs have a network of their own between hosts: in
        the classic modes their guests meet in one that is there already, and so does the gateway.
        """
        self._is_overlaid = is_overlaid
        self._members = _Hosts()
        self._by_host: dict[str, Mapping[str, tuple[InterfaceRecord, ...]]] = {}
        self._awaiting: dict[str, frozenset[str]] = {}
        """By VPC: the hosts to which guests of it are on their way."""
        self._carriers: dict[str, frozenset[str]] = {}
        self._told: dict[str, dict[str, FarWanted]] = {}
        """Each host's part, by VPC and host."""
        self._fresh: set[str] = set()
        """VPCs of which `_told` holds."""

    def forget(self, vpc_ids: Iterable[str]) -> None:
        """Look at these VPCs again: something of them may be different."""
        for id in vpc_ids:
            self._by_host.pop(id, None)
            self._carriers.pop(id, None)
            self._fresh.discard(id)

    def drop(self, vpc_id: str) -> None:
        """Know no more of a VPC that is gone."""
        self.forget((vpc_id,))
        self._told.pop(vpc_id, None)

    def forget_all(self) -> None:
        """Look at everything again."""
        self._by_host.clear()
        self._carriers.clear()
        self._fresh.clear()

    def beyond(self, view: View, host_id: str, own: Collection[str]) -> frozenset[str]:
        """Return the VPCs that a host carries besides those of its own guests."""
        if not self._is_overlaid:
            return frozenset()
        base = set(own)
        if host_id == self.gateway(view):
            base |= {vpc.id for vpc in view.list(records.VPC) if self._is_served(view, vpc.id)}
        near = {other for id in base for other in neighbours(view, id)}
        led = {id for id in near if self.by_host(view, id)}
        # Of those it has itself only what hides others is carried for its own sake.
        return frozenset(base | led | set(transitslices.beyond(view, base))) - set(own)

    def part(self, view: View, vpc: Record[Vpc, None], host_id: str, name_of: NameOf) -> Part:
        """Return what a host that carries a VPC is told of the others that do."""
        reachable = self._hosts(view).reachable
        others = sorted((self.carriers(view, vpc.id) & reachable) - {host_id})
        if not others or host_id not in reachable:
            return Part()
        self._tell(view, vpc.id, name_of)
        told = self._told[vpc.id]
        gate = self.gateway(view)
        far = tuple(told.get(id) or FarWanted(host_id=id) for id in others)
        if not self._is_overlaid:
            return Part(far=far)
        return Part(
            far=far,
            overlay_id=self._hosts(view).number * _LINKS + vpc.doc.link_index,
            gateway_host_id=gate if gate in others else "",
        )

    def carriers(self, view: View, vpc_id: str) -> frozenset[str]:
        """Return the hosts that carry a VPC."""
        known = self._carriers
        if vpc_id not in known:
            near = neighbours(view, vpc_id) if self._base(view, vpc_id) else ()
            those = (self._base(view, id) for id in (vpc_id, *near))
            known[vpc_id] = frozenset().union(*those)
        return known[vpc_id]

    def by_host(self, view: View, vpc_id: str) -> Mapping[str, tuple[InterfaceRecord, ...]]:
        """Return the interfaces of a VPC by the host that they are on."""
        known = self._by_host
        if vpc_id not in known:
            found: dict[str, list[InterfaceRecord]] = {}
            awaiting = set[str]()
            for one in view.by(records.INTERFACE, "vpc", vpc_id):
                instance = view.get(records.INSTANCE, one.doc.instance_id or "")
                is_there = instance is not None and instance.doc.gone_at is None
                if instance is not None and is_there and one.doc.private_ip:
                    found.setdefault(instance.doc.host_id, []).append(one)
                    move = instance.doc.migration
                    awaiting |= {move.to_host_id} if move is not None else set()
            self._awaiting[vpc_id] = frozenset(awaiting)
            known[vpc_id] = {
                host_id: tuple(sorted(those, key=lambda one: one.id))
                for host_id, those in found.items()
            }
        return known[vpc_id]

    def gateway(self, view: View) -> str:
        """Return the host by which guests of others reach the world; empty: there is none."""
        return self._hosts(view).gateway

    def _hosts(self, view: View) -> "_Hosts":
        now = view.doc_rev(records.HOST), view.doc_rev(records.GATEWAY)
        if now != self._members.at:
            self._carriers.clear()
            hosts = view.list(records.HOST)
            first = min(hosts, key=lambda host: (host.doc.joined_at, host.id), default=None)
            self._members = _Hosts(
                at=now,
                gateway=gateway(view),
                reachable=frozenset(
                    host.id for host in hosts if host.doc.address and standings.is_member(host)
                ),
                number=1 + zlib.crc32(first.id.encode() if first else b"") % _CLOUDS,
            )
        return self._members

    def _base(self, view: View, vpc_id: str) -> frozenset[str]:
        """Return the hosts that carry a VPC for its own sake: its guests', those to which a guest
        is on its way, which is led there the moment it comes, and its gateway."""
        found = frozenset(self.by_host(view, vpc_id)) | self._awaiting[vpc_id]
        return found | {self.gateway(view)} if self._is_served(view, vpc_id) else found

    def _is_served(self, view: View, vpc_id: str) -> bool:
        """Whether the gateway leads guests of a VPC on other hosts to the world."""
        gate = self.gateway(view) if self._is_overlaid else ""
        elsewhere = self.by_host(view, vpc_id).keys() & self._hosts(view).reachable
        if not gate or not elsewhere - {gate}:
            return False
        return bool(
            view.by(records.INTERNET_GATEWAY, "vpc", vpc_id)
            or view.by(records.EGRESS_ONLY_GATEWAY, "vpc", vpc_id)
            or any(natgateways.is_there(one) for one in view.by(records.NAT_GATEWAY, "vpc", vpc_id))
        )

    def _tell(self, view: View, vpc_id: str, name_of: NameOf) -> None:
        """Make the parts of all hosts; one that is as before stays the same value."""
        if vpc_id in self._fresh:
            return
        gate, by_host = self.gateway(view), self.by_host(view, vpc_id)
        told: dict[str, FarWanted] = {}
        for host_id in {*by_host, *([gate] if gate else [])}:
            held = [_interface(view, one, name_of) for one in by_host.get(host_id, ())]
            held += _nat_gateways(view, vpc_id) if host_id == gate else []
            if held:
                told[host_id] = FarWanted(host_id=host_id, interfaces=tuple(held))
        before = self._told.get(vpc_id, {})
        self._told[vpc_id] = {
            host_id: before[host_id] if before.get(host_id) == one else one
            for host_id, one in told.items()
        }
        self._fresh.add(vpc_id)


def _interface(view: View, record: InterfaceRecord, name_of: NameOf) -> FarInterface:
    doc = record.doc
    public = interfacelisting.public_ips(view, record)
    return FarInterface(
        id=record.id,
        instance_id=doc.instance_id or "",
        ips=(doc.private_ip, *doc.secondary_ips, *doc.prefixes),
        ip6s=(*doc.ipv6s, *doc.prefixes6),
        resource_ips=privatenames.resource_ips(doc, privatenames.of_interface(view, doc)),
        published=tuple(_published(public.items(), name_of)),
        source_dest_check=doc.source_dest_check,
    )


def _published(pairs: Iterable[tuple[str, str]], name_of: NameOf) -> Iterator[AddressWanted]:
    for private, public in sorted(pairs):
        yield AddressWanted(private_ip=private, public_ip=public, public_name=name_of(public))


def _nat_gateways(view: View, vpc_id: str) -> list[FarInterface]:
    """Return the NAT gateways of a VPC: they are where the gateway is."""
    found = sorted(view.by(records.NAT_GATEWAY, "vpc", vpc_id), key=lambda one: one.id)
    return [
        FarInterface(
            id=one.id,
            instance_id="",
            ips=tuple(address.private_ip for address in one.doc.addresses),
            source_dest_check=False,
        )
        for one in found
        if natgateways.is_there(one) and one.doc.addresses
    ]

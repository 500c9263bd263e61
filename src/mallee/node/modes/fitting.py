"""Fits what the cloud wants to what is known on the host alone: the LAN's own router, name servers,
domain and sizes, as its DHCP server tells them (`system`) or the settings do (`static`).

Guests ask the name server of their host first, which knows the cloud's own names; what it refuses
they ask the LAN's. Called before the network is applied. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from mallee.model.hosts.hosts import HostWanted, VpcWanted
from mallee.model.network import dhcp
from mallee.model.network.modes import BlockWanted, ModeWanted
from mallee.node.modes.leases import Lease

LANS = frozenset({"static", "system"})


@dataclass(frozen=True, slots=True)
class Told:
    """What the LAN says to all of a VPC's guests."""

    router: str = ""
    name_servers: tuple[str, ...] = ()
    domain: str = ""
    mtu: int = 0


@dataclass(slots=True)
class Fitting:
    """What was fitted last: a VPC of which nothing is new stays the same object, so that who
    compares has little to do."""

    _vpcs: dict[str, tuple[VpcWanted, Told, VpcWanted]] = field(
        default_factory=dict[str, tuple[VpcWanted, Told, VpcWanted]]
    )

    def fitted(
        self, wanted: HostWanted, leases: Mapping[str, Lease], resolvers: tuple[str, ...]
    ) -> HostWanted:
        """Return what is wanted with what the LAN says; `resolvers` are the host's own."""
        mode = wanted.mode
        if mode is None or mode.kind not in LANS:
            self._vpcs.clear()
            return wanted
        told = {one.id: _told(one, mode, leases, resolvers) for one in wanted.vpcs}
        vpcs = tuple(self._fit(one, told[one.id]) for one in wanted.vpcs)
        self._vpcs = {id: kept for id, kept in self._vpcs.items() if id in told}
        blocks = tuple(_fitted_block(one, told.get(one.vpc_id, Told())) for one in mode.blocks)
        return replace(wanted, vpcs=vpcs, mode=replace(mode, blocks=blocks))

    def _fit(self, vpc: VpcWanted, told: Told) -> VpcWanted:
        known = self._vpcs.get(vpc.id)
        if known is None or known[0] is not vpc or known[1] != told:
            known = self._vpcs[vpc.id] = (vpc, told, _fitted(vpc, told))
        return known[2]


def _told(
    vpc: VpcWanted, mode: ModeWanted, leases: Mapping[str, Lease], resolvers: tuple[str, ...]
) -> Told:
    """One server speaks to all of a LAN: what it told the first of them, it told all."""
    held = [leases[one.id] for one in vpc.interfaces if one.id in leases]
    first = min(held, key=lambda one: one.address, default=None)
    if first is None:
        return Told(name_servers=mode.name_servers or resolvers)
    servers = mode.name_servers or first.name_servers or resolvers
    return Told(first.router, servers, first.domain, first.mtu)


def _fitted(vpc: VpcWanted, told: Told) -> VpcWanted:
    asked = vpc.dhcp.name_servers
    is_open = dhcp.OWN_DNS in asked
    more = tuple(one for one in told.name_servers if one not in asked) if is_open else ()
    domains = (told.domain,) if told.domain else vpc.dhcp.domain_names
    return replace(vpc, dhcp=replace(vpc.dhcp, name_servers=(*asked, *more), domain_names=domains))


def _fitted_block(block: BlockWanted, told: Told) -> BlockWanted:
    return replace(block, gateway=block.gateway or told.router, mtu=told.mtu)

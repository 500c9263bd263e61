"""What hosts are told of the network mode: their blocks, the gateway's, what is leased.

Called by `hosts.slices`. It follows from what is wanted alone, save that in `system` an address is
wanted once it was seen (`lanleases`). Which host is the gateway is `hosts.farslices`' business.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from mallee.cloud.ec2.vpc.interfaces import interfacelisting
from mallee.cloud.modes import addresses
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.cloud.state.view import News, View
from mallee.model.configuration.settings import Network
from mallee.model.hosts.hosts import VpcWanted
from mallee.model.network import dhcp, sharedranges
from mallee.model.network.carried import AddressWanted
from mallee.model.network.modes import BlockWanted, LeaseWanted, ModeWanted
from mallee.model.network.networks import Interface, private_ips
from mallee.model.network.sharedranges import SharedRange

InterfaceRecord = Record[Interface, None]
_OF_THE_GATEWAY = frozenset(
    kind.name
    for kind in (records.INTERFACE, records.ADDRESS, records.INSTANCE, records.SECURITY_GROUP)
)
"""What a gateway is told of, whichever host it is on."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What a host carries."""

    interfaces: Mapping[str, tuple[InterfaceRecord, ...]]
    """By VPC."""
    is_gateway: bool


def concerns_gateway(item: News) -> bool:
    """Tell whether a change may be one for the gateway too."""
    return item.either.kind.name in _OF_THE_GATEWAY


def addressed(
    by_vpc: Mapping[str, tuple[InterfaceRecord, ...]],
) -> Mapping[str, tuple[InterfaceRecord, ...]]:
    """Return the interfaces whose addresses are known: the others are in no network yet."""
    found = {
        vpc_id: tuple(one for one in interfaces if one.doc.private_ip)
        for vpc_id, interfaces in by_vpc.items()
    }
    return {vpc_id: interfaces for vpc_id, interfaces in found.items() if interfaces}


def plain(wanted: VpcWanted, network: Network) -> VpcWanted:
    """Return a VPC as the modes have it: without ways and borders of its own."""
    servers = network.classic.name_servers
    if servers and dhcp.OWN_DNS in wanted.dhcp.name_servers:
        wanted = replace(wanted, dhcp=replace(wanted.dhcp, name_servers=servers))
    return replace(
        wanted,
        route_tables=(),
        acls=(),
        gateway_table_id="",
        subnets=tuple(replace(one, route_table_id="", acl_id="") for one in wanted.subnets),
    )


def wanted(view: View, network: Network, carried: Carried) -> ModeWanted | None:
    """Return what a host is told of the mode; None: each VPC has a network of its own."""
    shared = sharedranges.of(network)
    if shared is None:
        return None
    told = network.classic
    is_gateway = carried.is_gateway and shared.is_managed
    return ModeWanted(
        kind=shared.kind,
        switch=told.switch,
        device=told.device,
        uplink=told.uplink,
        subnet=told.subnet,
        name_servers=told.name_servers,
        blocks=tuple(_blocks(view, network, shared, carried)),
        is_gateway=is_gateway,
        publics=tuple(_publics(view)) if is_gateway else (),
        leases=tuple(_leases(carried)) if shared.kind == "system" else (),
    )


def _blocks(
    view: View, network: Network, shared: SharedRange, carried: Carried
) -> Iterator[BlockWanted]:
    subnet = network.classic.subnet
    known = addressed(carried.interfaces)
    if not shared.is_managed:
        router = network.classic.router
        yield from (BlockWanted(cidr=subnet, gateway=router, vpc_id=id) for id in sorted(known))
        return
    found = {
        (sharedranges.index_of(subnet, shared.block_size, ip), vpc_id)
        for vpc_id, interfaces in known.items()
        for one in interfaces
        for ip in private_ips(one.doc)
    }
    if carried.is_gateway:
        found.update(_all_blocks(view))
    for index, vpc_id in sorted(found):
        block = sharedranges.block(subnet, shared.block_size, index)
        yield BlockWanted(
            cidr=str(block),
            gateway=sharedranges.gateway(block),
            vlan=sharedranges.vlan(network, index),
            vpc_id=vpc_id,
        )


def _all_blocks(view: View) -> Iterator[tuple[int, str]]:
    for block in addresses.in_use(view):
        group = view.get(records.SECURITY_GROUP, block.group_id)
        if group is not None:
            yield block.index, group.doc.vpc_id


def _publics(view: View) -> Iterable[AddressWanted]:
    """Return every public address that leads to an instance, in order."""
    found = {
        public: private
        for one in view.list(records.INTERFACE)
        if one.doc.instance_id is not None
        for private, public in interfacelisting.public_ips(view, one).items()
    }
    return (
        AddressWanted(private_ip=private, public_ip=public)
        for public, private in sorted(found.items())
    )


def _leases(carried: Carried) -> Iterator[LeaseWanted]:
    interfaces = (one for those in carried.interfaces.values() for one in those)
    for one in sorted(interfaces, key=lambda it: it.id):
        yield LeaseWanted(
            interface_id=one.id,
            instance_id=one.doc.instance_id or "",
            vpc_id=one.doc.vpc_id,
            mac=one.doc.mac,
            private_ip=one.doc.private_ip,
        )

"""The network of a host's slice: each VPC that it carries, with everything resolved to addresses.

Called by `slices`. Prefix lists become ranges here, ids become addresses, and a route whose target
cannot carry packets becomes a black hole, so that agents look nothing up. It follows from what is
wanted alone, never from what is seen.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from mallee.cloud.ec2.vpc.groups import publicaccess
from mallee.cloud.ec2.vpc.interfaces import interfacelisting, privatenames
from mallee.cloud.ec2.vpc.routing import natgateways, servicelists, ways
from mallee.cloud.hosts.slices import endpointslices, transitslices, watchslices
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.cloud.state.store import View
from mallee.model.hosts.hosts import GroupWanted, InterfaceWanted, SubnetWanted, VpcWanted
from mallee.model.network.carried import (
    AclWanted,
    AddressWanted,
    DhcpWanted,
    NatGatewayWanted,
    PeeringWanted,
    RouteTableWanted,
    RouteWanted,
    Speed,
)
from mallee.model.network.networks import Interface, Rule, Subnet, Vpc, private_ips
from mallee.model.network.peerings import PeeringStatus
from mallee.model.network.routing import RouteTable

SHOWN = (
    records.INTERFACE,
    records.ADDRESS,
    records.VPC,
    records.SUBNET,
    records.SECURITY_GROUP,
    records.ROUTE_TABLE,
    records.INTERNET_GATEWAY,
    records.EGRESS_ONLY_GATEWAY,
    records.NAT_GATEWAY,
    records.NETWORK_ACL,
    records.PREFIX_LIST,
    records.DHCP_OPTIONS,
    records.PEERING,
    *transitslices.SHOWN,
    records.ENDPOINT,
    *watchslices.SHOWN,
    records.EC2_SETTINGS,
    records.PUBLIC_ACCESS_EXCLUSION,
    records.CONNECT_ENDPOINT,
)
"""The kinds whose documents the network of a slice shows."""

BPS_PER_MBPS = 1_000_000

InterfaceRecord = Record[Interface, None]
VpcRecord = Record[Vpc, None]


class Groups:
    """Security groups as hosts are told of them; computed once for all hosts."""

    def __init__(self, region: str) -> None:
        self.region = region
        self._groups: dict[tuple[str, str], GroupWanted] = {}
        """By id, and by the VPC whose members are meant where several share the group."""
        self._at: tuple[int, ...] = ()

    def of(
        self, view: View, interfaces: Iterable[InterfaceRecord], vpc_id: str
    ) -> tuple[GroupWanted, ...]:
        """Return the groups that interfaces of a VPC wear, and those that these refer to."""
        worn = {id for interface in interfaces for id in interface.doc.group_ids}
        named = {
            rule.group_id
            for id in worn
            for rule in self._one(view, id, vpc_id).rules
            if rule.group_id is not None
        }
        return tuple(self._one(view, id, vpc_id) for id in sorted(worn | named))

    def _one(self, view: View, id: str, vpc_id: str) -> GroupWanted:
        kinds = (records.SECURITY_GROUP, records.INTERFACE, records.PREFIX_LIST)
        now = tuple(view.doc_rev(kind) for kind in kinds)
        if now != self._at:
            self._groups, self._at = {}, now
        group = view.get(records.SECURITY_GROUP, id)
        # Where several VPCs share a group, each means its own members: addresses may be alike.
        shared = group.doc.more_vpc_ids if group is not None else ()
        home = group.doc.vpc_id if group is not None else ""
        where = (vpc_id if vpc_id in shared else home) if shared else ""
        if (id, where) not in self._groups:
            members = [
                one.doc
                for one in view.by(records.INTERFACE, "group", id)
                if not where or one.doc.vpc_id == where
            ]
            self._groups[id, where] = GroupWanted(
                id=id,
                rules=tuple(_expanded(view, group.doc.rules, self.region)) if group else (),
                member_ips=tuple(sorted(ip for one in members for ip in _ips(one))),
                member_ip6s=tuple(
                    sorted(ip for one in members for ip in (*one.ipv6s, *one.prefixes6))
                ),
            )
        return self._groups[id, where]


def _ips(interface: Interface) -> tuple[str, ...]:
    return (*private_ips(interface), *interface.prefixes)


def _expanded(view: View, rules: Iterable[Rule], region: str) -> Iterator[Rule]:
    """Yield the rules, those about a prefix list once for each of its ranges."""
    for rule in rules:
        if rule.prefix_list_id is None:
            yield rule
            continue
        for cidr in _ranges(view, rule.prefix_list_id, region):
            plain = replace(rule, prefix_list_id=None)
            yield replace(plain, cidr6=cidr) if ":" in cidr else replace(plain, cidr=cidr)


def _ranges(view: View, prefix_list_id: str, region: str) -> tuple[str, ...]:
    service = servicelists.by_id(region, prefix_list_id)
    if service is not None:
        return service.cidrs
    found = view.get(records.PREFIX_LIST, prefix_list_id)
    return tuple(entry.cidr for entry in found.doc.entries) if found else ()


def vpc_wanted(
    view: View, vpc: VpcRecord, interfaces: Iterable[InterfaceRecord], groups: Groups
) -> VpcWanted:
    """Return a VPC with those of its interfaces that the host carries."""
    names = Names.of_vpc(groups.region, vpc.doc)
    subnets = sorted(view.by(records.SUBNET, "vpc", vpc.id), key=lambda one: one.id)
    return VpcWanted(
        id=vpc.id,
        cidr=vpc.doc.cidr,
        link_index=vpc.doc.link_index,
        subnets=tuple(_subnet(view, vpc, subnet.doc) for subnet in subnets),
        groups=groups.of(view, (*interfaces, *endpointslices.interfaces(view, vpc.id)), vpc.id),
        interfaces=tuple(
            _interface(view, interface, names)
            for interface in sorted(interfaces, key=lambda one: one.id)
        ),
        more_cidrs=vpc.doc.cidrs[1:],
        ipv6_cidrs=tuple(block.cidr for block in vpc.doc.ipv6_cidrs),
        has_internet_gateway=bool(view.by(records.INTERNET_GATEWAY, "vpc", vpc.id)),
        route_tables=tuple(_tables(view, vpc.doc, subnets, groups.region)),
        acls=tuple(_acls(view, subnets)),
        nat_gateways=tuple(_nat_gateways(view, vpc.id)),
        endpoints=tuple(endpointslices.of_vpc(view, vpc.id, groups.region, has_names=names.has)),
        peerings=tuple(_peerings(view, vpc.id, groups.region)),
        gateway_table_id=_gateway_table(view, vpc.id),
        attachments=tuple(
            transitslices.attachments(
                view,
                vpc,
                {interface.doc.subnet_id for interface in interfaces},
                lambda other: _named(view, other, groups.region),
            )
        ),
        dhcp=_dhcp(view, vpc.doc),
        dns_support=vpc.doc.dns_support,
        flow_logs=tuple(watchslices.flow_logs(view, vpc.id, interfaces, groups.region)),
        mirrors=tuple(watchslices.mirrors(view, interfaces)),
    )


def _subnet(view: View, vpc: VpcRecord, subnet: Subnet) -> SubnetWanted:
    return SubnetWanted(
        subnet.id,
        subnet.cidr,
        ipv6_cidr=subnet.ipv6_cidrs[0].cidr if subnet.ipv6_cidrs else "",
        route_table_id=subnet.route_table_id or vpc.doc.main_table_id,
        acl_id=subnet.acl_id,
        public_access=publicaccess.of_subnet(view, vpc.account, subnet),
        number=subnet.number,
    )


def _tables(
    view: View, vpc: Vpc, subnets: Iterable[Record[Subnet, None]], region: str
) -> Iterator[RouteTableWanted]:
    used = {subnet.doc.route_table_id or vpc.main_table_id for subnet in subnets}
    used |= {id for id in (_gateway_table(view, vpc.id),) if id}
    for id in sorted(used):
        table = view.get(records.ROUTE_TABLE, id)
        if table is not None:
            yield RouteTableWanted(id, tuple(_routes(view, table.doc, region)))


def _gateway_table(view: View, vpc_id: str) -> str:
    """Return the table of the VPC's internet gateway; empty: none."""
    found = view.by(records.INTERNET_GATEWAY, "vpc", vpc_id)
    return next((it.doc.route_table_id for it in found if it.doc.route_table_id), "")


def _routes(view: View, table: RouteTable, region: str) -> Iterator[RouteWanted]:
    """Yield the routes, one for each range; where lists overlap the first one holds."""
    told: set[str] = set()
    for route in table.routes:
        way = ways.of(view, table, route)
        cidrs = (
            _ranges(view, route.prefix_list_id, region)
            if route.prefix_list_id
            else (route.destination,)
        )
        for cidr in cidrs:
            if cidr not in told:
                told.add(cidr)
                is_open = way is not ways.Way.BLACKHOLE
                told_of = RouteWanted(cidr, way, route.target_id if is_open else "")
                yield transitslices.passable(view, table.vpc_id, told_of)


def _acls(view: View, subnets: Iterable[Record[Subnet, None]]) -> Iterator[AclWanted]:
    for id in sorted({subnet.doc.acl_id for subnet in subnets}):
        acl = view.get(records.NETWORK_ACL, id)
        if acl is not None:
            yield AclWanted(id, acl.doc.entries)


def _nat_gateways(view: View, vpc_id: str) -> Iterator[NatGatewayWanted]:
    for gateway in sorted(view.by(records.NAT_GATEWAY, "vpc", vpc_id), key=lambda one: one.id):
        if not natgateways.is_there(gateway):
            continue
        interface = view.get(records.INTERFACE, gateway.doc.addresses[0].interface_id)
        if interface is None:
            continue
        yield NatGatewayWanted(
            id=gateway.id,
            interface_id=interface.id,
            subnet_id=gateway.doc.subnet_id,
            mac=interface.doc.mac,
            addresses=tuple(
                AddressWanted(private_ip=one.private_ip, public_ip=one.public_ip)
                for one in sorted(gateway.doc.addresses, key=lambda one: not one.is_primary)
            ),
        )


def _peerings(view: View, vpc_id: str, region: str) -> Iterator[PeeringWanted]:
    for peering in sorted(view.by(records.PEERING, "vpc", vpc_id), key=lambda one: one.id):
        if peering.doc.status is not PeeringStatus.ACTIVE:
            continue
        ends = (peering.doc.requester, peering.doc.accepter)
        end = ends[1] if ends[0].vpc_id == vpc_id else ends[0]
        peer = view.get(records.VPC, end.vpc_id)
        if peer is not None:
            yield PeeringWanted(
                id=peering.id,
                peer_vpc_id=peer.id,
                peer_link_index=peer.doc.link_index,
                peer_cidrs=(*peer.doc.cidrs, *(block.cidr for block in peer.doc.ipv6_cidrs)),
                peer_names=tuple(_named(view, peer, region)) if end.resolves_dns else (),
            )


def _named(view: View, vpc: VpcRecord, region: str) -> Iterator[AddressWanted]:
    """Yield the addresses of a VPC that have public names."""
    names = Names.of_vpc(region, vpc.doc)
    if not names.has:
        return
    for interface in sorted(view.by(records.INTERFACE, "vpc", vpc.id), key=lambda one: one.id):
        for private, public in sorted(interfacelisting.public_ips(view, interface).items()):
            yield AddressWanted(private_ip=private, public_ip=public, public_name=names.of(public))


def _dhcp(view: View, vpc: Vpc) -> DhcpWanted:
    found = view.get(records.DHCP_OPTIONS, vpc.dhcp_options_id)
    if found is None:
        return DhcpWanted(name_servers=())
    options = found.doc.options
    node_types = options.get("netbios-node-type", ())
    return DhcpWanted(
        domain_names=options.get("domain-name", ()),
        name_servers=options.get("domain-name-servers", ()),
        ntp_servers=options.get("ntp-servers", ()),
        netbios_name_servers=options.get("netbios-name-servers", ()),
        netbios_node_type=int(node_types[0]) if node_types else None,
    )


@dataclass(frozen=True, slots=True)
class Names:
    """The public names in a VPC, if it has any."""

    region: str
    has: bool

    @classmethod
    def of_vpc(cls, region: str, vpc: Vpc) -> "Names":
        """Return those of a VPC: its own name server must serve them."""
        return cls(region, has=vpc.dns_hostnames and vpc.dns_support)

    def of(self, public_ip: str | None) -> str:
        """Return the name of a public address; empty: none."""
        if public_ip is None or not self.has:
            return ""
        return interfacelisting.public_dns_name(self.region, public_ip)


def _interface(view: View, interface: InterfaceRecord, names: Names) -> InterfaceWanted:
    doc = interface.doc
    names_of = privatenames.of_interface(view, doc)
    public = interfacelisting.public_ips(view, interface)
    return InterfaceWanted(
        id=interface.id,
        instance_id=doc.instance_id or "",
        vpc_id=doc.vpc_id,
        subnet_id=doc.subnet_id,
        device_index=doc.device_index,
        mac=doc.mac,
        private_ip=doc.private_ip,
        public_ip=public.get(doc.private_ip),
        group_ids=tuple(sorted(doc.group_ids)),
        hostname=privatenames.hostname(doc, names_of),
        resource_ips=privatenames.resource_ips(doc, names_of),
        public_name=names.of(public.get(doc.private_ip)),
        secondary=tuple(
            AddressWanted(
                private_ip=ip,
                public_ip=public.get(ip),
                public_name=names.of(public.get(ip)),
            )
            for ip in doc.secondary_ips
        ),
        prefixes=(*doc.prefixes, *doc.prefixes6),
        ipv6s=doc.ipv6s,
        source_dest_check=doc.source_dest_check,
        speed=_speed(view, doc),
    )


def _speed(view: View, interface: Interface) -> Speed:
    """Return how fast an interface may be: what its instance got from its type."""
    instance = view.get(records.INSTANCE, interface.instance_id or "")
    bps = instance.doc.network_mbps * BPS_PER_MBPS if instance else 0
    return Speed(sends_bps=bps, receives_bps=bps)

"""What an agent takes from its cloud of VPCs, and what it refuses: `trust` for everything that
becomes a rule, a route or a line of dnsmasq's configuration. Pure.
"""

import re
from collections import Counter
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from mallee.model import ids
from mallee.model.hosts.hosts import (
    GroupWanted,
    HostWanted,
    InterfaceWanted,
    SubnetWanted,
    VpcWanted,
)
from mallee.model.network import dhcp
from mallee.model.network.acls import AclEntry
from mallee.model.network.carried import (
    AddressWanted,
    DhcpWanted,
    EndpointWanted,
    NatGatewayWanted,
    RouteWanted,
    TransitGatewayWanted,
)
from mallee.model.network.networks import Rule
from mallee.node.plan.network import network
from mallee.node.plan.trust import trustedwatching

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})")
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_PROTOCOL = re.compile(r"tcp|udp|icmp|icmpv6|-1|[0-9]{1,3}")
_TARGET = re.compile(r"[a-z]{0,8}-?[0-9a-f]{0,17}")
_PROTOCOL_MAX = 255
_PORT_MAX = 65535
_NUMBER_MAX = 32767
_BPS_MAX = 1 << 40
_DEVICE_INDEX_MAX = 31
_NARROWEST, _NARROWEST6 = 30, 126
"""A range has room for a router and a name server."""


class NotTrusted(Exception):
    """The cloud said something that it never should; the message says what."""


def check_vpc(vpc: VpcWanted, wanted: HostWanted) -> None:
    """Raise `NotTrusted` unless the VPC may be carried on a host with these ranges."""
    check_id("vpc", vpc.id)
    _check_index(vpc.link_index, network.LINK_INDEX_MAX)
    for cidr in (vpc.cidr, *vpc.more_cidrs):
        _check_wide(cidr)
    for cidr in vpc.ipv6_cidrs:
        _check_part_of_ours(cidr, wanted.ipv6_range)
    for subnet in vpc.subnets:
        _check_subnet(subnet)
    for group in vpc.groups:
        _check_group(group)
    for interface in vpc.interfaces:
        _check_interface(interface, wanted)
    for gateway in vpc.nat_gateways:
        _check_gateway(gateway, wanted)
    for endpoint in vpc.endpoints:
        _check_endpoint(endpoint)
    _check_places(vpc)
    for table in vpc.route_tables:
        check_id("rtb", table.id)
        for route in table.routes:
            _check_route(route)
    for acl in vpc.acls:
        check_id("acl", acl.id)
        for entry in acl.entries:
            _check_entry(entry)
    for attachment in vpc.attachments:
        check_id("tgw-attach", attachment.id)
        check_id("tgw", attachment.gateway_id)
        if attachment.subnet_id not in {subnet.id for subnet in vpc.subnets}:
            raise NotTrusted(f"{attachment.id} in no subnet of its VPC")
        for address in attachment.names:
            check_address_pair(address, wanted)
    if vpc.gateway_table_id:
        check_id("rtb", vpc.gateway_table_id)
    for peering in vpc.peerings:
        check_id("pcx", peering.id)
        _check_index(peering.peer_link_index, network.LINK_INDEX_MAX)
        check_id("vpc", peering.peer_vpc_id)
        _check_ranges(peering.peer_cidrs)
        for address in peering.peer_names:
            check_address_pair(address, wanted)
    _check_dhcp(vpc.dhcp)
    faults = [trustedwatching.faults_of_log(log) for log in vpc.flow_logs]
    faults += [trustedwatching.faults_of_mirror(mirror) for mirror in vpc.mirrors]
    for fault in filter(None, faults):
        raise NotTrusted(fault)


def check_all(wanted: HostWanted) -> None:
    """Raise `NotTrusted` unless what is told of several VPCs goes together."""
    check_unique("VPC", (vpc.id for vpc in wanted.vpcs))
    check_unique("index of a link", (str(vpc.link_index) for vpc in wanted.vpcs))
    those = (one.id for vpc in wanted.vpcs for one in vpc.interfaces)
    check_unique("interface", those)


def _check_places(vpc: VpcWanted) -> None:
    """Refuse what stands in another VPC, or in no subnet."""
    subnet_ids = {subnet.id for subnet in vpc.subnets}
    for one in (*vpc.interfaces, *vpc.nat_gateways, *vpc.endpoints):
        if one.subnet_id not in subnet_ids:
            raise NotTrusted(f"{one.id} in no subnet of its VPC")
    for interface in vpc.interfaces:
        if interface.vpc_id != vpc.id:
            raise NotTrusted(f"{interface.id} of {interface.vpc_id} in {vpc.id}")


def check_transit_gateway(gateway: TransitGatewayWanted) -> None:
    """Raise `NotTrusted` unless a host may carry the transit gateway."""
    check_id("tgw", gateway.id)
    _check_index(gateway.link_index, network.TRANSIT_INDEX_MAX)
    for port in gateway.ports:
        check_id("tgw-attach", port.id)
        _check_index(port.peer_link_index, network.TRANSIT_INDEX_MAX)
        for prefix, id in (("tgw-rtb", port.table_id), ("vpc", port.vpc_id), ("tgw", port.peer_id)):
            if id:
                check_id(prefix, id)
    for table in gateway.tables:
        check_id("tgw-rtb", table.id)
        _check_ranges(route.cidr for route in table.routes)


def _check_part_of_ours(cidr: str, ipv6_range: str) -> None:
    part = _check_wide6(cidr)
    if not ipv6_range or not part.subnet_of(check_network6(ipv6_range)):
        raise NotTrusted(f"{part}, which is not of the cloud's range of IPv6 {ipv6_range}")


def _check_subnet(subnet: SubnetWanted) -> None:
    check_id("subnet", subnet.id)
    _check_wide(subnet.cidr)
    if subnet.ipv6_cidr:
        _check_wide6(subnet.ipv6_cidr)
    if subnet.route_table_id:
        check_id("rtb", subnet.route_table_id)
    if subnet.acl_id:
        check_id("acl", subnet.acl_id)


def _check_group(group: GroupWanted) -> None:
    check_id("sg", group.id)
    for member_ip in group.member_ips:
        check_network(member_ip)
    for member_ip in group.member_ip6s:
        check_network6(member_ip)
    for rule in group.rules:
        _check_rule(rule)


def _check_rule(rule: Rule) -> None:
    _check_protocol(rule.protocol)
    _check_numbers(-1, rule.from_port, rule.to_port)
    if rule.cidr is not None:
        check_network(rule.cidr)
    if rule.cidr6 is not None:
        check_network6(rule.cidr6)
    if rule.group_id is not None:
        check_id("sg", rule.group_id)


def _check_entry(entry: AclEntry) -> None:
    _check_protocol(entry.protocol)
    _check_numbers(0, entry.from_port, entry.to_port)
    if not all(-1 <= one <= _PROTOCOL_MAX for one in (entry.icmp_type, entry.icmp_code)):
        raise NotTrusted(f"ICMP of type {entry.icmp_type} and code {entry.icmp_code}")
    if not 0 <= entry.number <= _NUMBER_MAX:
        raise NotTrusted(f"{entry.number} as the number of an entry")
    if (entry.cidr is None) is (entry.cidr6 is None):
        raise NotTrusted(f"entry {entry.number} with {entry.cidr} and {entry.cidr6}")
    if entry.cidr is not None:
        check_network(entry.cidr)
    if entry.cidr6 is not None:
        check_network6(entry.cidr6)


def _check_route(route: RouteWanted) -> None:
    _check_ranges((route.cidr,))
    check_text("target", route.target_id, _TARGET)


def _check_interface(interface: InterfaceWanted, wanted: HostWanted) -> None:
    check_id("eni", interface.id)
    check_id("i", interface.instance_id)
    check_id("vpc", interface.vpc_id)
    check_id("subnet", interface.subnet_id)
    for group_id in interface.group_ids:
        check_id("sg", group_id)
    check_mac(interface.mac)
    check_text("host name", interface.hostname, _NAME)
    if not 0 <= interface.device_index <= _DEVICE_INDEX_MAX:
        raise NotTrusted(f"{interface.id} as card {interface.device_index}")
    first = AddressWanted(
        private_ip=interface.private_ip,
        public_ip=interface.public_ip,
        public_name=interface.public_name,
    )
    for address in (first, *interface.secondary):
        check_address_pair(address, wanted)
    _check_ranges(interface.prefixes)
    for ip in interface.ipv6s:
        _check_address6(ip)
    for ip in interface.resource_ips:
        check_any_address(ip)
    speeds = (interface.speed.sends_bps, interface.speed.receives_bps)
    if not all(0 <= one <= _BPS_MAX for one in speeds):
        raise NotTrusted(f"{interface.id} with {speeds} bits per second")


def _check_gateway(gateway: NatGatewayWanted, wanted: HostWanted) -> None:
    check_id("nat", gateway.id)
    check_id("eni", gateway.interface_id)
    check_id("subnet", gateway.subnet_id)
    check_mac(gateway.mac)
    if not gateway.addresses:
        raise NotTrusted(f"{gateway.id} without an address")
    for address in gateway.addresses:
        check_address_pair(address, wanted)


def _check_endpoint(endpoint: EndpointWanted) -> None:
    check_id("vpce" if endpoint.serves else "eice", endpoint.id)
    check_id("eni", endpoint.interface_id)
    check_id("subnet", endpoint.subnet_id)
    check_mac(endpoint.mac)
    _check_address(endpoint.private_ip)
    for group_id in endpoint.group_ids:
        check_id("sg", group_id)
    for ip in endpoint.ipv6s:
        _check_address6(ip)
    for name in endpoint.names:
        check_text("name of an endpoint", name, _NAME)
    for ip in endpoint.named_ips:
        check_any_address(ip)


def check_address_pair(address: AddressWanted, wanted: HostWanted) -> None:
    """Raise `NotTrusted` unless the public address is of the cloud's, and its name a name."""
    _check_address(address.private_ip)
    if address.public_name:
        check_text("public name", address.public_name, _NAME)
    public_ip = address.public_ip
    ours = IPv4Network(wanted.public_range)
    if public_ip is not None and _check_address(public_ip) not in ours:
        raise NotTrusted(f"{public_ip}, which is not of the public range, for {address.private_ip}")


def _check_dhcp(told: DhcpWanted) -> None:
    for name in told.domain_names:
        check_text("domain", name, _NAME)
    servers = (*told.name_servers, *told.ntp_servers, *told.netbios_name_servers)
    for server in servers:
        if server != dhcp.OWN_DNS:
            check_any_address(server)
    if told.netbios_node_type not in (None, 1, 2, 4, 8):
        raise NotTrusted(f"{told.netbios_node_type} as a type of NetBIOS node")


def check_id(prefix: str, text: str) -> None:
    """Raise `NotTrusted` unless the text is an id of that kind."""
    if not ids.is_well_formed(text, prefix):
        raise NotTrusted(f"{text[:80]!r} as an id of the form {prefix}-…")


def check_text(what: str, text: str, form: re.Pattern[str]) -> None:
    """Raise `NotTrusted` unless all of the text has the form."""
    if not form.fullmatch(text):
        raise NotTrusted(f"{text[:80]!r} as a {what}")


def check_mac(text: str) -> None:
    """Raise `NotTrusted` unless the text is a hardware address."""
    check_text("hardware address", text, _MAC)


def check_network(text: str) -> IPv4Network:
    """Return a range of IPv4; raise `NotTrusted`."""
    try:
        return IPv4Network(text)
    except ValueError as error:
        raise NotTrusted(f"{text[:80]!r} as a range of addresses") from error


def check_network6(text: str) -> IPv6Network:
    """Return a range of IPv6; raise `NotTrusted`."""
    try:
        # A zone (`fe80::1%…`) is no part of a range, and may be any text.
        return IPv6Network(text.replace("%", " "))
    except ValueError as error:
        raise NotTrusted(f"{text[:80]!r} as a range of IPv6") from error


def check_unique(what: str, those: Iterable[str]) -> None:
    """Raise `NotTrusted` unless no two are the same."""
    for one, count in Counter(those).items():
        if count > 1:
            raise NotTrusted(f"the {what} {one} {count} times")


def _check_wide(text: str) -> None:
    found = check_network(text)
    if found.prefixlen > _NARROWEST:
        raise NotTrusted(f"{found}, in which there is no room")


def _check_wide6(text: str) -> IPv6Network:
    found = check_network6(text)
    if found.prefixlen > _NARROWEST6:
        raise NotTrusted(f"{found}, in which there is no room")
    return found


def _check_ranges(texts: Iterable[str]) -> None:
    for text in texts:
        if ":" in text:
            check_network6(text)
        else:
            check_network(text)


def _check_address(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except ValueError as error:
        raise NotTrusted(f"{text[:80]!r} as an address") from error


def _check_address6(text: str) -> None:
    try:
        # A zone (`%eth0`) is no part of an address that travels.
        is_bare = IPv6Address(text).scope_id is None
    except ValueError:
        is_bare = False
    if not is_bare:
        raise NotTrusted(f"{text[:80]!r} as an address of IPv6")


def check_any_address(text: str) -> None:
    """Raise `NotTrusted` unless the text is an address, of either family."""
    if ":" in text:
        _check_address6(text)
    else:
        _check_address(text)


def _check_protocol(text: str) -> None:
    check_text("protocol", text, _PROTOCOL)
    if text.isdecimal() and int(text) > _PROTOCOL_MAX:
        raise NotTrusted(f"{text} as a protocol")


def _check_index(index: int, greatest: int) -> None:
    if not 0 <= index <= greatest:
        raise NotTrusted(f"{index} as the index of a link")


def _check_numbers(least: int, *numbers: int) -> None:
    if not all(least <= number <= _PORT_MAX for number in numbers):
        raise NotTrusted(f"the ports {numbers}")

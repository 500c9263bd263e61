"""What an agent takes from its cloud of what other hosts carry of a VPC, and what it refuses.

Called by `trust` for each VPC. All of it becomes routes, neighbours, rules and names, so that an
address must be of the VPC's own ranges: no route may lead elsewhere what others than its guests
have. Pure.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network
from typing import TypeVar

from mallee.model.hosts.hosts import HostWanted, VpcWanted
from mallee.model.network import landmarks
from mallee.model.network.carried import FarInterface
from mallee.model.network.gateways import GatewayWanted
from mallee.node.plan.network import overlay
from mallee.node.plan.trust import trustedvpcs

_Range = TypeVar("_Range", IPv4Network, IPv6Network)
_NUMBER_MAX = 60000
"""Of subnets: such that it goes with a packet."""
_TERM_MAX = 1 << 40
_PORT_MAX = 65535


def check_far(vpc: VpcWanted, wanted: HostWanted) -> None:
    """Raise `NotTrusted` unless the VPC may be led to the hosts that are named."""
    for subnet in vpc.subnets:
        if not 0 <= subnet.number <= _NUMBER_MAX:
            raise trustedvpcs.NotTrusted(f"{subnet.number} as the number of {subnet.id}")
    if not 0 <= vpc.overlay_id <= overlay.ID_MAX:
        raise trustedvpcs.NotTrusted(f"{vpc.overlay_id} as the number of a network between hosts")
    host_ids = [far.host_id for far in vpc.far]
    for id in host_ids:
        trustedvpcs.check_id("host", id)
    if len(set(host_ids)) < len(host_ids) or (wanted.own and wanted.own.id in host_ids):
        raise trustedvpcs.NotTrusted(f"{vpc.id} on the hosts {host_ids}")
    if vpc.gateway_host_id not in ("", *host_ids):
        raise trustedvpcs.NotTrusted(f"{vpc.gateway_host_id[:80]!r} as the gateway of {vpc.id}")
    ranges = [IPv4Network(cidr) for cidr in (vpc.cidr, *vpc.more_cidrs)]
    ranges6 = [IPv6Network(cidr) for cidr in vpc.ipv6_cidrs]
    for _, one in overlay.interfaces(vpc):
        _check_interface(one, wanted)
        _check_inside(map(trustedvpcs.check_network, one.ips), ranges)
        _check_inside(map(trustedvpcs.check_network6, one.ip6s), ranges6)


def check_gateway(gateway: GatewayWanted) -> None:
    """Raise `NotTrusted` unless it names hosts, one of which may be in charge."""
    trustedvpcs.check_id("host", gateway.host_id)
    if gateway.standby_id:
        trustedvpcs.check_id("host", gateway.standby_id)
    is_number = 0 <= gateway.term <= _TERM_MAX and 0 <= gateway.standby_port <= _PORT_MAX
    if not is_number or gateway.standby_id == gateway.host_id:
        raise trustedvpcs.NotTrusted(f"{gateway} as who leads to the world")


def check_landmarks(named: tuple[str, ...]) -> None:
    """Raise `NotTrusted` unless they are few, and addresses of machines."""
    for fault in landmarks.faults(named):
        raise trustedvpcs.NotTrusted(f"landmarks: {fault}")


def _check_interface(one: FarInterface, wanted: HostWanted) -> None:
    trustedvpcs.check_id("eni" if one.instance_id else "nat", one.id)
    if one.instance_id:
        trustedvpcs.check_id("i", one.instance_id)
    if not one.ips:
        raise trustedvpcs.NotTrusted(f"{one.id} without an address")
    for ip in one.resource_ips:
        trustedvpcs.check_any_address(ip)
    for address in one.published:
        trustedvpcs.check_address_pair(address, wanted)


def _check_inside(those: Iterable[_Range], ranges: list[_Range]) -> None:
    for network in those:
        if not any(network.subnet_of(one) for one in ranges):
            raise trustedvpcs.NotTrusted(f"{network}, which is not of its VPC's ranges")

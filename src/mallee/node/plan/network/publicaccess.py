"""Blocked public access, as sets and rules of a VPC's firewall: who may speak with the world.

What is *shut* passes no internet gateway at all, not even in a conversation that stands; what may
speak *outward* does so in conversations that it began. Both are said of devices, for each family.
Part of `vpcfirewall`. Pure.
"""

from collections.abc import Iterable, Iterator

from mallee.model.hosts.hosts import SubnetWanted, VpcWanted
from mallee.model.network.carried import PublicAccess
from mallee.node.plan.network import afar, network, nft
from mallee.node.plan.network.speakers import Speaker

_FAMILIES = ("ipv4", "ipv6")
_SHUT, _OUTWARD = "shut", "outward-only"


def sets(vpc: VpcWanted, those: Iterable[Speaker]) -> Iterator[nft.Set]:
    """Return the two sets; they are empty where nothing is blocked."""
    subnets = {subnet.id: subnet for subnet in vpc.subnets}
    held: dict[str, set[str]] = {_SHUT: set(), _OUTWARD: set()}
    for one in those:
        for family in _FAMILIES:
            name = _set_of(vpc, subnets[one.subnet_id], one, family)
            if name:
                held[name].add(f'"{one.device}" . {family}')
    for name, elements in held.items():
        yield nft.Set(name, "typeof iifname . meta nfproto", frozenset(elements))


def _set_of(vpc: VpcWanted, subnet: SubnetWanted, one: Speaker, family: str) -> str:
    """Return which set a device is in; empty: in none, for it may everything."""
    match subnet.public_access:
        case PublicAccess.OPEN:
            return ""
        case PublicAccess.OUTWARD:
            return _OUTWARD
        case PublicAccess.CLOSED:
            return _SHUT
        case PublicAccess.GATEWAYS:
            if family == "ipv4":
                is_gateway = any(one.mac == gateway.mac for gateway in vpc.nat_gateways)
                return _OUTWARD if is_gateway else _SHUT
            return _OUTWARD if afar.is_only_outward(vpc, subnet) else _SHUT


def rules(vpc: VpcWanted) -> tuple[str, ...]:
    """Return the rules, which stand before any question of connections."""
    edge = f'"{network.EDGE}"'
    return (
        f"iifname {edge} oifname . meta nfproto @{_SHUT} drop",
        f"oifname {edge} iifname . meta nfproto @{_SHUT} drop",
        f"iifname {edge} oifname . meta nfproto @{_OUTWARD} ct direction original drop",
        f"oifname {edge} iifname . meta nfproto @{_OUTWARD} ct direction reply drop",
        *afar.public_access_rules(vpc),
    )

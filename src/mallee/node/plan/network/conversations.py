"""Conversations of a guest that connection tracking knows, as they go along to another host.

Without them a conversation is judged anew in its middle: it ends where a rule that once let it
begin is gone, or where the side speaks first that was not the one to begin. They are told as the
guest sees them, under its own addresses. What another host tells is held to the guest's addresses;
about who is on this host it is not believed, for that has been judged here. Pure. Called by
`do.network`; reading and writing them is `do.conversations`'.
"""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

import msgspec

from mallee.model.hosts.hosts import InterfaceWanted, VpcWanted
from mallee.node.plan.network import groups

TCP, UDP = 6, 17
TOLD_MAX = 3000
"""So many are told of a guest, those that were last spoken in: all go in one message."""
IDLE_S_MAX = 432_000
"""The kernel's own bound for those of TCP."""
STATES = range(3, 7)
"""Of TCP, as the kernel numbers them: established, and the ways to its end."""
_SCALE_MAX = 14
_PORT_MAX = 65535
_MARKS = groups.WORLD_OUT | groups.WORLD_IN


class Conversation(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One conversation, as seen on the guest's tap; who began it is its source."""

    protocol: int
    source: str
    source_port: int
    destination: str
    destination_port: int
    idle_s: int
    """After how many more seconds of silence it is forgotten."""
    mark: int = 0
    """Which side does not track it."""
    state: int = 0
    """Of TCP."""
    scales: tuple[int, int] = (0, 0)
    """TCP's window scales, of who began and of who answers."""


def told(those: Iterable[Conversation]) -> tuple[Conversation, ...]:
    """Return those that are told, not more than go in a message."""
    return tuple(sorted(those, key=lambda one: -one.idle_s)[:TOLD_MAX])


def adopted(
    vpc: VpcWanted, interface: InterfaceWanted, those: Iterable[Conversation]
) -> tuple[Conversation, ...]:
    """Return those that are taken up where the guest is now; the others begin anew."""
    own = own_addresses(interface)
    here = {ip for one in vpc.interfaces for ip in own_addresses(one)}
    inside = [ip_network(cidr) for cidr in (vpc.cidr, *vpc.more_cidrs, *vpc.ipv6_cidrs)]
    found: list[Conversation] = []
    for one in those:
        if not _is_sound(one):
            continue
        ends = (one.source, one.destination)
        others = [ip for ip in ends if ip not in own]
        # What this host led to the world it knows with its translation; so would any other be not.
        is_led = bool(vpc.gateway_host_id) or all(
            any(ip_address(ip) in cidr for cidr in inside) for ip in others
        )
        if len(others) == 1 and others[0] not in here and is_led:
            found.append(one)
    return tuple(found[:TOLD_MAX])


def own_addresses(interface: InterfaceWanted) -> frozenset[str]:
    """Return the addresses under which an interface speaks."""
    more = (one.private_ip for one in interface.secondary)
    return frozenset((interface.private_ip, *more, *interface.ipv6s))


def is_elsewhere(address: str) -> bool:
    """Tell whether whoever has an address may be the same on another host: no service of ours."""
    ip = ip_address(address)
    return not (ip.is_link_local or ip.is_loopback or ip.is_multicast or ip.is_unspecified)


def _is_sound(one: Conversation) -> bool:
    try:
        ends = ip_address(one.source), ip_address(one.destination)
    except ValueError:
        return False
    # Written in another way an address would be nobody's whom we know.
    is_known = (str(ends[0]), str(ends[1])) == (one.source, one.destination)
    is_known &= ends[0].version == ends[1].version and "%" not in one.source + one.destination
    is_known &= is_elsewhere(one.source) and is_elsewhere(one.destination)
    return (
        is_known
        and (one.protocol == UDP or (one.protocol == TCP and one.state in STATES))
        and all(0 < port <= _PORT_MAX for port in (one.source_port, one.destination_port))
        and 0 < one.idle_s <= IDLE_S_MAX
        and one.mark & ~_MARKS == 0
        and all(0 <= scale <= _SCALE_MAX for scale in one.scales)
    )

"""Landmarks: addresses beyond the next hop by which gateway hosts see that the world is there.

A router that lives behind a living switch may lead nowhere. So an administrator may name a few
addresses further out; while none of them answers who has heard them before, the way is dead
(`node.gateways`). Pure; what is wrong with a list is said here for settings and for agents.
"""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network, ip_address

LANDMARKS_MAX = 8


def faults(named: Sequence[str], guests: Iterable[str] = ()) -> Iterator[str]:
    """Yield what is wrong with a list, in words; `guests` are the ranges whose addresses are the
    cloud's own, and so no sign of the world."""
    if len(named) > LANDMARKS_MAX:
        yield f"{len(named)} are given; at most {LANDMARKS_MAX}"
    ranges = [IPv4Network(one) for one in guests]
    for text in named:
        try:
            address = ip_address(text)
        except ValueError:
            yield f"{text[:80]!r} is no address such as 192.0.2.1"
            continue
        is_near = address.is_loopback or address.is_link_local
        if is_near or address.is_multicast or address.is_unspecified or address.is_reserved:
            yield f"{address} is no machine beyond the router"
        elif any(address.version == 4 and address in one for one in ranges):
            yield f"{address} is of the cloud's own ranges"

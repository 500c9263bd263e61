"""Where in some ranges a free part of a length is: pure arithmetic over what is taken.

Called by `given` and by whoever gives parts of a range out. Who has which part is their business.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network


def first_free(within: Iterable[str], taken: Iterable[str], length: int) -> Network | None:
    """Return the lowest free part of that length; None when there is none."""
    spans = sorted(_span(ip_network(text)) for text in taken)
    for whole in sorted((ip_network(text) for text in within), key=_span):
        if whole.prefixlen <= length:
            found = _first_in(whole, spans, length)
            if found is not None:
                return found
    return None


def _first_in(whole: Network, spans: list[tuple[int, int]], length: int) -> Network | None:
    size = 1 << (whole.max_prefixlen - length)
    at, end = _span(whole)
    for first, last in spans:
        if last < at:
            continue
        if first >= at + size:
            break
        at = -(-(last + 1) // size) * size
    if at + size - 1 > end:
        return None
    return type(whole)((at, length))


def _span(network: Network) -> tuple[int, int]:
    return int(network.network_address), int(network.broadcast_address)


def size(cidrs: Iterable[str]) -> int:
    """Return how many addresses the ranges have, which do not meet."""
    return sum(ip_network(text).num_addresses for text in cidrs)


def covered(cidr: str, parts: Iterable[str]) -> int:
    """Return how many addresses of a range lie in parts, which may meet and lie outside."""
    first, last = _span(ip_network(cidr))
    count, at = 0, first
    for begin, end in sorted(_span(ip_network(text)) for text in parts):
        begin, end = max(begin, at), min(end, last)
        if begin <= end:
            count += end - begin + 1
            at = end + 1
    return count

"""Addresses as people list them: single ones, ranges with a hyphen, networks.

`192.168.3.1`, `192.168.3.1-192.168.3.31` (as in `eucalyptus.conf`), `192.168.3.0/27`. Settings
say so which addresses of the public range may be lent. Pure; called by `settings` and by whoever
gives addresses.
"""

import functools
import ipaddress
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network

SPANS_MAX = 1024


def parse(text: str) -> range:
    """Return the addresses of one entry as numbers; raise `ValueError` with what is wrong."""
    first, hyphen, last = (word.strip() for word in text.partition("-"))
    if hyphen:
        begin, end = int(IPv4Address(first)), int(IPv4Address(last))
        if end < begin:
            raise ValueError(f"{text!r} ends before it begins")
        return range(begin, end + 1)
    if "/" in text:
        network = IPv4Network(text.strip())
        return range(int(network.network_address), int(network.broadcast_address) + 1)
    address = int(IPv4Address(text.strip()))
    return range(address, address + 1)


def merge(spans: Iterable[range]) -> tuple[range, ...]:
    """Return the same addresses as spans in order that neither touch nor overlap."""
    merged: list[range] = []
    for span in sorted(spans, key=lambda one: one.start):
        if merged and span.start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(merged[-1].stop, span.stop))
        else:
            merged.append(span)
    return tuple(merged)


@functools.lru_cache(maxsize=8)
def lendable(network: str, listed: tuple[str, ...], kept: tuple[int, int]) -> tuple[range, ...]:
    """Return which addresses of a network are lent: those listed, all when none is.

    Without a list so many at its start and at its end are `kept`. Of listed ones all are lent: they
    are routed to one guest each, so none of them is a network's own or its broadcast address.
    """
    whole = IPv4Network(network)
    first, past = int(whole.network_address), int(whole.broadcast_address) + 1
    if not listed:
        return (range(first + kept[0], past - kept[1]),)
    within = (range(max(span.start, first), min(span.stop, past)) for span in map(parse, listed))
    return merge(span for span in within if span)


def nth(spans: Iterable[range], index: int) -> int:
    """Return the address of that index, from 0, of all that the spans have."""
    for span in spans:
        if index < len(span):
            return span[index]
        index -= len(span)
    raise IndexError(index)


def networks(spans: Iterable[range]) -> Iterator[IPv4Network]:
    """Return the spans as networks."""
    for span in spans:
        yield from ipaddress.summarize_address_range(IPv4Address(span[0]), IPv4Address(span[-1]))


def beyond(network: str, spans: Iterable[range]) -> Iterator[IPv4Network]:
    """Return what of a network is in none of the spans."""
    yield from networks(without(parse(network), spans))


def without(whole: range, others: Iterable[range]) -> tuple[range, ...]:
    """Return what of a span is in none of the others, in order."""
    left: list[range] = []
    at = whole.start
    for other in merge(others):
        if at < min(other.start, whole.stop):
            left.append(range(at, min(other.start, whole.stop)))
        at = max(at, other.stop)
    if at < whole.stop:
        left.append(range(at, whole.stop))
    return tuple(left)

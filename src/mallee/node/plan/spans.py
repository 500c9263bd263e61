"""Disjoint pieces of overlapping rules: what an interval set of the kernel can hold.

A *span* says: for this key, numbers from `low` to `high`, from or to this range. Rules of a group
overlap as their users please; elements of a set may not. Ranges of addresses contain each other or
have nothing in common, so a span needs to lose only the numbers that a wider range has already.
Called by `groups`. Pure.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Span:
    """Numbers `low` to `high` (ports, types with codes, protocols) of a key, for a range."""

    key: str
    low: int
    high: int
    network: Network


def disjoint(spans: Iterable[Span]) -> list[Span]:
    """Return spans that cover what these cover, no two of them having anything in common."""
    by_key: dict[str, dict[Network, list[Interval]]] = {}
    for span in spans:
        ranges = by_key.setdefault(span.key, {})
        ranges.setdefault(span.network, []).append((span.low, span.high))
    return [
        Span(key, low, high, network)
        for key, ranges in sorted(by_key.items())
        for network, intervals in _own_intervals(ranges)
        for low, high in intervals
    ]


def _own_intervals(
    ranges: dict[Network, list[Interval]],
) -> Iterable[tuple[Network, list[Interval]]]:
    """Each range with its intervals, less those of the ranges that contain it."""
    around: list[tuple[Network, list[Interval]]] = []
    in_order = sorted(ranges, key=lambda one: (int(one.network_address), one.prefixlen))
    for network in in_order:
        while around and int(around[-1][0].broadcast_address) < int(network.network_address):
            around.pop()
        covered = around[-1][1] if around else []
        own = merge(ranges[network])
        around.append((network, merge([*covered, *own])))
        yield network, subtract(own, covered)


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """The same numbers in as few intervals as possible, in order."""
    merged: list[Interval] = []
    for low, high in sorted(intervals):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def subtract(intervals: Iterable[Interval], covered: Iterable[Interval]) -> list[Interval]:
    """What of the intervals is not covered; both are as `merge` returns them."""
    left = list(intervals)
    for low, high in covered:
        left = [piece for one in left for piece in _without(one, low, high)]
    return left


def _without(interval: Interval, low: int, high: int) -> list[Interval]:
    begin, end = interval
    if high < begin or end < low:
        return [interval]
    pieces = [(begin, low - 1), (high + 1, end)]
    return [(one, other) for one, other in pieces if one <= other]

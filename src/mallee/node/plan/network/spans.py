"""Disjoint pieces of overlapping rules: what an interval set of the kernel can hold.

A *span* says: for this key, numbers from `low` to `high`, from or to this range. Rules of a group
overlap as their users please; elements of a set may not. Ranges of addresses contain each other or
have nothing in common, so a span needs to lose only the numbers that a wider range has already.
Called by `groups`. Pure.
"""

import functools
from collections.abc import Iterable
from ipaddress import IPv6Address
from typing import NamedTuple

Interval = tuple[int, int]
_BITS = {4: 32, 6: 128}


class Range(NamedTuple):
    """A range of addresses as numbers: a host may have a million of them."""

    version: int
    first: int
    length: int
    """Of the prefix, in bits."""

    @property
    def last(self) -> int:
        """The range's last address."""
        return self.first | ((1 << (_BITS[self.version] - self.length)) - 1)

    def text(self) -> str:
        """Return the range as nftables reads it: a host without the length of its prefix."""
        if self.version == 6:
            address = str(IPv6Address(self.first))
        else:
            address = ".".join(map(str, self.first.to_bytes(4, "big")))
        return address if self.length == _BITS[self.version] else f"{address}/{self.length}"


@functools.lru_cache(maxsize=1 << 16)
def parse_range(text: str) -> Range:
    """Return the range of a CIDR or an address; what is beyond its prefix does not count."""
    address, _, length = text.partition("/")
    version = 6 if ":" in address else 4
    bits = _BITS[version]
    held = int(length) if length else bits
    parts = bytes(map(int, address.split("."))) if version == 4 else IPv6Address(address).packed
    if not 0 <= held <= bits or len(parts) * 8 != bits:
        raise ValueError(f"{text} is no range of addresses")
    number = int.from_bytes(parts, "big")
    return Range(version, number >> (bits - held) << (bits - held), held)


class Span(NamedTuple):
    """Numbers `low` to `high` (ports, types with codes, protocols) of a key, for a range."""

    key: str
    low: int
    high: int
    network: Range


def disjoint(spans: Iterable[Span]) -> list[Span]:
    """Return spans that cover what these cover, no two of them having anything in common."""
    by_key: dict[str, dict[Range, list[Interval]]] = {}
    for key, low, high, network in spans:
        by_key.setdefault(key, {}).setdefault(network, []).append((low, high))
    return [
        Span(key, low, high, network)
        for key, ranges in sorted(by_key.items())
        for network, intervals in _own_intervals(ranges)
        for low, high in intervals
    ]


def _own_intervals(
    ranges: dict[Range, list[Interval]],
) -> Iterable[tuple[Range, list[Interval]]]:
    """Each range with its intervals, less those of the ranges that contain it."""
    around: list[tuple[int, list[Interval]]] = []
    for network in sorted(ranges):
        first = network.first
        while around and around[-1][0] < first:
            around.pop()
        own = ranges[network]
        if len(own) > 1:
            own = merge(own)
        if around:
            covered = around[-1][1]
            around.append((network.last, merge([*covered, *own])))
            yield network, subtract(own, covered)
        else:
            around.append((network.last, own))
            yield network, own


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

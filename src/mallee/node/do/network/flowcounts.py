"""Reads the counts of flows that the kernel keeps in a VPC's namespace.

Over netlink and not by `nft`: tens of thousands of elements are read every few seconds. Within one
set all elements are built alike, so where things stand in one is found out once. Nothing is changed
by reading. Called by `node/flowlogs`, in a thread; what is counted is `plan/flowcounts`'.
"""

import errno
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mallee.node.do.network import namespaces
from mallee.node.plan.network import flowcounts, network

_NETLINK_NETFILTER = 12
_GET_ELEMENTS = (10 << 8) | 13
_DUMP = 0x1 | 0x300
_DONE, _ERROR = 3, 2
_INET = 1
_TABLE, _SET, _ELEMENTS = 1, 2, 3
_KEY, _LEFT, _EXPRESSION = 1, 5, 7
_HEADERS_BYTES = 16 + 4
_ATTRIBUTE = struct.Struct("=HH")
_RECEIVE_BYTES = 256 << 10
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Count:
    """How much of a key was counted since it was first seen."""

    packets: int
    bytes: int
    left_ms: int
    """How long it will be counted on when nothing more comes."""


Counts = dict[str, dict[bytes, Count]]
"""By set and key, whose parts stand in words of four bytes each."""


def fetch(namespace: str) -> Counts:
    """Read all sets of a namespace; those that are not there are empty. Raises `OSError`."""
    return namespaces.run_inside(namespace, _fetch_here)


def _fetch_here() -> Counts:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as link:
        link.settimeout(_TIMEOUT_S)
        names = (*flowcounts.SETS, flowcounts.LOST)
        return {name: dict(_elements(link, name)) for name in names}


def _elements(link: socket.socket, name: str) -> Iterator[tuple[bytes, Count]]:
    table = _text(_TABLE, network.TABLE)
    body = struct.pack("=BBH", _INET, 0, 0) + table + _text(_SET, name)
    link.send(struct.pack("=IHHII", 16 + len(body), _GET_ELEMENTS, _DUMP, 1, 0) + body)
    places: dict[int, _Places] = {}
    while True:
        data = link.recv(_RECEIVE_BYTES)
        at = 0
        while at + 16 <= len(data):
            length, kind = struct.unpack_from("=IH", data, at)
            if kind == _DONE:
                return
            if kind == _ERROR:
                code = -struct.unpack_from("=i", data, at + 16)[0]
                if code == errno.ENOENT:
                    return
                raise OSError(code, os.strerror(code))
            yield from _of_message(data, at + _HEADERS_BYTES, at + length, places)
            at += (length + 3) & ~3


@dataclass(frozen=True, slots=True)
class _Places:
    """Where in an element its key and its counts stand."""

    key: int
    key_end: int
    packets: int
    bytes: int
    left_ms: int


def _of_message(
    data: bytes, begin: int, end: int, places: dict[int, _Places]
) -> Iterator[tuple[bytes, Count]]:
    number = struct.Struct(">Q").unpack_from
    for kind, at, until in _attributes(data, begin, end):
        if kind != _ELEMENTS:
            continue
        for _, first, last in _attributes(data, at, until):
            found = places.get(last - first)
            if found is None:
                found = places[last - first] = _find(data, first, last)
            yield (
                data[first + found.key : first + found.key_end],
                Count(
                    number(data, first + found.packets)[0],
                    number(data, first + found.bytes)[0],
                    number(data, first + found.left_ms)[0],
                ),
            )


def _find(data: bytes, first: int, last: int) -> _Places:
    """Find the key (in a nest) and the counter (in a nest beside its name) of an element."""
    held = {kind: (at, until) for kind, at, until in _attributes(data, first, last)}
    (_, key, key_end), *_ = _attributes(data, *held[_KEY])
    expression = {kind: (at, until) for kind, at, until in _attributes(data, *held[_EXPRESSION])}
    counter = {kind: at for kind, at, _ in _attributes(data, *expression[2])}
    left = held[_LEFT][0] - first
    return _Places(key - first, key_end - first, counter[2] - first, counter[1] - first, left)


def _attributes(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield kind, begin and end of each attribute."""
    while at + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < 4:
            return
        yield kind & 0x3FFF, at + 4, at + length
        at += (length + 3) & ~3


def _text(kind: int, text: str) -> bytes:
    value = text.encode() + b"\0"
    padded = value + b"\0" * (-len(value) % 4)
    return _ATTRIBUTE.pack(4 + len(value), kind) + padded

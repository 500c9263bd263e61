"""Hears what the firewall of a namespace decides about packets that are traced, rule by rule.

The kernel tells it on a netlink socket of the namespace in which it was opened, as long as that is
open. Called by `probes`, always inside the namespace. What the rules say is asked of `nft`.
"""

import re
import socket
import struct
from collections.abc import Iterator

from mallee.kit import process
from mallee.node.plan.network.probes import Decision

_NETLINK_NETFILTER, _SOL_NETLINK, _ADD_MEMBERSHIP, _TRACE_GROUP = 12, 270, 1, 9
_RECEIVE_BYTES = 1 << 20
_TRACE = (10 << 8) | 17
_HEADERS = 16 + 4
_TABLE, _CHAIN, _HANDLE, _TYPE, _VERDICT, _ID, _IIF, _OIF = 1, 2, 3, 4, 5, 6, 10, 12
_POLICY = 16
_TYPES = {1: "policy", 2: "return", 3: "rule"}
_VERDICT_CODE, _VERDICT_CHAIN = 1, 2
_COUNTER = re.compile(r" ?counter packets \d+ bytes \d+")
_CODES = {
    0: "drop",
    1: "accept",
    -1: "continue",
    -2: "break",
    -3: "jump",
    -4: "goto",
    -5: "return",
}


_AT_ONCE = 64
"""Messages that are read before others are looked at."""


def open_ear() -> socket.socket:
    """Open the socket by which the kernel tells."""
    ear = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
    ear.bind((0, 0))
    ear.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _TRACE_GROUP)
    ear.setblocking(False)
    return ear


def hear(ear: socket.socket) -> Iterator[Decision]:
    """Yield what was told since it was heard last, or a part of it: what is traced may go on."""
    for _ in range(_AT_ONCE):
        try:
            said = ear.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            # More was told than the socket holds: what is left is told next.
            continue
        yield from parse(said)


def parse(said: bytes) -> Iterator[Decision]:
    """Read netlink messages; those of other kinds are left out."""
    at = 0
    while at + _HEADERS <= len(said):
        length, kind = struct.unpack_from("=IH", said, at)
        if length < _HEADERS:
            return
        if kind == _TRACE:
            yield _decision(dict(_attributes(said[at + _HEADERS : at + length])))
        at += (length + 3) & ~3


def _attributes(said: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(said):
        length, kind = struct.unpack_from("=HH", said, at)
        if length < 4:
            return
        yield kind & 0x3FFF, said[at + 4 : at + length]
        at += (length + 3) & ~3


def _decision(found: dict[int, bytes]) -> Decision:
    return Decision(
        trace_id=_number(found.get(_ID)),
        table=_text(found.get(_TABLE)),
        chain=_text(found.get(_CHAIN)),
        handle=_number(found.get(_HANDLE)),
        verdict=_verdict(found),
        iif=_number(found.get(_IIF)),
        oif=_number(found.get(_OIF)),
    )


def _verdict(found: dict[int, bytes]) -> str:
    kind = _TYPES.get(_number(found.get(_TYPE)), "")
    if kind == "policy":
        return _CODES.get(_signed(found.get(_POLICY)), "")
    parts = dict(_attributes(found.get(_VERDICT, b"")))
    code = _CODES.get(_signed(parts.get(_VERDICT_CODE)), "")
    chain = _text(parts.get(_VERDICT_CHAIN))
    return f"{code} {chain}" if chain else code


def _number(said: bytes | None) -> int:
    return int.from_bytes(said, "big") if said else 0


def _signed(said: bytes | None) -> int:
    return int.from_bytes(said, "big", signed=True) if said else 0


def _text(said: bytes | None) -> str:
    return said.rstrip(b"\0").decode(errors="replace") if said else ""


def fetch_rules(chains: frozenset[tuple[str, str]]) -> dict[tuple[str, int], str]:
    """Return the text of each rule of these chains (table and name), by chain and handle."""
    found: dict[tuple[str, int], str] = {}
    for table, chain in sorted(chains):
        argv = ("nft", "-a", "list", "chain", "inet", table, chain)
        for line in process.run(argv).text.splitlines():
            rule, mark, handle = line.strip().rpartition(" # handle ")
            if mark and handle.isdecimal() and not rule.startswith(("chain ", "table ")):
                found[chain, int(handle)] = _COUNTER.sub("", rule)
    return found

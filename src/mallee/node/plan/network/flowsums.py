"""Sums of flows: what differs between two readings of the kernel's counts, added up over a window.

A *flow* here is one interface's, one direction's and one verdict's; its flags are all that its
packets bore. What one window may hold is bounded; what finds no room is noted by interface. Called
by `node/flowlogs`; lines are `flowlines`'. Pure: it keeps what it is given, and looks at nothing.
"""

import ipaddress
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mallee.node.plan.network import flowcounts
from mallee.node.plan.network.flowcounts import Card

FLOWS_MAX = 200_000
"""Of one window on one host."""
_TCP, _UDP = 6, 17
_FLAGS = flowcounts.FIN | flowcounts.SYN | flowcounts.RST | flowcounts.ACK
_WORD = struct.Struct("=I")
_PORT = struct.Struct(">H")


@dataclass(frozen=True, slots=True)
class Flow:
    """What one interface sent, or received, between two ends."""

    interface_id: str
    is_egress: bool
    is_refused: bool
    protocol: int
    source: str
    destination: str
    source_port: int = 0
    destination_port: int = 0


@dataclass(slots=True)
class Sum:
    """How much of a flow there was."""

    first_at: float
    last_at: float
    packets: int = 0
    bytes: int = 0
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """How much more of a key was counted since the last reading."""

    name: str
    """The set's."""
    key: bytes
    packets: int
    bytes: int


Read = dict[str, dict[bytes, tuple[int, int, int]]]
"""What a reading found by set and key: packets, bytes, and how long it would be counted on (ms)."""


def steps(before: Read, now: Read) -> Iterator[Step]:
    """Yield what was counted between two readings.

    An element that went and came anew begins at nothing: it counts less, or as much and yet bears
    a later end.
    """
    for name, held in now.items():
        known = before.get(name, {})
        for key, (packets, bytes, left_ms) in held.items():
            was_packets, was_bytes, was_left_ms = known.get(key, (0, 0, 0))
            if was_packets > packets or (was_packets == packets and left_ms > was_left_ms):
                was_packets = was_bytes = 0
            if packets > was_packets:
                yield Step(name, key, packets - was_packets, bytes - was_bytes)


@dataclass(slots=True)
class Window:
    """The flows of a time."""

    began_at: float
    flows: dict[Flow, Sum] = field(default_factory=dict[Flow, Sum])
    lost: set[str] = field(default_factory=set[str])
    """Interfaces some of whose flows could not be counted."""

    def add(self, steps: Iterable[Step], those: Mapping[int, Card], between: "Between") -> None:
        """Add what was counted between two readings; cards that nobody knows are nobody's."""
        for step in steps:
            mark = _WORD.unpack_from(step.key)[0]
            card = those.get(mark >> flowcounts.NUMBER_SHIFT)
            if card is None:
                continue
            if step.name == flowcounts.LOST:
                self.lost.add(card.interface_id)
                continue
            self._add(_flow(step, mark, card), step, mark & _FLAGS, between)

    def _add(self, flow: Flow, step: Step, flags: int, between: "Between") -> None:
        held = self.flows.get(flow)
        if held is None:
            if len(self.flows) >= FLOWS_MAX:
                self.lost.add(flow.interface_id)
                return
            held = self.flows[flow] = Sum(between.since, between.until)
        held.packets += step.packets
        held.bytes += step.bytes
        held.flags |= flags
        held.last_at = between.until


@dataclass(frozen=True, slots=True)
class Between:
    """The times of two readings."""

    since: float
    until: float


def _flow(step: Step, mark: int, card: Card) -> Flow:
    key, is_ipv4 = step.key, step.name in (flowcounts.PORTS4, flowcounts.PLAIN4)
    width = 4 if is_ipv4 else 16
    make = ipaddress.IPv4Address if is_ipv4 else ipaddress.IPv6Address
    source, destination = key[4 : 4 + width], key[4 + width : 4 + 2 * width]
    at = 4 + 2 * width
    has_ports = step.name in (flowcounts.PORTS4, flowcounts.PORTS6)
    return Flow(
        interface_id=card.interface_id,
        is_egress=bool(mark & flowcounts.EGRESS),
        is_refused=bool(mark & flowcounts.REJECT),
        protocol=(_TCP if mark & flowcounts.TCP else _UDP) if has_ports else key[at],
        source=str(make(source)),
        destination=str(make(destination)),
        source_port=_PORT.unpack_from(key, at)[0] if has_ports else 0,
        destination_port=_PORT.unpack_from(key, at + 4)[0] if has_ports else 0,
    )

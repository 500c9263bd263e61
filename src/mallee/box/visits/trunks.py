"""Between hosts: do frames with each VLAN's tag pass, and the packets of tunnels.

All hosts listen in the background while one group after the other calls; what was not heard is
called once more, by those whose frames were missing alone. So every pair of hosts is tried for
every VLAN, and thousands of VLANs take seconds. Called by `rounds`.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mallee.box import diagnosis
from mallee.box.diagnosis import Answer, Asked
from mallee.box.visits.asking import Asking, Round
from mallee.model.hosts.checks import (
    ADDRESSES_MAX,
    Finding,
    Kind,
    Place,
    address_spans,
    bits_of,
    numbers_of_bits,
    spans_of,
)

_TRIES = 5
"""A frame that was not heard is sent again: a busy host may have lost it."""


@dataclass(frozen=True, slots=True)
class Trunks:
    """What shall pass between hosts."""

    vlans: frozenset[int]
    place: Place
    has_tunnels: bool
    """Whether VPCs reach from host to host."""

    @property
    def bits(self) -> int:
        """The VLANs as bits."""
        return bits_of(spans_of(self.vlans))


@dataclass(slots=True)
class Came:
    """What came through so far, by names of sender and receiver."""

    vlans: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    """As bits."""
    tunnels: dict[tuple[str, str], bool] = field(default_factory=dict[tuple[str, str], bool])
    announced: dict[str, Answer] = field(default_factory=dict[str, Answer])
    """By host: its last answer, with what others announced."""
    twins: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """By hardware address of a card that was heard: the hosts that all have it."""
    troubles: list[Finding] = field(default_factory=list[Finding])


def see(
    asking: Asking, hosts: Sequence[Asked], own: Mapping[str, Answer], trunks: Trunks
) -> tuple[list[Finding], Came]:
    """See what passes between all hosts; return the findings, and all that was heard."""
    visit = _Visit(asking, hosts, own, trunks)
    planned = trunks.bits
    calling = dict.fromkeys(hosts, planned | 1)
    for _ in range(_TRIES):
        if calling:
            visit.go(calling)
            calling = {} if visit.came.troubles else visit.missing()
    came = visit.came
    found = [*came.troubles, *diagnosis.twins(came.twins)]
    if trunks.vlans and len(hosts) > 1:
        lost = {pair: planned & ~passed for pair, passed in came.vlans.items()}
        found += diagnosis.tags(sorted(trunks.vlans), lost)
    if trunks.has_tunnels and len(hosts) > 1:
        found += diagnosis.tunnels(came.tunnels)
    return found, came


@dataclass(frozen=True, slots=True)
class _Visit:
    """Who calls whom."""

    asking: Asking
    hosts: Sequence[Asked]
    own: Mapping[str, Answer]
    trunks: Trunks
    came: Came = field(default_factory=Came)

    def go(self, calling: Mapping[Asked, int]) -> None:
        """Let everybody listen, some call, and everybody tell."""
        said = {"Nonce": secrets.token_hex(8)}
        where = {"Place": self.trunks.place.value, **said}
        listening = self.asking.ask(self.hosts, Kind.HEAR, **where)
        there = listening.hosts
        has_tunnels = self.trunks.has_tunnels
        questions: dict[Asked, tuple[Kind, dict[str, Any]]] = {}
        for host, vlans in calling.items():
            if host.id in listening.answers:
                to = _others(there, host) if has_tunnels else []
                told = {"Vlans": list(spans_of(numbers_of_bits(vlans))), "Addresses": to, **where}
                questions[host] = Kind.CALL, told
        called = self.asking.ask_each(questions)
        heard = self.asking.ask(there, Kind.HEARD, **said)
        self.came.troubles = [*listening.troubles, *called.troubles, *heard.troubles]
        self._note(called, heard)

    def _note(self, called: Round, heard: Round) -> None:
        came = self.came
        by_mac: dict[str, list[Asked]] = {}
        for host in called.hosts:
            for mac in self.own[host.id]["Macs"]:
                by_mac.setdefault(mac, []).append(host)
        for receiver in heard.hosts:
            answer = heard.answers[receiver.id]
            came.announced[receiver.name] = answer
            tunnels = set(answer["Tunnels"])
            for sender in called.hosts:
                if sender is not receiver:
                    pair = sender.name, receiver.name
                    came.vlans.setdefault(pair, 0)
                    came.tunnels[pair] = came.tunnels.get(pair, False) or sender.address in tunnels
            for one in answer["Heard"]:
                senders = by_mac.get(one["Mac"], [])
                if len(senders) > 1:
                    came.twins[one["Mac"]] = tuple(sender.name for sender in senders)
                for sender in senders:
                    if sender is not receiver:
                        came.vlans[sender.name, receiver.name] |= bits_of(one["Vlans"])

    def missing(self) -> dict[Asked, int]:
        """Return who has to call again, and in which VLANs."""
        by_name = {host.name: host for host in self.hosts}
        planned = self.trunks.bits
        found: dict[Asked, int] = {}
        for pair, passed in self.came.vlans.items():
            lost = planned & ~passed
            if lost or (self.trunks.has_tunnels and not self.came.tunnels[pair]):
                sender = by_name[pair[0]]
                found[sender] = found.get(sender, 0) | lost
        return found


def _others(hosts: Sequence[Asked], host: Asked) -> list[str]:
    return list(address_spans([one.address for one in hosts if one is not host][:ADDRESSES_MAX]))

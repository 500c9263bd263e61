"""Security groups as nftables blocks: two chains for each group, and the sets that they look into.

A packet enters a group's chain to be judged for one interface that wears it; the chain leads on
when a rule fits, otherwise the packet comes back. The chains of a group follow from it alone, so
they are made once and shared by all interfaces. A rule for the whole world also notes on the packet
that its connection may go untracked (`WORLD_OUT`, `WORLD_IN`).

Called by `vpcfirewall`, which says what happens before and after. Pure.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from mallee.model.hosts.hosts import GroupWanted
from mallee.model.network.networks import Direction, Rule
from mallee.node.plan.network import nft, spans
from mallee.node.plan.network.spans import Span

WORLD_OUT = 0x40000000
"""Bit of a packet's and a connection's mark: a rule for the whole world let it leave its sender."""
WORLD_IN = 0x80000000
"""The same of its receiver."""

PORT_MAX = 65535
PROTOCOL_MAX = 255
_NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58}
_PORTS, _ICMP, _ALL = "ports", "icmp", "protocols"
_MATCHES = {
    _PORTS: "meta l4proto . th dport",
    # Type and code of ICMP stand where other protocols have their source port.
    _ICMP: "meta l4proto . th sport",
    _ALL: "meta l4proto",
}


OpenWay = tuple[Direction, str, str]
"""Direction, family (`ipv4`, `ipv6`) and protocol (`tcp`, `udp`)."""
_WORLD = ("0.0.0.0/0", "::/0")
_ANYBODY = spans.parse_range("0.0.0.0/0")


@dataclass(frozen=True, slots=True)
class _Way:
    """One direction of a group."""

    direction: Direction
    suffix: str
    side: str
    """Which address of a packet is the peer's: `saddr` or `daddr`."""
    onwards: str
    """The chain where an accepted packet goes."""
    world: int


WAYS = (
    _Way(Direction.INGRESS, "in", "saddr", "pass", WORLD_IN),
    _Way(Direction.EGRESS, "out", "daddr", "arrive", WORLD_OUT),
)


@dataclass(slots=True)
class Made:
    """The blocks of the groups of one VPC as they were made last: most stay the same."""

    _by_id: dict[str, "MadeGroup"] = field(default_factory=dict[str, "MadeGroup"])

    def make(self, groups: Iterable[GroupWanted]) -> dict[str, "MadeGroup"]:
        """Return these groups by id, in order, and forget all others."""
        before, self._by_id = self._by_id, {}
        for group in sorted(groups, key=lambda one: one.id):
            known = before.get(group.id)
            if known is None or known.group != group:
                known = MadeGroup(group, blocks(group), open_ways(group))
            self._by_id[group.id] = known
        return self._by_id


@dataclass(frozen=True, slots=True)
class MadeGroup:
    """What follows from a group alone."""

    group: GroupWanted
    blocks: tuple[nft.Block, ...]
    open_ways: frozenset[OpenWay]


def blocks(group: GroupWanted) -> tuple[nft.Block, ...]:
    """Return the blocks of a group: its members' sets, and for each direction a chain with sets."""
    made: list[nft.Block] = list(members(group))
    for way in WAYS:
        made += _way_blocks(group, way)
    return tuple(made)


def nobody(id: str) -> GroupWanted:
    """A group that is named but not known: nobody wears it."""
    return GroupWanted(id=id, rules=(), member_ips=())


def referenced(groups: Iterable[GroupWanted]) -> frozenset[str]:
    """The ids of all groups that rules refer to."""
    return frozenset(one.group_id for group in groups for one in group.rules if one.group_id)


def open_ways(group: GroupWanted) -> frozenset[OpenWay]:
    """Return the ways by which the group lets everything of a protocol pass, from and to all."""
    return frozenset(
        (rule.direction, family, protocol)
        for rule in group.rules
        for family, cidr in (("ipv4", rule.cidr), ("ipv6", rule.cidr6))
        if cidr in _WORLD
        for protocol in ("tcp", "udp")
        if _is_whole(rule, protocol)
    )


def _is_whole(rule: Rule, protocol: str) -> bool:
    number = protocol_number(rule)
    return number < 0 or (number == _NUMBERS[protocol] and ports(rule) == (0, PORT_MAX))


def protocol_number(rule: Rule) -> int:
    """The number of the rule's protocol; -1: all."""
    return _NUMBERS[rule.protocol] if rule.protocol in _NUMBERS else int(rule.protocol)


def ports(rule: Rule) -> tuple[int, int]:
    """The ports of a rule for TCP or UDP, both included."""
    if rule.from_port <= 0 and rule.to_port in (-1, PORT_MAX):
        return 0, PORT_MAX
    return rule.from_port, rule.to_port


def icmp_kinds(rule: Rule) -> tuple[int, int]:
    """Types and codes of a rule for ICMP as numbers (256 · type + code), both included."""
    if rule.from_port < 0:
        return 0, PORT_MAX
    if rule.to_port < 0:
        return rule.from_port * 256, rule.from_port * 256 + 255
    return rule.from_port * 256 + rule.to_port, rule.from_port * 256 + rule.to_port


def members(group: GroupWanted) -> tuple[nft.Set, nft.Set]:
    """Return the sets of the addresses that wear the group, IPv4 and IPv6."""
    ips = collapse_addresses(IPv4Network(one, strict=False) for one in group.member_ips)
    ip6s = collapse_addresses(IPv6Network(one, strict=False) for one in group.member_ip6s)
    return (
        nft.set_of(f"{group.id}-members", "ipv4_addr", map(_short, ips), "interval"),
        nft.set_of(f"{group.id}-members6", "ipv6_addr", map(_short, ip6s), "interval"),
    )


def _short(network: IPv4Network | IPv6Network) -> str:
    is_host = network.prefixlen == network.max_prefixlen
    return str(network.network_address) if is_host else str(network)


def _way_blocks(group: GroupWanted, way: _Way) -> Iterator[nft.Block]:
    rules = [rule for rule in group.rules if rule.direction is way.direction]
    name, sets, lines = f"{group.id}-{way.suffix}", list[nft.Set](), list[str]()
    for family, version in (("ip", 4), ("ip6", 6)):
        found = [(rule, _network(rule, version)) for rule in rules]
        ranged = [(rule, network) for rule, network in found if network is not None]
        for block, line in _range_blocks(f"{name}{version}", ranged, family, way):
            sets.append(block)
            lines.append(line)
    by_peer: dict[str, list[Rule]] = {}
    for rule in rules:
        if rule.group_id is not None:
            by_peer.setdefault(rule.group_id, []).append(rule)
    for peer, meant in sorted(by_peer.items()):
        lines += _peer_lines(peer, meant, way)
    yield from sets
    yield nft.Chain(name, tuple(lines))


def _network(rule: Rule, version: int) -> spans.Range | None:
    text = rule.cidr if version == 4 else rule.cidr6
    return None if text is None else spans.parse_range(text)


def _range_blocks(
    name: str, rules: list[tuple[Rule, spans.Range]], family: str, way: _Way
) -> Iterator[tuple[nft.Set, str]]:
    """The sets for ranges of one family, each with the rule that looks into it."""
    is_ours = f"meta nfproto {'ipv4' if family == 'ip' else 'ipv6'}"
    world = [(rule, network) for rule, network in rules if network.length == 0]
    whole = spans.disjoint(
        Span(protocol, low, high, network)
        for rule, network in world
        for protocol, low, high in _world_ports(rule)
    )
    if whole:
        elements = frozenset(f"{one.key} . {_numbers(one)}" for one in whole)
        yield (
            nft.Set(f"{name}-world", f"typeof {_MATCHES[_PORTS]}", elements, flags="interval"),
            f"{is_ours} {_MATCHES[_PORTS]} @{name}-world "
            f"meta mark set meta mark | {way.world:#x} counter goto {way.onwards}",
        )
    for kind, held in sorted(_by_kind(rules).items()):
        match = f"{_MATCHES[kind]} . {family} {way.side}"
        elements = frozenset(_element(one, kind) for one in spans.disjoint(held))
        yield (
            nft.Set(f"{name}-{kind}", f"typeof {match}", elements, flags="interval"),
            f"{match} @{name}-{kind} counter goto {way.onwards}",
        )


def _world_ports(rule: Rule) -> Iterator[tuple[str, int, int]]:
    number = protocol_number(rule)
    for protocol in ("tcp", "udp"):
        if number == _NUMBERS[protocol]:
            yield protocol, *ports(rule)
        elif number < 0:
            yield protocol, 0, PORT_MAX


def _by_kind(rules: Iterable[tuple[Rule, spans.Range]]) -> dict[str, list[Span]]:
    """The rules as spans, by what of a packet they look at."""
    kinds: dict[str, list[Span]] = {}
    for rule, network in rules:
        kind, span = _span(rule, network)
        if not (kind == _PORTS and network.length == 0):
            kinds.setdefault(kind, []).append(span)
    return kinds


def _span(rule: Rule, network: spans.Range) -> tuple[str, Span]:
    number = protocol_number(rule)
    if number in (6, 17):
        return _PORTS, Span("tcp" if number == 6 else "udp", *ports(rule), network)
    if number in (1, 58) and rule.from_port >= 0:
        return _ICMP, Span("icmp" if number == 1 else "ipv6-icmp", *icmp_kinds(rule), network)
    if number < 0:
        return _ALL, Span("", 0, PROTOCOL_MAX, network)
    return _ALL, Span("", number, number, network)


def _element(span: Span, kind: str) -> str:
    return f"{_keyed(span, kind)} . {span.network.text()}"


def _keyed(span: Span, kind: str) -> str:
    """What a packet is asked for besides its peer's address."""
    return _numbers(span) if kind == _ALL else f"{span.key} . {_numbers(span)}"


def _numbers(span: Span) -> str:
    return str(span.low) if span.low == span.high else f"{span.low}-{span.high}"


def _peer_lines(peer: str, rules: list[Rule], way: _Way) -> Iterator[str]:
    """The rules that name another group (or their own) as peer."""
    kinds: dict[str, list[Span]] = {}
    for rule in rules:
        # Whose address it must be is said by the set of members, not by a range.
        kind, span = _span(rule, _ANYBODY)
        kinds.setdefault(kind, []).append(span)
    for family, members in (("ip", f"{peer}-members"), ("ip6", f"{peer}-members6")):
        who = f"{family} {way.side} @{members}"
        for kind, held in sorted(kinds.items()):
            pieces = spans.disjoint(held)
            what = ", ".join(_keyed(one, kind) for one in pieces)
            match = "" if what == f"0-{PROTOCOL_MAX}" else f" {_MATCHES[kind]} {{ {what} }}"
            yield f"{who}{match} counter goto {way.onwards}"

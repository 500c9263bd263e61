"""Counting flows: what a VPC's ruleset has besides, while a flow log watches interfaces of it.

The kernel counts in sets: an element for each flow of a watched interface, which goes by itself
when nothing has come for `KEPT_S`. What passed is counted behind all decisions, what is refused
where it is; nothing is decided here. A *card number* stands for an interface in the packet's mark,
whose other bits say what was counted: the mark has no other use any more there, and such keys have
no more parts than nft can show.

Without a flow log none of this is there. Called by `vpcfirewall`; read by `do/flowcounts`. Pure.
"""

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from mallee.model.hosts.hosts import VpcWanted
from mallee.model.layout import Layout
from mallee.model.network.flowlogs import Traffic
from mallee.node.plan.network import afar, network, nft, speakers

KEPT_S = 20
"""A flow is counted on as long as no more passes between its packets: several times as long as
between two readings, so that none goes unread."""
FLOWS_MAX = 131072
"""Of one VPC, each family and kind: some 25 MB of the kernel's memory. What finds no room is
counted as such, by interface."""
PORTS4, PORTS6, PLAIN4, PLAIN6 = "flows4", "flows6", "plain-flows4", "plain-flows6"
"""The sets: with ports (TCP, UDP) and without, by family."""
SETS = (PORTS4, PORTS6, PLAIN4, PLAIN6)
LOST = "lost-flows"
"""The set of those for which there was no room."""
FIN, SYN, RST, ACK = 0x1, 0x2, 0x4, 0x10
TCP, UDP, EGRESS, REJECT = 0x40, 0x80, 0x100, 0x200
NUMBER_SHIFT = 10
_NUMBERS = 1 << 21
_REFUSED_OUT, _REFUSED_IN, _NOWHERE = "refused-out", "refused-in", "nowhere"
REFUSALS = frozenset({_REFUSED_OUT, _REFUSED_IN, _NOWHERE})
"""The chains by which others refuse while a log watches: what led there decided."""
COUNTERS = frozenset(
    {"passed", "sent", "not-sent", "received", "not-received", "tally", "tally-tcp", "tally-ports"}
)
"""The chains that only count."""
_OWN_CHAIN = re.compile(r"(?:acl-[0-9a-f]+|mt[0-9a-f]+|mg[0-9a-f]+)-(out|in)")


@dataclass(frozen=True, slots=True)
class Card:
    """An interface that a flow log watches."""

    interface_id: str
    device: str
    number: int


def cards(layout: Layout, vpc: VpcWanted) -> tuple[Card, ...]:
    """Return the watched interfaces of a VPC with their numbers."""
    watched = {id for log in vpc.flow_logs for id in log.interface_ids}
    devices = {one.id: layout.tap(one.id) for one in vpc.interfaces}
    for own in (*vpc.nat_gateways, *vpc.endpoints):
        devices[own.interface_id] = layout.nat_link(own.interface_id)
    numbers: dict[str, int] = {}
    for id in sorted(watched & devices.keys()):
        number = zlib.crc32(id.encode()) % _NUMBERS
        while number in numbers.values():
            number = (number + 1) % _NUMBERS
        numbers[id] = number
    # 0 is nobody's: a packet that no watched interface has to do with bears it.
    return tuple(Card(id, devices[id], number + 1) for id, number in numbers.items())


def counting(layout: Layout, vpc: VpcWanted, blocks: Iterable[nft.Block]) -> list[nft.Block]:
    """Return the blocks of a VPC's ruleset with what counts."""
    held, watched = list(blocks), cards(layout, vpc)
    if not watched:
        return held
    traffic = {log.traffic for log in vpc.flow_logs}
    has_flags = any("tcp-flags" in log.fields for log in vpc.flow_logs)
    return [
        *_sets(watched),
        *_tally(has_flags=has_flags),
        *_counters(),
        *([] if traffic == {Traffic.REJECT} else [_passed(vpc)]),
        *(_refusing(one) for one in held),
    ]


def _sets(watched: Iterable[Card]) -> Iterator[nft.Set]:
    devices = (f'"{one.device}" : {one.number << NUMBER_SHIFT:#x}' for one in watched)
    yield nft.map_of("watched", "ifname : mark", devices)
    flags = f"dynamic,timeout; timeout {KEPT_S}s"
    for name in SETS:
        address = "ipv4_addr" if name.endswith("4") else "ipv6_addr"
        ends = "inet_service . inet_service" if name in (PORTS4, PORTS6) else "inet_proto"
        form = f"type mark . {address} . {address} . {ends}; size {FLOWS_MAX}"
        yield nft.Set(name, form, flags=flags)
    yield nft.Set(LOST, "type mark; size 4096", flags=flags)


def _tally(*, has_flags: bool) -> Iterator[nft.Chain]:
    """The chains that count a packet under its mark, for one of its two interfaces."""
    lost = f"update @{LOST} {{ meta mark counter }}"
    yield nft.Chain(
        "tally-ports",
        (
            *(_update(f"flows{v}", ip, "th sport . th dport") for v, ip in _FAMILIES),
            lost,
        ),
    )
    flags = (
        _flag("(fin|syn|rst|ack) == syn", SYN),
        _flag("(syn|ack) == syn|ack", SYN | ACK),
        _flag("fin != 0x0", FIN),
        _flag("rst != 0x0", RST),
    )
    yield nft.Chain("tally-tcp", (_add(TCP), *(flags if has_flags else ()), "goto tally-ports"))
    yield nft.Chain(
        "tally",
        (
            "meta l4proto tcp goto tally-tcp",
            f"meta l4proto udp {_add(UDP)} goto tally-ports",
            *(_update(f"plain-flows{v}", ip, "meta l4proto") for v, ip in _FAMILIES),
            lost,
        ),
    )


_FAMILIES = (("4", "ip"), ("6", "ip6"))


def _update(name: str, ip: str, ends: str) -> str:
    key = f"meta mark . {ip} saddr . {ip} daddr . {ends}"
    return f"update @{name} {{ {key} counter }} return"


def _flag(match: str, flag: int) -> str:
    return f"tcp flags & {match} {_add(flag)}"


def _add(bits: int) -> str:
    return f"meta mark set meta mark | {bits:#x}"


def _counters() -> Iterator[nft.Chain]:
    """Chains that count a packet for its sender or its receiver, if a log watches him."""
    for name, device, bits in (
        ("sent", "iifname", EGRESS),
        ("not-sent", "iifname", EGRESS | REJECT),
        ("received", "oifname", 0),
        ("not-received", "oifname", REJECT),
    ):
        yield nft.Chain(
            name,
            (
                "meta mark set 0x0",
                f"meta mark set {device} map @watched",
                "meta mark 0x0 return",
                *([_add(bits)] if bits else []),
                "goto tally",
            ),
        )
    yield nft.Chain(_REFUSED_OUT, ("jump not-sent", "drop"))
    yield nft.Chain(_REFUSED_IN, ("jump sent", "jump not-received", "drop"))
    yield nft.Chain(_NOWHERE, ("jump sent", "drop"))


def _passed(vpc: VpcWanted) -> nft.Chain:
    hook = "filter hook forward priority filter + 10"
    again = afar.marking_rules(vpc, speakers.EDGE_MARK)
    return nft.base("passed", hook, "accept", ("jump sent", "jump received", *again))


def _refusing(block: nft.Block) -> nft.Block:
    """Return a chain that counts what it refuses, and refuses it still."""
    if not isinstance(block, nft.Chain):
        return block
    match = _OWN_CHAIN.fullmatch(block.name)
    if match is not None:
        return _sent_on(block, _REFUSED_OUT if match[1] == "out" else _REFUSED_IN)
    if block.name == "known":
        kept = _sent_on(block, _REFUSED_IN)
        guests = f'iifname "{network.TAPS}" ct state invalid goto {_REFUSED_OUT}'
        return replace(kept, rules=(guests, *kept.rules))
    # Nobody refused it: there was no way.
    return _sent_on(block, _NOWHERE) if block.name == "arrive" else block


def _sent_on(chain: nft.Chain, to: str) -> nft.Chain:
    rules = (re.sub(r"\bdrop$", f"goto {to}", rule) for rule in chain.rules)
    return replace(chain, rules=tuple(rules))

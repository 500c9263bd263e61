"""What clouds of Mallee tell each other on a wire: whose ranges, VLANs and numbers are in use.

The doctor of one cloud asks everybody (`around`), the agents of others answer (`voice`). Both are
single frames, of the type for experiments, to everybody. What is told is what its hosts' neighbours
can see anyway; it is believed in nothing but that it was said. Pure.
"""

import functools
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

import msgspec

from mallee.model.hosts import checks
from mallee.model.hosts.hosts import HostWanted
from mallee.model.network.classic import LAN
from mallee.node.checks import sieves
from mallee.node.modes import legs

QUESTION, ANSWER = b"mallee-who? ", b"mallee-here "
_WORD_AT = 14 + len(b"mallee-")
ASKED: tuple[sieves.Instruction, ...] = (
    (sieves.LOAD_HALF, 0, 0, 12),
    (sieves.IS, 0, 3, sieves.EXPERIMENT),
    (sieves.LOAD_WORD, 0, 0, _WORD_AT),
    (sieves.IS, 0, 1, int.from_bytes(b"who?")),
    (sieves.GIVE, 0, 0, sieves.ALL),
    (sieves.GIVE, 0, 0, 0),
)
"""Of all frames the questions."""

PUBLIC, WIRE, PRIVATE = "public", "wire", "private"
"""Ranges: of public addresses; of guests in the administrator's own network; of guests in VPCs,
which no wire sees."""
VLAN, VXLAN, MAC = "VLAN", "VXLAN", "MAC"
_KINDS = frozenset({PUBLIC, WIRE, PRIVATE, VLAN, VXLAN, MAC})
_RANGES = (PUBLIC, WIRE, PRIVATE)
_FRAME_BYTES = 1200
_FRAMES_MAX = 8
_EACH_MAX = 256
_NUMBER_MAX = {VLAN: checks.VLAN_MAX, VXLAN: (1 << 24) - 1}
_PLAIN = re.compile(r"[0-9a-fA-F.:/-]{1,50}")

Belonging = tuple[str, str]
"""A kind and a text: `("public", "203.0.113.0/24")`, `("VLAN", "2-9")`."""


class Told(msgspec.Struct, frozen=True):
    """What an agent says of its cloud, or a part of it."""

    cloud: str
    """The id of the authority that its hosts trust."""
    host: str
    has: tuple[Belonging, ...] = ()


def belongings(wanted: HostWanted, device: str, device_of_mode: str) -> tuple[Belonging, ...]:
    """Return what a host has in use, as far as it concerns who stands on the wire of `device`."""
    mode = wanted.mode
    found = [(PUBLIC, wanted.public_range)]
    if wanted.ipv6_range:
        found.append((PUBLIC, wanted.ipv6_range))
    if mode is None:
        found.append((PRIVATE, wanted.private_range))
        numbers = {vpc.overlay_id for vpc in wanted.vpcs if vpc.overlay_id}
        found += [(VXLAN, one) for one in checks.spans_of(numbers)[:_EACH_MAX]]
        return tuple(found)
    interfaces = [one for vpc in wanted.vpcs for one in vpc.interfaces][:_EACH_MAX]
    if mode.kind in LAN:
        # The LAN itself is the administrator's; only what guests have of it is the cloud's.
        found = [(WIRE, f"{one.private_ip}/32") for one in interfaces]
        return (*found, *((MAC, one.mac) for one in interfaces))
    found.append((WIRE, mode.subnet))
    if device == device_of_mode:
        # VLANs of another wire are nobody's business here, nor are the routers in them.
        vlans = {block.vlan for block in mode.blocks}
        found += [(VLAN, one) for one in checks.spans_of(vlans - {0})[:_EACH_MAX]]
        if mode.is_gateway:
            routers = {legs.router_mac(mode.subnet, one) for one in vlans}
            found += [(MAC, one) for one in sorted(routers)[:_EACH_MAX]]
    return tuple(found)


def frames_of(told: Told) -> Iterator[bytes]:
    """Yield what is told in parts that a frame holds each, as many as are sent."""
    parts: list[list[Belonging]] = [[]]
    size = 0
    for one in told.has:
        if size + len(one[1]) > _FRAME_BYTES // 2:
            parts.append([])
            size = 0
        parts[-1].append(one)
        size += len(one[0]) + len(one[1]) + len('["",""],')
    for part in parts[:_FRAMES_MAX]:
        yield ANSWER + msgspec.json.encode(Told(told.cloud, told.host, tuple(part)))


def read(said: bytes) -> Told | None:
    """Return what a frame's content tells; None: nothing that a cloud would tell."""
    if not said.startswith(ANSWER):
        return None
    try:
        # A frame is as long as the shortest may be.
        told = msgspec.json.decode(said[len(ANSWER) :].rstrip(b"\0"), type=Told)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    is_plain = told.cloud.isalnum() and len(told.cloud) <= 64 and told.host.isprintable()
    if not is_plain or len(told.host) > 64 or not all(map(_is_sound, told.has)):
        return None
    return told


def _is_sound(one: Belonging) -> bool:
    kind, text = one
    if not _PLAIN.fullmatch(text):
        # Administrators read it: an IPv6 address with a zone, say, could hold anything behind it.
        return False
    try:
        if kind in _RANGES:
            ip_network(text)
        elif kind in _NUMBER_MAX:
            _span(kind, text)
        elif kind == MAC:
            return len(bytes.fromhex(text.replace(":", ""))) == 6
    except ValueError:
        return False
    return kind in _KINDS


def clashes(ours: Collection[Belonging], theirs: Iterable[Belonging]) -> tuple[str, ...]:
    """Return in words what both have, each once."""
    found = (words for his in theirs for own in ours if (words := _clash(own, his)))
    return tuple(dict.fromkeys(found))


def _clash(own: Belonging, his: Belonging) -> str:
    (kind, text), (his_kind, his_text) = own, his
    if kind in _RANGES and his_kind in _RANGES:
        if kind == his_kind == PRIVATE or not overlap(text, his_text):
            return ""
        return f"its {his_kind} range {his_text} overlaps our {kind} range {text}"
    if kind != his_kind:
        return ""
    if kind in _NUMBER_MAX:
        mine, its = _span(kind, text), _span(kind, his_text)
        first, last = max(mine[0], its[0]), min(mine[-1], its[-1])
        both = str(first) if first == last else f"{first}-{last}"
        return f"{kind} {both} is in use by both" if first <= last else ""
    return f"the hardware address {text} is in use by both" if text == his_text else ""


def overlap(text: str, other: str) -> bool:
    """Tell whether two ranges, of either family, share an address."""
    one, another = _network(text), _network(other)
    if isinstance(one, IPv4Network) and isinstance(another, IPv4Network):
        return one.overlaps(another)
    both_are_six = isinstance(one, IPv6Network) and isinstance(another, IPv6Network)
    return both_are_six and one.overlaps(another)


@functools.lru_cache(maxsize=1 << 14)
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)


@functools.lru_cache(maxsize=1 << 14)
def _span(kind: str, text: str) -> range:
    first, hyphen, last = text.partition("-")
    span = range(int(first), int(last if hyphen else first) + 1)
    if not span or not 0 <= span[0] <= span[-1] <= _NUMBER_MAX[kind]:
        raise ValueError(f"the {kind} ids {text[:40]!r}")
    return span


def words(has: Sequence[Belonging]) -> str:
    """Return what a cloud has in words."""
    by_kind: dict[str, list[str]] = {}
    for kind, text in has:
        by_kind.setdefault(kind, []).append(text)
    return "; ".join(
        f"{kind} {', '.join(listed[:4])}{' …' if len(listed) > 4 else ''}"
        for kind, listed in by_kind.items()
    )

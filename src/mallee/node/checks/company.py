"""What others on a wire mean for the cloud: who contradicts whom, who has what is ours; pure.

`around` hears, this judges: each finding is one of a host, and those of several hosts that are the
same are told once (`box.visits.neighbours`).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from mallee.model.hosts.ailments import Ailment, Code
from mallee.model.hosts.checks import Finding
from mallee.node.checks import voices
from mallee.node.checks.sayings import Machine, Router, Saying, Tree, Virtual
from mallee.node.checks.voices import PUBLIC, Belonging, Told

_SHOWN = 4
_AILMENTS_MAX = 16
"""Of one kind of speaker."""
_HAS_MAX = 2048
"""So much of what one cloud has is looked at: more than hosts tell of, and less than a flood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What is ours, of who listened."""

    device: str
    clouds: frozenset[str] = frozenset()
    """The ids of the authorities that the host trusts."""
    has: tuple[Belonging, ...] = ()
    vlans: frozenset[int] = frozenset()
    """Those in which nobody but the cloud should speak."""
    routers6: frozenset[str] = frozenset()
    """By which the host's IPv6 leaves as its administrator has set it; none: as it is told."""


def judge(own: Own, heard: Collection[Saying]) -> list[Finding]:
    """Return what is wrong around a host; and what else was heard, in words."""
    ailments = [
        *_first(_trees([one for one in heard if isinstance(one, Tree)])),
        *_first(_routers(own, [one for one in heard if isinstance(one, Router)])),
        *_first(_virtuals(own, [one for one in heard if isinstance(one, Virtual)])),
        *_first(_clouds(own, [one for one in heard if isinstance(one, Told)])),
    ]
    subject = f"around {own.device}"
    said = _words(own, heard) or "no switch, router or cloud speaks of itself"
    found = [Finding(subject=subject, ok=True, text=said)]
    return [
        *found,
        *(
            Finding(
                subject=subject,
                ok=False,
                text="not well",
                code=one.code.value,
                cause=one.cause,
                cure=one.cure,
            )
            for one in ailments
        ),
    ]


def _first(ailments: Iterator[Ailment]) -> Iterator[Ailment]:
    """Whoever floods the wire hides no other kind of trouble behind his own."""
    return islice(ailments, _AILMENTS_MAX)


def _trees(heard: Sequence[Tree]) -> Iterator[Ailment]:
    cure = "look for cables in a loop, ports that come and go, and who should be the root: on the "
    cure += "switches, their spanning tree and its last change; here: bridge -d link"
    for vlan in sorted({one.vlan for one in heard}):
        those = [one for one in heard if one.vlan == vlan]
        of = f" of VLAN {vlan}" if vlan else ""
        roots = sorted({one.root for one in those})
        if len(roots) > 1:
            cause = f"the spanning tree{of} has had several roots within seconds: "
            yield Ailment(Code.TREE_UNSETTLED, cause + ", ".join(roots[:_SHOWN]), cure)
        elif any(one.is_changing for one in those):
            who = sorted({one.bridge for one in those if one.is_changing})
            cause = f"the spanning tree{of} is changing (told by {', '.join(who[:_SHOWN])}): "
            cause += "switches forget where machines are, and ports wait before they carry anything"
            yield Ailment(Code.TREE_UNSETTLED, cause, cure)


def _routers(own: Own, heard: Sequence[Router]) -> Iterator[Ailment]:
    for one in heard:
        for prefix in one.prefixes:
            if _is_ours(own, prefix):
                yield _announced(prefix, f"{one.address} ({one.mac})", "router advertisements")
    cure = "take it off the network; let switches stop such offers (RA guard); or have hosts not "
    cure += "listen: sysctl net.ipv6.conf.CARD.accept_ra=0"
    strange = [one for one in heard if one.vlan in own.vlans]
    for one in _each(strange):
        cause = f"{_who(one)} offers itself as a router in VLAN {one.vlan}, which is the cloud's"
        yield Ailment(Code.ROUTER_FOREIGN, cause, cure)
    leading = [one for one in heard if one.is_default and one.vlan == 0]
    if own.routers6:
        for one in _each([it for it in leading if it.address not in own.routers6]):
            cause = f"{_who(one)} offers itself as a router of IPv6; this host's is "
            cause += ", ".join(sorted(own.routers6))
            yield Ailment(Code.ROUTER_FOREIGN, cause, cure)
    elif len({one.prefixes for one in leading}) > 1:
        cause = "several routers of IPv6 offer different networks: "
        cause += ", ".join(_who(one) for one in _each(leading))
        yield Ailment(Code.ROUTER_TWICE, cause, cure)


def _each(heard: Iterable[Router]) -> list[Router]:
    """Return the routers that were heard, each once, in order."""
    return sorted({one.address: one for one in heard}.values(), key=lambda one: one.address)


def _who(one: Router) -> str:
    of = f" with {', '.join(one.prefixes[:_SHOWN])}" if one.prefixes else ""
    return f"{one.address} ({one.mac}){of}"


def _virtuals(own: Own, heard: Sequence[Virtual]) -> Iterator[Ailment]:
    for one in heard:
        for address in one.shared:
            if _is_ours(own, address):
                by = f"{one.address} as virtual router {one.group}"
                yield _announced(address, by, one.protocol)
    cure = "see whether they hear each other (multicast, VLANs, rules that stop them), and that "
    cure += "two groups of routers have not the same number"
    for protocol, group in sorted({(one.protocol, one.group) for one in heard}):
        those = {one.address for one in heard if (one.protocol, one.group) == (protocol, group)}
        if len(those) > 1:
            cause = f"{' and '.join(sorted(those))} are both the one whose turn it is as virtual "
            cause += f"router {group} ({protocol}): packets go now to one, now to the other"
            yield Ailment(Code.ROUTER_SPLIT, cause, cure)


def _clouds(own: Own, heard: Sequence[Told]) -> Iterator[Ailment]:
    cure = "give one of the two other ranges (mallee config plan), or a wire of its own"
    for cloud, hosts, has in _others(own, heard):
        both = voices.clashes(own.has, has)
        if both:
            more = f"; and {len(both) - _SHOWN} more" if len(both) > _SHOWN else ""
            cause = f"another cloud of Mallee's ({cloud[:8]}, {hosts}): "
            yield Ailment(Code.CLOUDS_OVERLAP, cause + "; ".join(both[:_SHOWN]) + more, cure)


def _others(own: Own, heard: Sequence[Told]) -> Iterator[tuple[str, str, tuple[Belonging, ...]]]:
    """Yield other clouds: their ids, hosts, and all that these have."""
    for cloud in sorted({one.cloud for one in heard} - own.clouds):
        those = [one for one in heard if one.cloud == cloud]
        hosts = ", ".join(sorted({one.host for one in those})[:_SHOWN])
        # Ranges before numbers, and these before hardware addresses.
        has = sorted({it for one in those for it in one.has}, reverse=True)
        yield cloud, hosts, tuple(has[:_HAS_MAX])


def _is_ours(own: Own, text: str) -> bool:
    ranges = (one for kind, one in own.has if kind in (PUBLIC, voices.WIRE))
    return any(voices.overlap(one, text) for one in ranges)


def _announced(network: str, by: str, how: str) -> Ailment:
    cause = f"{by} speaks of {network} by {how}"
    cure = "another cloud or router uses it: take it from there, or take another range"
    return Ailment(Code.RANGE_ANNOUNCED, cause, cure)


def _words(own: Own, heard: Collection[Saying]) -> str:
    trees = {(one.vlan, one.root) for one in heard if isinstance(one, Tree)}
    virtual = {
        f"virtual router {one.group} by {one.protocol}, {one.address}"
        for one in heard
        if isinstance(one, Virtual)
    }
    machines: dict[str, list[str]] = {}
    for one in heard:
        if isinstance(one, Machine) and one.address not in machines.setdefault(one.maker, []):
            machines[one.maker].append(one.address)
    routers = _each(one for one in heard if isinstance(one, Router))
    clouds = _others(own, [one for one in heard if isinstance(one, Told)])
    said = [
        *(f"spanning tree with the root {root}" for _, root in sorted(trees)[:_SHOWN]),
        *(f"router of IPv6 {_who(one)}" for one in routers[:_SHOWN]),
        *sorted(virtual)[:_SHOWN],
        *(
            f"a cloud of Mallee's ({cloud[:8]}, {hosts}: {voices.words(has)})"
            for cloud, hosts, has in islice(clouds, _SHOWN)
        ),
        *(
            f"machines of {name}, with {', '.join(sorted(listed)[:_SHOWN])}"
            for name, listed in sorted(machines.items())
        ),
    ]
    return "; ".join(said)

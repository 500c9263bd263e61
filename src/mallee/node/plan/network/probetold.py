"""What became of a probe, from what was seen of it: on devices, and by rules that judged it.

What one pass through a namespace decided is put behind the sighting with which the pass began, so
that the whole reads in the order in which it happened. Called by `node.tracing`. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch

from mallee.model.hosts.hosts import HostWanted
from mallee.model.ids import prefix_of
from mallee.model.layout import Layout
from mallee.model.packets.hops import UDP, End
from mallee.model.packets.traces import ProbeStep, ProbeTold
from mallee.node.modes import legs
from mallee.node.plan.network import flowcounts, network, overlay, probes
from mallee.node.plan.network.probes import Decision, Seen, Sending, Sighting

ARRIVED, DROPPED, LEFT, LOST, SERVED = "arrived", "dropped", "left", "lost", "served"
_ELSEWHERE = "it goes on to another host"
_WIRE = "it goes out into the administrator's network by"
_LEGS = legs.PATTERN.rstrip("*")


@dataclass(frozen=True, slots=True)
class _Names:
    """What of the cloud's a device stands for, by its name."""

    layout: Layout
    devices: Mapping[str, str]
    interfaces: frozenset[str]


def told(layout: Layout, wanted: HostWanted, sending: Sending, seen: Seen) -> ProbeTold:
    """Return what became of a probe."""
    names = _names(layout, wanted)
    steps = tuple(_steps(names, seen))
    forward = [one for one in steps if not one.is_answer]
    end, at, why = _end(names, forward)
    is_datagram = sending.probe.packet.protocol == UDP
    answers = [one for one in sorted(seen.sightings) if one.is_answer]
    back = [one for one in answers if one.is_leaving and one.device == sending.tap]
    if why == _ELSEWHERE and not back and not is_datagram:
        # What is asked here would be answered there, were it only by a refusal.
        end, why = LOST, f"{_ELSEWHERE}, from where no answer comes back"
    return ProbeTold(
        end=end,
        at=at,
        why=why,
        is_answered=bool(back),
        answer=_answer(sending, steps, answers, is_back=bool(back)),
        steps=steps,
    )


def _names(layout: Layout, wanted: HostWanted) -> _Names:
    devices: dict[str, str] = {}
    interfaces: set[str] = set()
    for vpc in wanted.vpcs:
        devices |= {layout.tap(one.id): one.id for one in vpc.interfaces}
        devices |= {layout.nat_link(one.interface_id): one.id for one in vpc.nat_gateways}
        devices |= {layout.nat_link(it.interface_id): it.interface_id for it in vpc.endpoints}
        devices |= {layout.peer_link(one.id): one.id for one in vpc.peerings}
        devices |= {layout.transit_link(one.id): one.id for one in vpc.attachments}
        devices[network.link_name(vpc)] = vpc.id
        # Behind an endpoint's link is a namespace of ours, which judges what comes there.
        interfaces |= {one.id for one in vpc.interfaces}
    return _Names(layout, devices, frozenset(interfaces))


# In which order it happened


@dataclass(frozen=True, slots=True)
class _Pass:
    """What was decided about a packet on one way through a namespace."""

    namespace: str
    decisions: tuple[Decision, ...]


def _steps(names: _Names, seen: Seen) -> Iterator[ProbeStep]:
    waiting = list(_passes(seen))
    for sighting in sorted(seen.sightings):
        if fnmatch(sighting.device, network.LIMITERS):
            # It waits there for its turn, and is where it was.
            continue
        yield _sighted(names, sighting)
        begun = None if sighting.is_leaving else _begun(seen, waiting, sighting)
        if begun is not None:
            waiting.remove(begun)
            yield from _judged(names, seen, begun, is_answer=sighting.is_answer)
    for left in waiting:
        # What the namespace itself sends comes by no device: it answers.
        yield from _judged(names, seen, left, is_answer=True)


def _passes(seen: Seen) -> Iterator[_Pass]:
    for namespace, decisions in seen.decisions.items():
        by_id: dict[int, list[Decision]] = {}
        for one in decisions:
            by_id.setdefault(one.trace_id, []).append(one)
        for those in by_id.values():
            yield _Pass(namespace, tuple(those))


def _begun(seen: Seen, waiting: list[_Pass], sighting: Sighting) -> _Pass | None:
    for one in waiting:
        index = next((it.iif for it in one.decisions if it.iif), 0)
        is_here = one.namespace == sighting.namespace
        if is_here and seen.devices.get((one.namespace, index)) == sighting.device:
            return one
    return None


def _sighted(names: _Names, sighting: Sighting) -> ProbeStep:
    return ProbeStep(
        kind="device",
        namespace=sighting.namespace,
        name=sighting.device,
        about=names.devices.get(sighting.device, ""),
        verdict="out" if sighting.is_leaving else "in",
        is_answer=sighting.is_answer,
    )


def _judged(names: _Names, seen: Seen, begun: _Pass, *, is_answer: bool) -> Iterator[ProbeStep]:
    for one in begun.decisions:
        is_policy = one.handle == 0
        if one.verdict != "drop" and (is_policy or _only_counts(one.chain)):
            continue
        yield ProbeStep(
            kind="rule",
            namespace=begun.namespace,
            name=one.chain,
            about=_about(names, one.chain),
            text=seen.rules.get((begun.namespace, one.chain, one.handle), ""),
            verdict=one.verdict,
            is_answer=is_answer,
        )


def _only_counts(chain: str) -> bool:
    """Whether a chain is a flow log's, which decides nothing about a packet."""
    return chain in flowcounts.COUNTERS or chain in flowcounts.REFUSALS


def _about(names: _Names, chain: str) -> str:
    """The id of what of the cloud's a chain belongs to."""
    name, dash, side = chain.rpartition("-")
    if not dash or side not in ("in", "out"):
        return ""
    return names.devices.get(name, name if prefix_of(name) in ("sg", "acl") else "")


# How it ended


def _end(names: _Names, forward: list[ProbeStep]) -> tuple[str, str, str]:
    """Return how its way ended, at what, and why."""
    came = next((one.about for one in forward if one.kind == "device"), "")
    dropped = next((one for one in forward if one.verdict == "drop"), None)
    if dropped is not None:
        refused = _refused(forward, dropped)
        return DROPPED, refused.about or came, _why_dropped(refused)
    seen_on = [one for one in forward if one.kind == "device"]
    last = seen_on[-1] if seen_on else None
    if last is None:
        return LOST, "", "it was not seen even where the guest's packets come in"
    if last.verdict == "out":
        if last.about in names.interfaces:
            return ARRIVED, last.about, ""
        if last.name == overlay.DEVICE:
            return LEFT, "", _ELSEWHERE
        if last.name.startswith(_LEGS):
            return LEFT, "", f"{_WIRE} {last.name}"
        is_gone = last.namespace == names.layout.edge_namespace and last.name == network.HOST
        return (LEFT, "", "") if is_gone else (LOST, last.about, "nothing takes it up there")
    accepted = [one for one in forward if one.kind == "rule" and one.name == "input"]
    if accepted and accepted[-1].verdict == "accept":
        return SERVED, "", "the cloud's own services took it"
    if prefix_of(last.about) == "tgw-attach":
        return LOST, last.about, "the transit gateway leads it nowhere: a black hole, or no route"
    if any(one.kind == "rule" and one.name in ("pass", "known") for one in forward[-4:]):
        return LOST, came, "the firewall lets it pass, but nobody answers for the address there"
    return LOST, came, "no route leads on: the table of its subnet ends, or nobody has the address"


def _refused(steps: Sequence[ProbeStep], dropped: ProbeStep) -> ProbeStep:
    """The step that decided on a drop: where flows are counted, what led to the drop's chain."""
    led = f"goto {dropped.name}"
    if dropped.name in flowcounts.REFUSALS:
        return next((one for one in reversed(steps) if one.verdict == led), dropped)
    return dropped


def _why_dropped(step: ProbeStep) -> str:
    """Which of the ends that the reference evaluator knows a drop is; else the chain."""
    side = step.name.rpartition("-")[2]
    if step.about.startswith("acl-"):
        return (End.ACL_OUT if side == "out" else End.ACL_IN).value
    if step.about.startswith("eni-"):
        return (End.EGRESS if side == "out" else End.INGRESS).value
    if step.name in ("raw", "peers", "strange"):
        return End.SENDER.value
    if "open6" in step.text:
        return End.CLOSED.value
    if step.name == "arrive":
        return End.NO_PUBLIC_ADDRESS.value
    return step.text or f"the chain {step.name} lets nothing pass that it does not name"


def _answer(
    sending: Sending, steps: tuple[ProbeStep, ...], answers: list[Sighting], *, is_back: bool
) -> str:
    if not answers:
        return ""
    words = probes.answer_words(sending.probe, answers[0].frame)
    if is_back:
        return words
    back = [one for one in steps if one.is_answer]
    dropped = next((_refused(back, one) for one in back if one.verdict == "drop"), None)
    where = f" by {dropped.about or dropped.name}" if dropped else ""
    return f"{words}; but it was lost on its way back{where}"

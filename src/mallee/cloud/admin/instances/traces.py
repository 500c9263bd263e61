"""By what way a packet goes through the hosts of its sender and its receiver, and what became of a
probe.

Called through the action table: `TracePacket`, behind `mallee trace`, about the very packet that
`ExplainPacket` judges. Names of devices, rules as the kernel has them, and what was counted there
are the host's: they are told to administrators of the cloud alone. Everybody else is told what
became of his probe, by the ids of his own things.
"""

from typing import Any

import msgspec

from mallee.aws import errors
from mallee.cloud.action import Action, AskHost
from mallee.cloud.admin.instances import packets as asking
from mallee.cloud.call import Call, Request, Result
from mallee.cloud.explain import finding, packets
from mallee.cloud.hosts.doors import asks
from mallee.cloud.state import records
from mallee.model.packets import traces
from mallee.model.packets.hops import End
from mallee.model.packets.traces import HostTrace, ProbeStep, ProbeTold, TraceAsk, TraceStep

STEPS_MAX = 200
_traces = msgspec.json.Decoder(HostTrace)
_ENDS = {end.value: end for end in End}


def prepare(call: Call, request: Request) -> tuple[str, str, str, str]:
    """Return which host to ask, and about which packet."""
    asked = asking.read(call, request)
    if asked.sender is None:
        raise errors.InvalidInput(
            "What comes from the internet passes no guest's tap here: ask ExplainPacket about it."
        )
    instance_id = asked.sender.doc.instance_id
    instance = call.view.get(records.INSTANCE, instance_id) if instance_id else None
    if instance is None or instance.doc.gone_at is not None:
        raise errors.InvalidInput(f"{asked.sender.id} is attached to no instance: no host has it.")
    detail = TraceAsk(
        interface_id=asked.sender.id,
        source=str(asked.packet.source),
        destination=str(asked.packet.destination),
        protocol=asked.packet.protocol,
        port=asked.packet.destination_port,
        is_probe=bool(request.get("Probe")),
    )
    text = msgspec.json.encode(detail).decode()
    return instance.doc.host_id, traces.ASK_TRACE, instance.id, text


def onwards(call: Call, request: Request, answer: bytes) -> tuple[str, str, str, str] | None:
    """Return the question to the host that the packet goes on to; None: it goes on to none, or to
    one that says nothing."""
    asked, crossing = asking.read(call, request), _decode(answer).crossing
    instance_id = asked.sender.doc.instance_id if asked.sender else None
    host = call.view.get(records.HOST, crossing.host_id) if crossing else None
    if crossing is None or instance_id is None:
        return None
    if host is None or host.seen is None or host.seen.is_silent:
        return None
    detail = TraceAsk(
        interface_id="",
        source=crossing.source,
        destination=crossing.destination,
        protocol=asked.packet.protocol,
        port=asked.packet.destination_port,
        place=(crossing.vpc_id, crossing.subnet_id),
    )
    return host.id, traces.ASK_TRACE, instance_id, msgspec.json.encode(detail).decode()


def _decode(answer: bytes) -> HostTrace:
    try:
        return _traces.decode(answer)
    except msgspec.DecodeError as error:
        raise errors.Unavailable("The host's answer is no way of a packet.") from error


def finish(call: Call, request: Request, answer: bytes) -> Result:
    """Turn the hosts' answers into the result; a host is believed about itself alone."""
    asked = asking.read(call, request)
    first, *others = map(_decode, answer.split(b"\n", 1))
    told = first
    for other in others:
        told = msgspec.structs.replace(
            first, end=other.end, at=other.at, steps=(*first.steps, *other.steps)
        )
    is_admin = call.principal.is_cloud_admin
    instance_id = asked.sender.doc.instance_id if asked.sender else None
    instance = call.view.get(records.INSTANCE, instance_id) if instance_id else None
    return {
        "HostId": instance.doc.host_id if instance is not None and is_admin else None,
        "End": _end(call, told),
        "At": _known(call, told.at) or None,
        "Steps": [_step(it) for it in told.steps[:STEPS_MAX]] if is_admin else [],
        "Probe": _probe(call, told.probe) if told.probe is not None else None,
        "Notes": [*map(_plain, told.notes), *_notes(call, first, is_told=bool(others))],
    }


def _end(call: Call, told: HostTrace) -> str:
    """Return how a way ended; at another account's interface that is not told."""
    is_foreign = told.at.startswith("eni-") and not _known(call, told.at)
    return "beyond" if is_foreign else _plain(told.end)


def _step(it: TraceStep) -> dict[str, Any]:
    return {
        "Kind": _plain(it.kind),
        "ResourceId": _plain(it.about) or None,
        "Namespace": _plain(it.namespace) or None,
        "Name": _plain(it.name) or None,
        "Text": _plain(it.text) or None,
        "Packets": it.packets,
        "Bytes": it.octets,
    }


def _probe(call: Call, told: ProbeTold) -> dict[str, Any]:
    """Return what became of a probe; what happened in another account's network is not told."""
    is_admin = call.principal.is_cloud_admin
    if told.at and not _known(call, told.at):
        return {"End": "beyond", "Why": packets.BEYOND, "IsAnswered": told.is_answered, "Steps": []}
    why, cure = _words(told)
    steps = [it for it in told.steps[:STEPS_MAX] if is_admin or _known(call, it.about)]
    return {
        "End": _plain(told.end),
        "At": _plain(told.at) or None,
        "Why": why,
        "Cure": cure or None,
        "IsAnswered": told.is_answered,
        "Answer": _plain(told.answer) or None,
        "Steps": [_probe_step(it, is_admin=is_admin) for it in steps],
    }


def _words(told: ProbeTold) -> tuple[str, str]:
    """Return why a probe ended as it did, in the words for the evaluator's verdicts."""
    end = _ENDS.get(told.why) if told.end != "arrived" else End.ARRIVED
    if end is None:
        return _plain(told.why) or "it left the cloud", ""
    why, cure = packets.WHY[end]
    return why.format(at=_plain(told.at) or "it"), cure


def _probe_step(it: ProbeStep, *, is_admin: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Kind": _plain(it.kind),
        "ResourceId": _plain(it.about) or None,
        "Verdict": _plain(it.verdict if is_admin else it.verdict.partition(" ")[0]),
        "IsAnswer": it.is_answer,
    }
    if is_admin:
        shown |= {
            "Namespace": _plain(it.namespace),
            "Name": _plain(it.name),
            "Text": _plain(it.text) or None,
        }
    return shown


def _known(call: Call, id: str) -> str:
    """Return an id that the caller may know of; empty otherwise."""
    kind = finding.kind_of(id) if id else None
    record = call.view.get(kind, id) if kind is not None else None
    if record is None:
        return _plain(id) if call.principal.is_cloud_admin else ""
    return id if finding.may_know(call, record) else ""


def _notes(call: Call, told: HostTrace, *, is_told: bool) -> list[str]:
    """Return where the way leads from one host to another, and what is not told of it."""
    if told.crossing is None:
        return []
    if not is_told:
        return ["the packet goes on to another host, which says nothing at the moment"]
    if not call.principal.is_cloud_admin:
        return ["the packet goes on to another host, which was asked too"]
    host = call.view.get(records.HOST, told.crossing.host_id)
    name = host.doc.name if host is not None else told.crossing.host_id
    return [f"behind the first {len(told.steps)} steps the packet is on the host {_plain(name)}"]


def _plain(text: str) -> str:
    return asks.read_words(text.encode())


ACTIONS: tuple[Action, ...] = (
    Action(
        service="mallee",
        name="TracePacket",
        does=AskHost(prepare=prepare, finish=finish, goes_on=onwards),
        honours=asking.HONOURS | {"Probe"},
        resources=asking.about,
    ),
)

"""`mallee trace`: by what way a packet goes between two ends, what was counted, and where it died.

Three things, from the cloud alone to the host itself: the way by which it should go, as judged by
the cloud; the devices, rules and counters by which the sender's host carries it (administrators of
the cloud are told these); and, where asked for, what became of a probe. Exit status 1 when the
packet does not pass, so that scripts can ask.
"""

import json
import sys
from collections.abc import Iterator
from typing import Annotated, Any

from cyclopts import Parameter

from mallee.box import client as api
from mallee.box import steps
from mallee.cli import client, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout
from mallee.model.packets import hops

_SERVICE = "mallee"
_PASSING = frozenset(one.value for one in hops.PASSES)
_MARKS = {True: "✗", False: "→"}


def trace(
    source: str,
    destination: str,
    *,
    port: int = 0,
    protocol: str = "",
    ipv6: bool = False,
    probe: bool = False,
    as_json: Annotated[bool, Parameter(name=("--as-json", "--json"), negative=())] = False,
    root: Root = DEFAULT,
) -> None:
    """Tell by what way a packet goes between two ends, and where it dies.

    Parameters
    ----------
    source
        The instance or interface that speaks, or `internet`.
    destination
        An instance, an interface, an address, or `internet`.
    port
        Of tcp and udp.
    protocol
        tcp, udp or icmp; tcp where a port is given, else icmp.
    ipv6
        By the ends' IPv6 addresses.
    probe
        Send such a packet from the source's tap, and watch it.
    as_json
        Tell it as one JSON document.
    """
    asked = {"SourceId": source, "Destination": destination, **packet_of(protocol, port)}
    asked |= {"IsIpv6": True} if ipv6 else {}
    layout = Layout(root)
    told = _judged(layout, asked)
    if source != "internet":
        more = {"Probe": True} if probe else {}
        try:
            told["Host"] = api.call(client.access(layout), _SERVICE, "TracePacket", asked | more)
        except api.Refused as refused:
            told["HostUnknown"] = str(refused)
    elif probe:
        told["HostUnknown"] = "from the internet there is no tap by which a probe could be sent"
    if as_json:
        words.give(json.dumps(told, default=str, indent=2, ensure_ascii=False))
    else:
        for line in _lines(told):
            words.give(line)
    if not _passes(told):
        sys.exit(1)


def packet_of(protocol: str, port: int) -> dict[str, Any]:
    """Return what is asked of a packet; without a protocol it is an echo, or TCP's to a port."""
    return {"Protocol": protocol or ("tcp" if port else "icmp")} | ({"Port": port} if port else {})


def _judged(layout: Layout, asked: dict[str, Any]) -> dict[str, Any]:
    """Return what the cloud judges of a packet. In the classic network modes it judges those of an
    account's own instances alone; of others hosts tell the way."""
    try:
        return client.call(layout, _SERVICE, "ExplainPacket", asked)
    except steps.Failed as failed:
        refused = failed.__cause__
        is_of_mode = isinstance(refused, api.Refused) and refused.code == "UnsupportedOperation"
        if not is_of_mode or asked["SourceId"] == "internet":
            raise
        return {"Unjudged": str(refused)}


def _passes(told: dict[str, Any]) -> bool:
    """Tell whether it passes; what a probe found goes before what was judged, and this before what
    the sender's host makes of it."""
    host = told.get("Host", {})
    sent = host.get("Probe")
    if sent and sent["End"] not in ("unsent", "beyond"):
        return sent["End"] in ("arrived", "left", "served")
    return bool(told["Passes"]) if "Passes" in told else host.get("End") in _PASSING


def judged_lines(told: dict[str, Any]) -> Iterator[str]:
    """Yield what the cloud judges of a packet, and every thing that it meets."""
    verdict = "passes" if told["Passes"] else "does not pass"
    yield f"{told['SourceAddress']} to {told['DestinationAddress']} {verdict}: {told['Why']}"
    if told.get("Cure"):
        yield f"cure: {told['Cure']}"
    for hop in told["Hops"]:
        yield f"  {_MARKS[bool(hop['Stops'])]} {hop['Words']}"
    for note in told["Notes"]:
        yield f"but: {note}"


def _lines(told: dict[str, Any]) -> Iterator[str]:
    if "Passes" in told:
        yield from judged_lines(told)
    else:
        yield f"not judged by the cloud: {told['Unjudged']}"
    host = told.get("Host")
    if host is None:
        yield f"host: {told.get('HostUnknown', 'no host is asked: it does not begin on one')}"
        return
    if "Passes" not in told:
        at = f" at {host['At']}" if host.get("At") else ""
        yield f"its way there ends so: {host['End']}{at}"
    for note in host["Notes"]:
        yield f"but: {note}"
    yield from _host_lines(host)
    if host.get("Probe"):
        yield from _probe_lines(host["Probe"])


def _host_lines(host: dict[str, Any]) -> Iterator[str]:
    if host["Steps"]:
        yield f"on {host.get('HostId', 'its host')}:"
    for step in host["Steps"]:
        counted = ""
        if step.get("Packets") is not None:
            counted = f"  [{step['Packets']} packets, {step['Bytes']} bytes]"
        where = " ".join(step.get(name, "") for name in ("Namespace", "Name")).strip()
        about = f" ({step['ResourceId']})" if step.get("ResourceId") else ""
        yield f"  {step['Kind']:<12} {where}{about}: {step.get('Text', '')}{counted}"


def _probe_lines(sent: dict[str, Any]) -> Iterator[str]:
    at = f" at {sent['At']}" if sent.get("At") else ""
    yield f"probe: {sent['End']}{at}: {sent['Why']}"
    if sent.get("Cure"):
        yield f"cure: {sent['Cure']}"
    for step in sent["Steps"]:
        side = "answer" if step["IsAnswer"] else "probe"
        where = " ".join(step.get(name, "") for name in ("Namespace", "Name")).strip()
        about = f" ({step['ResourceId']})" if step.get("ResourceId") else ""
        text = f": {step['Text']}" if step.get("Text") else ""
        yield f"  {side:<7}{step['Verdict']:<9} {where}{about}{text}"
    if sent["IsAnswered"]:
        yield f"answer: {sent['Answer']}"
    elif sent.get("Answer"):
        yield f"no answer came back: {sent['Answer']}"
    elif sent["End"] in ("arrived", "left", "served"):
        yield "no answer came back in time"

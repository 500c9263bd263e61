"""The services of the cloud and of its hosts, each with its state and what stands against it.

Called through the action table. A service of a host cannot be better than its host; what ails one
of them its agent says (`HostFacts.services`).
"""

from collections.abc import Iterator
from typing import Any

from mallee.cloud.action import Action, Read
from mallee.cloud.admin import rows
from mallee.cloud.call import Call, Request, Result
from mallee.cloud.frontends import absence
from mallee.cloud.hosts import standings
from mallee.cloud.hosts.standings import HostRecord
from mallee.cloud.state import records
from mallee.model.hosts.standing import Judged, State

NODE = "node"
_HERE = Judged(State.ENABLED)
_NO_OBJECTS = Judged(
    State.NOTREADY,
    ("No process of the object store takes connections: `mallee logs s3` says why.",),
)
_IN_ORDER = frozenset({State.ENABLED, State.DISABLED, State.BROKEN})


def describe_services(call: Call, request: Request) -> Result:
    """Describe the services: the cloud's own first, then each host's."""
    shown = [
        _render("cloud", "", "cloud", _HERE),
        _render("agents", "", f"port {call.agents.port}", _HERE),
        _render("objectstorage", "", "s3", _objects(call)),
    ]
    hosts = filter(standings.is_member, call.view.list(records.HOST))
    for host in sorted(hosts, key=lambda one: (one.doc.zone, one.doc.name)):
        shown.extend(_of_host(host))
    return {"Services": shown}


def _objects(call: Call) -> Judged:
    if not call.agents.serves_objects():
        return _NO_OBJECTS
    found = (one.doc for one in call.view.list(records.FRONT_END))
    away = absence.of_objects(found, call.agents.present())
    if not away:
        return _HERE
    cause = f"The front end {away}, which has the objects, is away: S3 answers 503 until it is back"
    return Judged(State.NOTREADY, (f"{cause}, or another one has them.",))


def _of_host(host: HostRecord) -> Iterator[dict[str, Any]]:
    zone, name, judged = host.doc.zone, host.doc.name, standings.judged(host)
    yield _render(NODE, zone, name, judged)
    told = host.seen.facts.services if host.seen is not None else {}
    for service, problem in sorted(told.items()):
        if judged.state not in _IN_ORDER:
            # What its agent said last says nothing of now.
            yield _render(service, zone, name, judged)
        elif problem:
            yield _render(service, zone, name, Judged(State.BROKEN, (problem,)))
        else:
            yield _render(service, zone, name, _HERE)


def _render(type: str, zone: str, name: str, judged: Judged) -> dict[str, Any]:
    shown: dict[str, Any] = {"Type": type, "Name": name, "State": judged.state.value}
    if zone:
        shown["Zone"] = zone
    return {**shown, "Causes": list(judged.causes)}


ACTIONS: tuple[Action, ...] = (
    rows.of_administrators("DescribeServices", Read(handle=describe_services)),
)

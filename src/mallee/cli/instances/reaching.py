"""Waits until an instance can be entered by SSH, and says for what it waits or why it cannot be.

Called by `mallee ssh`. A guest that was just launched boots for a while; one that ran for long is
given less time, and one whom rules keep out least of all. Not its business: the session.
"""

import contextlib
import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mallee.box import client as api
from mallee.box import sshgreeting, steps
from mallee.cli import client, words
from mallee.model.layout import Layout

RUNS_WITHIN_S = 180.0
BOOTS_WITHIN_S = 300.0
"""Since its launch; status checks have the same patience."""
ANSWERS_WITHIN_S = 60.0
"""Of a guest that was launched long ago: a reboot is shorter than that."""
FORBIDDEN_WITHIN_S = 20.0
"""Where rules let nobody of the world in: they may let us in whom they do not know as the world."""
AGAIN_S = 1.0
"""Each try may be a tunnel, of which the trail tells."""


@dataclass(frozen=True, slots=True)
class Way:
    """By what an instance is reached."""

    address: str
    source: str
    """Where packets to it begin: `internet`, or an interface's id."""
    silence: Callable[[], str]
    """Returns why nobody greets there; empty: somebody does."""


def look(layout: Layout, instance: str) -> dict[str, Any]:
    """Return what the cloud tells of an instance; raise `steps.Failed`."""
    answer = client.call(layout, "ec2", "DescribeInstances", {"InstanceIds": [instance]})
    return answer["Reservations"][0]["Instances"][0]


def wait_running(layout: Layout, instance: str) -> dict[str, Any]:
    """Return what the cloud tells of an instance once it runs; raise `steps.Failed` when it will
    not by itself, or takes too long."""
    found = look(layout, instance)
    if _state(found) == "pending":
        words.tell(f"waiting until {instance} runs, {RUNS_WITHIN_S:g} s at most")

    def runs() -> bool:
        nonlocal found
        found = look(layout, instance)
        return _state(found) != "pending"

    late = steps.Failed(
        f"{instance} did not run within {RUNS_WITHIN_S:g} s", f"see why: mallee explain {instance}"
    )
    steps.wait_until(runs, RUNS_WITHIN_S, late, every_s=AGAIN_S)
    _check_runs(found)
    return found


def wait_greeting(layout: Layout, found: dict[str, Any], way: Way) -> None:
    """Return when the SSH of a running instance greets; raise `steps.Failed` with the cause when it
    does not in time."""
    why = way.silence()
    if not why:
        return
    instance: str = found["InstanceId"]
    stopped = _stopped_by(layout, instance, way.source)
    within_s = FORBIDDEN_WITHIN_S if stopped else _patience_s(found)
    words.tell(
        f"waiting for SSH of {instance} at {way.address}, {within_s:.0f} s at most: {why}"
        + ("" if stopped else f" (mallee console {instance} shows how far its guest is)")
    )

    def greets() -> bool:
        nonlocal why
        _check_runs(look(layout, instance))
        why = way.silence()
        return not why

    cause = f"nobody answers for SSH of {instance} at {way.address}"
    cure = f"mallee explain {instance}; mallee console {instance}"
    if stopped:
        cause, cure = f"{cause}: {stopped[0]}", stopped[1] or cure
    with contextlib.suppress(_Late):
        steps.wait_until(greets, within_s, _Late("", ""), every_s=AGAIN_S)
        return
    raise steps.Failed(f"{cause} (the last try: {why})", cure)


class _Late(steps.Failed):
    """The time to wait is over."""


def _check_runs(found: dict[str, Any]) -> None:
    """Raise `steps.Failed` unless it runs."""
    instance, state = found["InstanceId"], _state(found)
    if state == "running":
        return
    reason = found.get("StateReason", {}).get("Message", "")
    cure = f"aws ec2 start-instances --instance-ids {instance}"
    if state in ("shutting-down", "terminated"):
        cure = "it is gone for good: launch another one"
    raise steps.Failed(f"{instance} is {state}{f': {reason}' if reason else ''}", cure)


def _state(found: dict[str, Any]) -> str:
    return found["State"]["Name"]


def _patience_s(found: dict[str, Any]) -> float:
    age = datetime.datetime.now(datetime.UTC) - found["LaunchTime"]
    return max(ANSWERS_WITHIN_S, BOOTS_WITHIN_S - age.total_seconds())


def _stopped_by(layout: Layout, instance: str, source: str) -> tuple[str, str] | None:
    """Return what stops SSH on its way to an instance, and its cure; None: nothing known."""
    asked = {
        "SourceId": source,
        "Destination": instance,
        "Protocol": "tcp",
        "Port": sshgreeting.PORT,
    }
    try:
        told = api.call(client.access(layout), "mallee", "ExplainPacket", asked)
    except (api.Refused, api.Unreachable):
        # Not every network mode is judged, and not everybody may ask.
        return None
    return None if told["Passes"] else (told["Why"], told.get("Cure") or "")

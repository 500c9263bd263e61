"""OpenConsole and OpenScreen: lines to an instance's serial console, and to screen and keyboard.

Called through the action table. The answer names a place for one WebSocket; `hosts.lines` serves
it, and asks here, as long as it is open, whether the caller still may: his key or session is good,
his account has not switched serial consoles off, and the instance runs. That switch is about both:
who types at a keyboard types no less than who types into a serial line.
"""

from functools import partial

from mallee.aws import errors
from mallee.cloud.action import Action, AskHost
from mallee.cloud.call import Call, Principal, Request, Result
from mallee.cloud.ec2 import arns, resources
from mallee.cloud.ec2.instances import power, serialaccess
from mallee.cloud.hosts.doors import lines
from mallee.cloud.identity import authenticate
from mallee.cloud.state import records, store
from mallee.model.compute.instances import State
from mallee.model.hosts import hosts

PER_ACCOUNT_MAX = 64
"""Consoles and screens of one account: the cloud has so many lines, and others want some."""

_OPEN_IN = frozenset({State.RUNNING, State.STOPPING, State.SHUTTING_DOWN})


def prepare(kind: str, call: Call, request: Request) -> tuple[str, str, str]:
    """Return whom to ask for a line of which instance."""
    record = resources.one(call, records.INSTANCE, request["InstanceId"])
    if not serialaccess.is_enabled(call.view, call.account):
        raise errors.SerialConsoleAccessDisabled
    if power.state_of(record) not in _OPEN_IN:
        raise errors.IncorrectInstanceState(record.id, "spoken to over its console")
    if call.agents.lines is None or call.agents.lines.is_taken(kind, record.id):
        raise errors.SerialConsoleSessionLimitExceeded(record.id)
    if _count(call, call.agents.lines) >= PER_ACCOUNT_MAX:
        raise errors.LimitExceeded("LinesPerAccount", PER_ACCOUNT_MAX)
    return record.doc.host_id, kind, record.id


def _count(call: Call, held: lines.Lines) -> int:
    """Return how many lines the account's instances have."""
    found = (call.view.get(records.INSTANCE, id) for id in held.guests())
    return sum(one is not None and one.account == call.account for one in found)


def finish(call: Call, request: Request, answer: bytes) -> Result:
    """Return where the line is."""
    ticket = answer.decode(errors="replace")
    instance_id = request["InstanceId"]
    view, who = call.view, call.principal

    def may(now: float) -> bool:
        return still_may(view, who, instance_id, now)

    if call.agents.lines is None or not call.agents.lines.hold(ticket, may):
        # Somebody asked at the same time, and was answered first.
        raise errors.SerialConsoleSessionLimitExceeded(instance_id)
    return {
        "InstanceId": instance_id,
        "Path": f"{lines.PATH}{ticket}",
        "ValidSeconds": int(lines.TICKET_S),
    }


def still_may(view: store.View, who: Principal, instance_id: str, now: float) -> bool:
    """Tell whether who opened a line may still have it."""
    record = view.get(records.INSTANCE, instance_id)
    return (
        record is not None
        and record.account == who.account
        and power.state_of(record) in _OPEN_IN
        and serialaccess.is_enabled(view, who.account)
        and authenticate.is_standing(view, who, now)
    )


def _arns(call: Call, request: Request) -> tuple[str, ...]:
    return (arns.of(call, records.INSTANCE, request["InstanceId"]),)


ACTIONS: tuple[Action, ...] = tuple(
    Action(
        service="mallee",
        name=name,
        does=AskHost(prepare=partial(prepare, kind), finish=finish),
        honours=frozenset({"InstanceId"}),
        resources=_arns,
    )
    for name, kind in (
        ("OpenConsole", hosts.ASK_SERIAL_LINE),
        ("OpenScreen", hosts.ASK_SCREEN_LINE),
    )
)

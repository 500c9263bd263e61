"""Changes of what all front ends have the same of their settings, as machines bring them about.

Called through the action table, by `mallee config` and by what acts for it on each front end's
machine (`box.rollouts`). What becomes of a rollout is the business of `cloud.frontends.rollouts`.
"""

import datetime
from typing import Any

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.admin import rows
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.frontends import presence
from mallee.cloud.frontends import rollouts as rolling
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.configuration import rollouts, settings, sharing
from mallee.model.configuration.rollouts import Known, Report, Rollout, Word


def create(call: WriteCall, request: Request) -> Result:
    """Begin a rollout, unless another is tried, or has not come here yet."""
    own = _own(call)
    try:
        document = sharing.document(settings.parse(request["Document"]))
    except settings.InvalidSettings as error:
        raise errors.InvalidParameterValue(str(error)) from error
    all, called = rolling.known(call.tx), rolling.names(call.tx)
    _check_alone(all, called, own)
    if rolling.duty(call.tx, own) is not None:
        raise errors.IncorrectState(
            "Other settings hold by now, and are not in force here yet. Look again in a minute: "
            "mallee config history, then mallee config plan."
        )
    present = [id for id in call.agents.present() or () if id in called and id != own]
    wanted = Rollout(
        id=ids.make("rollout", call.entropy(ids.ID_BYTES)),
        number=all[-1].rollout.number + 1 if all else 1,
        document=document,
        what=_plain(request["What"]),
        by=_plain(request["By"]),
        front_end=own,
        awaited=(own, *sorted(present, key=lambda id: called[id])),
        confirm_s=request["ConfirmSeconds"],
        requested_at=call.tx.now,
    )
    made = call.tx.insert(records.ROLLOUT, "", wanted.id, wanted)
    for old in all[: -rollouts.KEPT]:
        forgotten = call.tx.get(records.ROLLOUT, old.rollout.id)
        if forgotten is not None:
            call.tx.delete(forgotten)
    return {"Rollout": _render(Known(rollout=made.doc, seen=rollouts.RolloutSeen()), called)}


def describe(call: Call, request: Request) -> Result:
    """Describe the rollouts, newest first, every front end's settings, and what is to do here."""
    own, called = _own(call), rolling.names(call.view)
    present = call.agents.present() or ()
    found = sorted(call.view.list(records.FRONT_END), key=lambda one: one.doc.name)
    told: dict[str, Any] = {
        "Rollouts": [_render(one, called) for one in reversed(rolling.known(call.view))],
        "FrontEnds": [
            {
                "FrontEndId": one.id,
                "Name": one.doc.name,
                "IsOwn": one.id == own,
                "IsPresent": one.id in present,
                "Document": one.doc.settings,
            }
            for one in found
        ],
    }
    duty = rolling.duty(call.view, own)
    if duty is not None:
        told |= {"Duty": duty[0].value, "DutyRolloutId": duty[1].rollout.id}
    return told


def report(call: WriteCall, request: Request) -> Result:
    """Say, for this front end, what came of a rollout here."""
    own, id = _own(call), request["RolloutId"]
    if call.tx.get(records.ROLLOUT, id) is None:
        raise errors.NoSuchResource("rollout", id)
    said = Report(
        front_end=own,
        word=Word(request["Word"]),
        why=_plain(request.get("Why", "")),
        at=call.tx.now,
    )
    rolling.report(call.tx, id, said)
    return {}


def _check_alone(all: tuple[Known, ...], called: Any, own: str) -> None:
    for one in all:
        if not one.is_decided:
            where = called.get(one.rollout.front_end, one.rollout.front_end)
            raise errors.IncorrectState(
                f"Other settings are being tried: {one.rollout.what}, by {one.rollout.by} at "
                f"{where}. Wait for what becomes of them."
            )


def _own(call: Call | WriteCall) -> str:
    """Return which front end this is."""
    if call.agents.fellows is None:
        raise errors.UnsupportedOperation(presence.ALONE)
    return call.agents.fellows.own


def _plain(text: str) -> str:
    """Return words that may be shown on a terminal of somebody else."""
    return "".join(each if each.isprintable() else " " for each in text)


def _render(known: Known, called: Any) -> dict[str, Any]:
    doc, seen = known.rollout, known.seen
    shown: dict[str, Any] = {
        "RolloutId": doc.id,
        "Number": doc.number,
        "What": doc.what,
        "By": doc.by,
        "FrontEndId": doc.front_end,
        "FrontEndName": called.get(doc.front_end, doc.front_end),
        "AwaitedIds": list(doc.awaited),
        "ConfirmSeconds": doc.confirm_s,
        "RequestedAt": _time(doc.requested_at),
        "Outcome": seen.outcome,
        "Document": doc.document,
        "LateNames": list(rollouts.late(known, called)),
    }
    return shown | ({"DecidedAt": _time(seen.decided_at)} if seen.decided_at else {})


def _time(at: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at, datetime.UTC)


ACTIONS: tuple[Action, ...] = (
    rows.of_administrators(
        "CreateRollout", Write(handle=create), "Document", "What", "By", "ConfirmSeconds"
    ),
    rows.of_administrators("DescribeRollouts", Read(handle=describe)),
    rows.of_administrators("ReportRollout", Write(handle=report), "RolloutId", "Word", "Why"),
)

"""Any thing of the cloud with everything that is known of it: why it is as it is.

Called through the action table, behind `mallee explain`: `ExplainResource` tells what is wanted and
seen and which state follows, `ExplainPlan` what its host would do now, `ExplainCalls` who did what
about it. Which things the caller may know of is `explain.finding`'s business.
"""

import datetime
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from mallee.aws import errors
from mallee.cloud.action import Action, AskHost, Scan, Write
from mallee.cloud.admin.people import calls
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.explain import finding, past, relations, states, troubles
from mallee.cloud.explain.relations import RELATIONS_MAX, Relation
from mallee.cloud.hosts.doors import asks
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.cloud.trail import search, together
from mallee.kit import secretbox
from mallee.model.hosts import hosts
from mallee.model.hosts.plans import HostPlan, InstancePlan

CALLS_PAGE = 50
STEPS_MAX = 100

_plans = msgspec.json.Decoder(HostPlan)


# --- what it is ---


def read_past(
    call: Call, request: Request, _box: secretbox.SecretBox
) -> Callable[[], list[store.Change]]:
    """Return what reads a thing's past, which is on disk: nobody who writes shall wait for it."""
    text: str = request["ResourceId"]
    try:
        record = finding.find(call, text)
    except errors.NoSuchResource:
        return partial(finding.find_past, call, text)
    return partial(call.history, record.kind, record.id)


def explain_resource(call: WriteCall, request: Request) -> Result:
    """Tell everything about one resource, as of one moment."""
    text: str = request["ResourceId"]
    known: list[store.Change] = call.prepared
    try:
        record = finding.find(call, text)
    except errors.NoSuchResource:
        return _gone(call, known, text)
    standing = states.of(call.tx, record)
    changes, left_out = past.of_changes(call, known)
    named_by = relations.named_by(call, call.tx, record)
    return {
        **_head(call, record),
        "State": standing.state,
        "Why": standing.why,
        "Wanted": past.shown(call, record.doc),
        "Seen": past.shown(call, record.seen) if record.seen else None,
        "Troubles": [{"Cause": it.cause, "Cure": it.cure} for it in troubles.of(call.tx, record)],
        "HasPlan": _carrier(call, record) is not None,
        "DependsOn": _related(relations.depends_on(call, call.tx, record)),
        "NamedBy": _related(named_by),
        "NamedByLeftOut": max(0, len(named_by) - RELATIONS_MAX) or None,
        "Changes": changes,
        "ChangesLeftOut": left_out or None,
    }


def _gone(call: WriteCall, found: Sequence[store.Change], text: str) -> Result:
    """Tell of what is not there any more how it came and went."""
    subject = found[-1].subject if found else None
    if not isinstance(subject, Record):
        raise errors.NoSuchResource("resource", finding.name_of(text))
    changes, left_out = past.of_changes(call, found)
    return {
        **_head(call, subject),
        "State": "gone",
        "Why": "it was deleted, and its record too; the last change says when",
        "Wanted": past.shown(call, subject.doc),
        "Seen": None,
        "Troubles": [],
        "HasPlan": False,
        "DependsOn": [],
        "NamedBy": [],
        "Changes": changes,
        "ChangesLeftOut": left_out or None,
    }


def _head(call: Call, record: Record[Any, Any]) -> dict[str, Any]:
    return {
        "ResourceId": record.id,
        "Kind": record.kind.name,
        "AccountId": record.account,
        "Arn": finding.arn(call, record),
    }


def _related(found: Sequence[Relation]) -> list[dict[str, str]]:
    return [{"ResourceId": it.id, "Kind": it.kind, "Role": it.role} for it in found[:RELATIONS_MAX]]


# --- what would be done for it ---


def prepare_plan(call: Call, request: Request) -> tuple[str, str, str]:
    """Return which host to ask about which instance (none: about the whole host)."""
    record = finding.find(call, request["ResourceId"])
    carrier = _carrier(call, record)
    if carrier is None:
        raise errors.InvalidInput(
            f"No host has a plan of its own for the {record.kind.name} {record.id}: hosts carry it "
            "as part of the network of the instances that use it. Ask about one of these."
        )
    host_id, instance_id = carrier
    return host_id, hosts.ASK_PLAN if instance_id else hosts.ASK_PLANS, instance_id


def finish_plan(call: Call, request: Request, answer: bytes) -> Result:
    """Turn the host's answer into the result; a host is believed about itself alone."""
    record = finding.find(call, request["ResourceId"])
    carrier = _carrier(call, record)
    try:
        told = _plans.decode(answer)
    except msgspec.DecodeError as error:
        raise errors.Unavailable("The host's answer is no plan: its agent may be older.") from error
    asked = carrier[1] if carrier is not None else ""
    shown = [it for it in told.instances if asked in ("", it.instance_id)]
    is_admin = call.principal.is_cloud_admin
    return {
        "ResourceId": record.id,
        "HostId": carrier[0] if carrier is not None and is_admin else None,
        "Generation": told.generation,
        "NetworkGeneration": told.network_generation,
        "NetworkProblems": list(map(_plain, told.network_problems)) if is_admin else [],
        "IsNetworkSet": told.network_generation >= told.generation and not told.network_problems,
        "Plans": [_plan(it) for it in shown],
        "PlansLeftOut": told.instances_left_out or None,
    }


def _plan(told: InstancePlan) -> dict[str, Any]:
    failure, again_at = told.last_failure, told.looks_again_at
    shown = [
        {"Name": _plain(it.name), "Words": _plain(it.words), "About": _plain(it.about) or None}
        for it in told.steps[:STEPS_MAX]
    ]
    return {
        "InstanceId": _plain(told.instance_id),
        "Stage": _plain(told.stage) or None,
        "Steps": shown,
        "LooksAgainAt": _moment(again_at) if again_at is not None else None,
        "Tries": told.tries,
        "LastFailure": _plain(f"{failure.code}: {failure.message}") if failure else None,
        "Problem": _plain(told.problem) or None,
    }


def _plain(text: str) -> str:
    return asks.read_words(text.encode())


def _moment(at: float) -> datetime.datetime | None:
    # A host's clock may say anything.
    return datetime.datetime.fromtimestamp(at, datetime.UTC) if 0 <= at < 1 << 35 else None


def _carrier(call: Call, record: Record[Any, Any]) -> tuple[str, str] | None:
    """Return the host that has a plan for the thing, and the instance that the plan is of."""
    if record.kind is records.HOST:
        return record.id, ""
    instance_id = record.id if record.kind is records.INSTANCE else None
    if record.kind in (records.INTERFACE, records.ADDRESS):
        instance_id = record.doc.instance_id
    view = getattr(call, "tx", None) or call.view
    instance = view.get(records.INSTANCE, instance_id) if instance_id else None
    if instance is None or instance.doc.gone_at is not None:
        return None
    return instance.doc.host_id, instance.id


# --- who did what about it ---


def explain_calls(call: Call, request: Request, position: str) -> tuple[Result, str]:
    """Return the calls that changed a thing or tried to, newest first.

    Of what is not the caller's there are none: an account has its own calls, and others' about it.
    """
    id = finding.name_of(request["ResourceId"])
    wanted = search.Wanted(
        since=datetime.datetime.fromtimestamp(0, datetime.UTC),
        until=datetime.datetime.fromtimestamp(call.now + 60, datetime.UTC),
        count=request.get("MaxResults", CALLS_PAGE),
        account="" if call.principal.is_cloud_admin else call.account,
        words=(id,),
        fits=past.names(id),
    )
    try:
        found, following = together.look_back(call, wanted, position)
    except search.BadPosition as error:
        raise errors.InvalidNextToken from error
    return {"Calls": [calls.render(calls.as_seen(call, event)) for event in found]}, following


ACTIONS: tuple[Action, ...] = (
    Action(
        service="mallee",
        name="ExplainResource",
        does=Write(handle=explain_resource, prepare=read_past),
        honours=frozenset({"ResourceId"}),
        resources=finding.arns,
    ),
    Action(
        service="mallee",
        name="ExplainPlan",
        does=AskHost(prepare=prepare_plan, finish=finish_plan),
        honours=frozenset({"ResourceId"}),
        resources=finding.arns,
    ),
    Action(
        service="mallee",
        name="ExplainCalls",
        does=Scan(look=explain_calls),
        honours=frozenset({"ResourceId", "MaxResults", "NextToken"}),
        resources=finding.arns,
    ),
)

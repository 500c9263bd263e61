"""`mallee explain`: why a thing is as it is, from what the cloud, its host and the trail know.

Three questions to the cloud's API: what is wanted and seen and which state follows; what the host
that carries it would do now; which calls changed it. A host that does not answer is said so, and
the rest is told all the same.
"""

import json
from collections.abc import Iterator
from typing import Any

from mallee.box import client as api
from mallee.cli import client, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout

_SERVICE = "mallee"
_CALLS_MAX = 20
_PAGES_MAX = 4


def explain(resource: str, *, root: Root = DEFAULT, as_json: bool = False) -> None:
    """Tell why a thing is as it is, what its host would do now, and who changed it.

    Parameters
    ----------
    resource
        Its id or ARN: an instance, interface, subnet, VPC, group, address, image, bucket, host.
    as_json
        Tell it as one JSON document.
    """
    layout = Layout(root)
    access = client.access(layout)
    told = client.call(layout, _SERVICE, "ExplainResource", {"ResourceId": resource})
    is_bucket = told["Kind"] == "bucket"
    asked = {"ResourceId": told["Arn"] if is_bucket else told["ResourceId"]}
    if told["HasPlan"]:
        try:
            told["Plan"] = api.call(access, _SERVICE, "ExplainPlan", asked)
        except api.Refused as refused:
            told["PlanUnknown"] = str(refused)
    try:
        told["Calls"] = list(_calls(access, asked))
    except api.Refused as refused:
        told["Calls"], told["CallsUnknown"] = [], str(refused)
    if as_json:
        words.give(json.dumps(told, default=str, indent=2, ensure_ascii=False))
        return
    for line in _lines(told):
        words.give(line)


def _calls(access: api.Access, asked: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the newest calls about the thing; the trail is not looked through without end."""
    token: dict[str, str] = {}
    left = _CALLS_MAX
    for _ in range(_PAGES_MAX):
        page = {**asked, **token, "MaxResults": left}
        found = api.call(access, _SERVICE, "ExplainCalls", page)
        yield from found["Calls"]
        left -= len(found["Calls"])
        if left <= 0 or not found.get("NextToken"):
            return
        token = {"NextToken": found["NextToken"]}


def _lines(told: dict[str, Any]) -> Iterator[str]:
    yield f"{told['Kind']} {told['ResourceId']} of {told.get('AccountId') or 'the cloud'}"
    yield f"state:    {told['State']}, because {told['Why']}"
    for trouble in told["Troubles"]:
        yield f"trouble:  {trouble['Cause']}"
        yield f"  cure:   {trouble['Cure']}"
    yield from _plan_lines(told)
    yield from _related("needs", told["DependsOn"])
    yield from _related("named by", told["NamedBy"])
    if told.get("NamedByLeftOut"):
        yield f"          and {told['NamedByLeftOut']} more"
    yield f"wanted:   {told.get('Wanted', '')}"
    if told.get("Seen"):
        yield f"seen:     {told['Seen']}"
    yield from _history(told)


def _plan_lines(told: dict[str, Any]) -> Iterator[str]:
    if told.get("PlanUnknown"):
        yield f"plan:     not known: {told['PlanUnknown']}"
    plan = told.get("Plan")
    if plan is None:
        return
    behind = "" if plan["IsNetworkSet"] else "; its network is not set for that yet"
    yield f"host:     holds generation {plan['Generation']} of what is wanted{behind}"
    for problem in plan["NetworkProblems"]:
        yield f"trouble:  {problem}"
    for one in plan["Plans"]:
        yield from _instance_plan(one)
    if not plan["Plans"]:
        yield "plan:     nothing is to be done"


def _instance_plan(one: dict[str, Any]) -> Iterator[str]:
    stage = f" ({one['Stage']})" if one.get("Stage") else ""
    done = "" if one["Steps"] else ": nothing is to be done"
    yield f"plan:     {one['InstanceId']}{stage}{done}"
    for step in one["Steps"]:
        about = f" {step['About']}" if step.get("About") else ""
        yield f"          {step['Name']}{about}: {step['Words']}"
    if one.get("Problem"):
        yield f"          {one['Problem']}"
    if one.get("LastFailure"):
        yield f"          failed {one['Tries']} times, last: {one['LastFailure']}"
    if one.get("LooksAgainAt"):
        yield f"          looks again at {one['LooksAgainAt']}"


def _related(head: str, found: list[dict[str, Any]]) -> Iterator[str]:
    for one in found:
        yield f"{head + ':':<10}{one['Kind']} {one['ResourceId']} ({one['Role']})"


def _history(told: dict[str, Any]) -> Iterator[str]:
    """Yield changes and calls together in the order of time."""
    lines = [(one["Time"], f"r{one['Rev']}: {one['Summary']}") for one in told["Changes"]]
    lines += [(one["Time"], _call(one)) for one in told["Calls"]]
    if told.get("CallsUnknown"):
        yield f"history:  who called is not known: {told['CallsUnknown']}"
    if told.get("ChangesLeftOut"):
        yield f"history:  {told['ChangesLeftOut']} older changes are left out"
    for at, text in sorted(lines, key=lambda line: line[0]):
        yield f"{at:%Y-%m-%dT%H:%M:%S}  {text}"


def _call(one: dict[str, Any]) -> str:
    ended = f", refused: {one['ErrorCode']}" if one.get("ErrorCode") else ""
    who = one.get("Arn") or "nobody"
    return f"{one.get('Service')}:{one.get('ActionName')} by {who} from {one['Peer']}{ended}"

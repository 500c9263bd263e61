"""`mallee access explain`: why something was allowed or refused, by the statement that decided."""

import re
from typing import Any

from mallee.box import steps
from mallee.cli import audit, client, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout

_REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_WAIVERS = {
    "administrator": "the caller is his account's administrator, whom no policy limits",
    "everyones": "whoever has a valid signature may do this, whatever policies say",
    "unsigned": "this is answered without a signature",
}


def explain(
    request: str = "",
    *,
    principal: str = "",
    action: str = "",
    resource: str = "*",
    root: Root = DEFAULT,
) -> None:
    """Tell why a request was allowed or refused, or whether something would be allowed now.

    Parameters
    ----------
    request
        The id of a request that was made, as its answer or its error message has it.
    principal
        Instead of a request: the ARN of a user or role.
    action
        What he would do: ec2:RunInstances.
    resource
        To what: an ARN.
    """
    layout = Layout(root)
    if request:
        _explain_request(layout, request)
    elif principal and action:
        _explain_now(layout, principal, action, resource)
    else:
        raise steps.Failed(
            "nothing to explain", "give the id of a request, or --principal and --action"
        )


def _explain_request(layout: Layout, id: str) -> None:
    if not _REQUEST_ID.fullmatch(id):
        raise steps.Failed(f"{id!r} is not the id of a request", "mallee audit list")
    found = audit.fetch(layout, {"RequestId": id}, 1)
    if not found:
        raise steps.Failed(f"the trail knows no request {id}", "mallee audit list")
    call = found[0]
    who = call.get("Arn") or "nobody"
    words.give(f"request:  {id}, {call['Time']:%Y-%m-%dT%H:%M:%SZ} from {call['Peer']}")
    words.give(f"caller:   {who} with {call.get('AccessKeyId', 'no key')}")
    if call.get("IssuerArn"):
        words.give(f"          as {call['IssuerArn']}")
    words.give(f"action:   {call.get('Service', '')}:{call.get('ActionName', '')}")
    if call.get("Parameters"):
        words.give(f"asked:    {call['Parameters']}")
    words.give(f"answer:   {call['Status']} {call.get('ErrorCode', '')}".rstrip())
    if call.get("ErrorMessage"):
        words.give(f"          {call['ErrorMessage']}")
    words.give(f"why:      {_why(call)}")
    for decision in call["Decisions"]:
        is_given = decision["Verdict"] == "implicitDeny" and not call["Refused"]
        given = ", but a setting of the account does" if is_given else ""
        words.give(f"          {_sentence(decision)}{given}")
    if call.get("DecisionsLeftOut"):
        words.give(f"          and {call['DecisionsLeftOut']} more decisions")


def _why(call: dict[str, Any]) -> str:
    if call["Refused"]:
        return "refused, because the caller may not"
    if call.get("Waiver"):
        return _WAIVERS[call["Waiver"]]
    if call["Decisions"]:
        end = ", and failed for another reason" if call.get("ErrorCode") else ""
        return f"the caller may{end}"
    return "it was refused before anybody asked whether the caller may"


def _explain_now(layout: Layout, principal: str, action: str, resource: str) -> None:
    asked = {"PrincipalArn": principal, "ActionName": action, "ResourceArn": resource}
    found = client.call(layout, "mallee", "ExplainAccess", asked)
    words.give(f"{principal}: {_sentence(found)}")
    for one in found["Statements"]:
        mark = "decides" if one["Decides"] else "matches"
        words.give(f"{mark}: {one['Effect']} in {_place(one)}")
        words.give(f"         {one['Text']}")


def _sentence(decision: dict[str, Any]) -> str:
    asked = decision["Permission"]
    if decision["Resource"] != "*":
        asked += f" on {decision['Resource']}"
    verdict = decision["Verdict"]
    if verdict == "allowed":
        by = f" by {_place(decision)}" if decision.get("Policy") else ""
        return f"{asked}: allowed{by}"
    if verdict == "explicitDeny":
        return f"{asked}: denied by {_place(decision)}"
    missing = " and no ".join(decision.get("Missing") or ["policy"])
    return f"{asked}: not allowed, no {missing} allows it"


def _place(statement: dict[str, Any]) -> str:
    sid = f" ({statement['Sid']})" if statement.get("Sid") else ""
    return (
        f"statement {statement['Position'] + 1}{sid} of the {statement['PolicyKind']} "
        f"{statement['Policy']}"
    )

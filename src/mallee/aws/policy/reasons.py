"""Why a request was refused, in AWS's words: the end of the message of an AccessDenied.

Called by whoever renders a refusal. Says no more than AWS does: which kind of policy, never which
policy; that is for those who may decode the authorization message or read the trail.
"""

from mallee.aws.policy.decision import Decision
from mallee.aws.policy.document import Kind
from mallee.aws.policy.rules import Request


def describe(request: Request, decision: Decision) -> str:
    """Return the sentence of a refusal; empty when it was allowed."""
    if decision.is_allowed:
        return ""
    who = request.principal.arn or "anonymous"
    told = f"User: {who} is not authorized to perform: {request.action}"
    if request.resource != "*":
        told += f" on resource: {request.resource}"
    if decision.decided_by is not None:
        return f"{told} with an explicit deny in {_article(decision.decided_by.kind)}"
    if decision.missing:
        return f"{told} because no {decision.missing[0].value} allows the {request.action} action"
    return told


def _article(kind: Kind) -> str:
    article = "an" if kind.value[0] in "aeiou" else "a"
    return f"{article} {kind.value}"

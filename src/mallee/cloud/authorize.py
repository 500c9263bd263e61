"""May this caller do this: asked of his policies, for every thing that the request is about.

An account's administrator, its first user, may do everything in it. Everybody else may do what his
policies allow, on each of the resources of the row (`Action.resources`), which must all be allowed;
who makes something with tags must also be allowed to tag it. The cloud's own administration is for
users of the first account alone, whatever policies say. Which things are the caller's own is not
decided here: handlers only ever look inside `Call.account`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mallee.aws import errors, policy
from mallee.cloud import context, denials, rights
from mallee.cloud.action import Action
from mallee.cloud.call import Call, Principal, Request
from mallee.cloud.context import Question
from mallee.cloud.state import store
from mallee.kit import secretbox

EVERYTHING = ("*",)
_TAGGING = "ec2:CreateTags"


@dataclass(frozen=True, slots=True)
class Judge:
    """What deciding takes besides the request."""

    rights: rights.Rights
    box: secretbox.SecretBox


def judge(view: store.View, box: secretbox.SecretBox) -> Judge:
    """Return who decides over what is in the view; refusals are sealed in the box."""
    return Judge(rights.Rights(view), box)


def check(judge: Judge, question: Question) -> None:
    """Return when the caller may; else raise the service's refusal.

    The question's resource is not looked at: it is found for each thing that the request names.
    """
    row, call = question.row, question.call
    who = call.principal
    if row.cloud_admin_only and not who.is_cloud_admin:
        raise errors.AccessDenied(who.arn, row.permission, "*")
    if who.is_administrator or row.is_everyones:
        return
    policies = judge.rights.of(who.user_id)
    caller = _principal(who, policies)
    for permission, one in _questions(question):
        request = policy.Request(
            principal=caller,
            action=permission,
            resource=one.resource,
            context=context.Context(one),
        )
        decision = policy.evaluate(request, policies)
        if not decision.is_allowed:
            raise _refusal(judge, row, request, decision)


def _questions(question: Question) -> Iterator[tuple[str, Question]]:
    """Yield every permission that is needed, with the thing that it is needed for."""
    row, asked = question.row, question.asked
    for resource in _resources(row, question.call, asked):
        # Most requests are about everything, as the question is already.
        known = resource == question.resource
        yield row.permission, question if known else replace(question, resource=resource)
    if row.service == "iam" and row.name.startswith("Create") and asked.get("Tags"):
        for resource in _resources(row, question.call, asked):
            tagging = f"iam:Tag{row.name.removeprefix('Create')}"
            yield tagging, replace(question, resource=resource)
    for kind in _tagged_kinds(asked):
        call = question.call
        arn = f"arn:aws:ec2:{call.settings.region}:{call.account}:{kind}/*"
        yield _TAGGING, replace(question, resource=arn, create_action=row.name)


def _resources(row: Action, call: Call, asked: Request) -> tuple[str, ...]:
    return row.resources(call, asked) if row.resources else EVERYTHING


def _tagged_kinds(asked: Request) -> list[str]:
    """Return the types of what is made with tags."""
    found = asked.get("TagSpecifications")
    return [one["ResourceType"] for one in found if one.get("Tags")] if found else []


def _principal(who: Principal, policies: policy.Policies) -> policy.Principal:
    return policy.Principal(
        kind=policy.PrincipalKind.USER,
        account=who.account,
        arn=who.arn,
        ids=(who.user_id,),
        is_bounded=policies.boundary is not None,
    )


def _refusal(
    judge: Judge, row: Action, request: policy.Request, decision: policy.Decision
) -> errors.AwsError:
    why = policy.describe(request, decision)
    if row.service != "ec2":
        return errors.PolicyDenied(why)
    encoded = denials.encode(judge.box, request, decision)
    return errors.UnauthorizedOperation(f"{why}. Encoded authorization failure message: {encoded}")

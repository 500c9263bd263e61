"""May this caller do this: asked of his policies, for every thing that the request is about.

An account's administrator, its first user, may do everything in it. Everybody else may do what his
policies allow, on each of the resources of the row (`Action.resources`), which must all be allowed;
who makes something with tags must also be allowed to tag it. The cloud's own administration is for
users of the first account alone, whatever policies say. Which things are the caller's own is not
decided here: handlers only ever look inside `Call.account`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from mallee.aws import errors, policy
from mallee.cloud import things
from mallee.cloud.action import Action, Lack
from mallee.cloud.call import Call, Principal, Request
from mallee.cloud.identity import context, denials, effort, endpoints, rights
from mallee.cloud.identity.question import Question
from mallee.cloud.state import store
from mallee.kit import secretbox
from mallee.model.identity.sessions import CallerKind

EVERYTHING = ("*",)
REQUEST_S_MAX = 2.0
"""Time that the decisions about one request may take."""
_TAGGING = "ec2:CreateTags"
_PASSING = "iam:PassRole"


_KINDS = {
    CallerKind.USER: policy.PrincipalKind.USER,
    CallerKind.ROLE: policy.PrincipalKind.ROLE_SESSION,
    CallerKind.FEDERATED: policy.PrincipalKind.FEDERATED_SESSION,
    CallerKind.VOUCHED: policy.PrincipalKind.FEDERATED,
    CallerKind.NOBODY: policy.PrincipalKind.ANONYMOUS,
}


@dataclass(frozen=True, slots=True)
class Judge:
    """What deciding takes besides the request."""

    rights: rights.Rights
    box: secretbox.SecretBox
    spent: effort.Effort = field(default_factory=effort.Effort)


def judge(view: store.View, box: secretbox.SecretBox) -> Judge:
    """Return who decides over what is in the view; refusals are sealed in the box."""
    return Judge(rights.Rights(view), box)


class Waiver(Enum):
    """Why no policy was asked."""

    ADMINISTRATOR = auto()
    """He is his account's first user, and no policy of the cloud is over the account."""
    EVERYONES = auto()
    """The action is allowed to whoever has a valid signature."""
    UNSIGNED = auto()
    """Nobody signed, and nobody needs to: the handler decides whom it believes."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A permission that was asked for, and what came out."""

    permission: str
    resource: str
    decision: policy.Decision


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was decided about a request, for the trail as much as for the caller."""

    judged: tuple[Judged, ...] = ()
    """In the order in which they were asked; when refused, the last one is the reason."""
    waiver: Waiver | None = None
    refusal: errors.AwsError | None = None
    """What the service answers; None: he may."""


def check(outcome: Outcome) -> None:
    """Return when the caller may; else raise the service's refusal."""
    if outcome.refusal is not None:
        raise outcome.refusal


_WAIVED = {waiver: Outcome(waiver=waiver) for waiver in Waiver}


def decide(judge: Judge, question: Question) -> Outcome:
    """Return whether the caller may, and by which statements.

    The question's resource is not looked at: it is found for each thing that the request names.
    """
    row, call = question.row, question.call
    who = call.principal
    if row.cloud_admin_only and not who.is_cloud_admin:
        return Outcome(refusal=errors.AccessDenied(who.arn, row.permission, "*"))
    if row.is_unsigned and row.vouch is None:
        return _past_endpoint(judge, question) or _WAIVED[Waiver.UNSIGNED]
    if row.is_everyones:
        return _past_endpoint(judge, question) or _WAIVED[Waiver.EVERYONES]
    payer = _payer(question)
    # The administrator must be able to take away what keeps everybody waiting.
    if not (is_sovereign(who) or judge.spent.may_begin(payer, call.now)):
        return Outcome(refusal=_too_much(row))
    began_s = effort.clock_s()
    try:
        return _weigh(judge, question, began_s)
    except context.TooLong as error:
        return Outcome(refusal=_too_long(row, error))
    finally:
        judge.spent.spend(payer, effort.clock_s() - began_s, call.now)


def _payer(question: Question) -> str:
    """Return the account whose policies decide: the caller's, or that of what he asks for."""
    account = question.call.principal.account
    if account:
        return account
    resources = _resources(question.row, question.call, question.asked)
    return things.account_of(resources[0]) or ""


def _weigh(judge: Judge, question: Question, began_s: float) -> Outcome:
    row, who = question.row, question.call.principal
    policies = judge.rights.of(who)._replace(endpoint=endpoints.attached(question))
    is_surrounded = policies.account or policies.endpoint is not None
    if is_sovereign(who) and not is_surrounded and row.resource_policy is None:
        return _WAIVED[Waiver.ADMINISTRATOR]
    caller = principal_of(who, policies)
    judged: list[Judged] = []
    for permission, one in _questions(question):
        request, all_policies = ask(caller, permission, one, policies)
        decision = policy.evaluate(request, all_policies)
        judged.append(Judged(permission, one.resource, decision))
        if not (decision.is_allowed or _is_waived(one, permission, decision)):
            return Outcome(tuple(judged), refusal=_refusal(judge, one, request, decision))
        if effort.clock_s() - began_s > REQUEST_S_MAX:
            return Outcome(tuple(judged), refusal=_too_much(row))
    return Outcome(tuple(judged))


def _past_endpoint(judge: Judge, question: Question) -> Outcome | None:
    """Return the refusal of what everybody may, by the endpoint that it came by; or None."""
    attached = endpoints.attached(question)
    if attached is None:
        return None
    caller = principal_of(question.call.principal, policy.Policies())
    for permission, one in _questions(question):
        request, policies = ask(caller, permission, one, policy.Policies(endpoint=attached))
        decision = policy.evaluate(request, policies)
        is_denied = decision.verdict is policy.Verdict.EXPLICITLY_DENIED
        if is_denied or policy.Kind.ENDPOINT in decision.missing:
            judged = (Judged(permission, one.resource, decision),)
            return Outcome(judged, refusal=_refusal(judge, one, request, decision))
    return None


def _is_waived(question: Question, permission: str, decision: policy.Decision) -> bool:
    row, call, asked = question.row, question.call, question.asked
    if decision.verdict is policy.Verdict.EXPLICITLY_DENIED:
        return False
    if policy.Kind.ENDPOINT in decision.missing:
        return False
    if row.waives is not None and row.waives(call, asked):
        return True
    lack = Lack(permission, question.resource, decision.missing)
    return row.grants is not None and row.grants(call, asked, lack)


def ask(
    caller: policy.Principal, permission: str, question: Question, policies: policy.Policies
) -> tuple[policy.Request, policy.Policies]:
    """Return the engine's question and the policies that have a say, the resource's among them."""
    row, account = question.row, ""
    if not permission.startswith(f"{row.service}:"):
        # An endpoint is of the service that is called; what else that takes is not asked there.
        policies = policies._replace(endpoint=None)
    if len(question.resource) > context.LENGTH_MAX:
        raise context.TooLong("The name of a resource")
    if row.resource_policy is not None and permission.startswith(f"{row.service}:"):
        found = row.resource_policy(question.call, question.resource)
        policies = policies._replace(resource=found)
        account = things.account_of(question.resource) or ""
    request = policy.Request(
        principal=caller,
        action=permission,
        resource=question.resource,
        resource_account=account,
        context=context.Context(question),
    )
    return request, policies


def _questions(question: Question) -> Iterator[tuple[str, Question]]:
    """Yield every permission that is needed, with the thing that it is needed for."""
    row, asked = question.row, question.asked
    for permission, arn in row.needs(question.call, asked) if row.needs else ():
        yield permission, replace(question, resource=arn, permission=permission)
    for resource in _resources(row, question.call, asked) if row.needs is None else ():
        # Most requests are about everything, as the question is already.
        known = resource == question.resource
        one = question if known else replace(question, resource=resource)
        yield row.permission, one
        for permission in row.also(question.call, asked) if row.also else ():
            yield permission, one
    if row.service == "iam" and row.name.startswith("Create") and asked.get("Tags"):
        for resource in _resources(row, question.call, asked):
            tagging = f"iam:Tag{row.name.removeprefix('Create')}"
            yield tagging, replace(question, resource=resource)
    for kind in _tagged_kinds(asked):
        call = question.call
        arn = things.of_ec2(call.settings.region, call.account, kind, "*")
        yield _TAGGING, replace(question, resource=arn, create_action=row.name)
    for one in row.passes(question.call, asked) if row.passes else ():
        yield _PASSING, replace(question, resource=one.role_arn, passed=one)


def _resources(row: Action, call: Call, asked: Request) -> tuple[str, ...]:
    """Return what a request is about; one that names nothing is about everything, never free."""
    return (row.resources(call, asked) if row.resources else EVERYTHING) or EVERYTHING


def _tagged_kinds(asked: Request) -> list[str]:
    """Return the types of what is made with tags."""
    found = asked.get("TagSpecifications")
    return [one["ResourceType"] for one in found if one.get("Tags")] if found else []


def principal_of(who: Principal, policies: policy.Policies) -> policy.Principal:
    """Return the caller as the policy engine knows one."""
    return policy.Principal(
        kind=policy.PrincipalKind.ROOT if is_sovereign(who) else _KINDS[who.kind],
        account=who.account,
        arn=who.arn,
        issuer_arn=who.issuer_arn,
        ids=(who.user_id,),
        is_bounded=policies.boundary is not None,
        issuer_id=who.issuer_id if who.session and who.issuer_arn else "",
    )


def is_sovereign(who: Principal) -> bool:
    """Tell whether he is an administrator himself, and not a part of one."""
    return who.is_administrator and who.kind is CallerKind.USER


def _too_much(row: Action) -> errors.AwsError:
    refusal = errors.RequestLimitExceeded if row.service == "ec2" else errors.Throttling
    return refusal(
        "The policies of this account take too long to decide about its requests. "
        "Try again later, and use fewer and shorter wildcards."
    )


def _too_long(row: Action, error: context.TooLong) -> errors.AwsError:
    why = f"{error} is longer than {context.LENGTH_MAX} characters, and no policy is asked about it"
    return errors.UnauthorizedOperation(why) if row.service == "ec2" else errors.PolicyDenied(why)


def _refusal(
    judge: Judge, question: Question, request: policy.Request, decision: policy.Decision
) -> errors.AwsError:
    row = question.row
    veil = row.veils(question.call, question.asked, request.resource) if row.veils else ""
    if veil:
        return errors.PolicyDenied(
            f"User: {request.principal.arn} is not authorized to perform: {request.action} on "
            f"{veil} because the resource does not exist in this Region, no resource-based "
            "policies allow access, or a resource-based policy explicitly denies access"
        )
    why = policy.describe(request, decision)
    if row.service != "ec2":
        return errors.PolicyDenied(why)
    encoded = denials.encode(judge.box, request, decision)
    return errors.UnauthorizedOperation(f"{why}. Encoded authorization failure message: {encoded}")

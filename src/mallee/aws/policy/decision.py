"""May this be done: AWS's order of evaluation over all policies that have a say.

1. A denial that matches, in any policy, decides.
2. Organizations' policies, the principal's and the resource's: each level must allow.
3. The endpoint that the request came through must allow.
4. The resource's policy. Between accounts it must allow, however it names the principal. Within one
   account, naming him who asks is final, whatever follows does not say; naming his role or the user
   behind his session counts in place of step 7; naming the account only passes the decision on.
   A role's trust policy and a key's policy must allow in any case.
5. The permissions boundary must allow.
6. The session's policies must allow.
7. An identity policy must allow. The root of an account needs none.
What nobody decided is denied. Pure: the same arguments give the same decision.
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from mallee.aws.policy.document import Kind
from mallee.aws.policy.principals import Closeness, PrincipalKind
from mallee.aws.policy.rules import Compiled, Request, Rule


class Verdict(Enum):
    """The result, as IAM's simulator names it."""

    ALLOWED = "allowed"
    EXPLICITLY_DENIED = "explicitDeny"
    IMPLICITLY_DENIED = "implicitDeny"


class Attached(NamedTuple):
    """A policy and the name under which a decision speaks of it (an ARN, or an inline name)."""

    name: str
    policy: Compiled
    is_required: bool = False
    """Of a resource: whether nobody may without it, in its own account neither (a key's)."""


Level = tuple[Attached, ...]
"""The policies at one place of an organization: the root, a unit, the account."""


class Policies(NamedTuple):
    """Every policy that has a say about a request."""

    identity: tuple[Attached, ...] = ()
    """Of the user and his groups, or of the role."""
    boundary: Attached | None = None
    session: tuple[Attached, ...] | None = None
    """None: the session was not restricted. Empty for a federated one: it may do nothing that
    a resource's policy does not grant it."""
    resource: Attached | None = None
    """A resource's policy, or a role's trust policy."""
    service_control: tuple[Level, ...] = ()
    """Over the principal's account; empty when it is in no organization."""
    resource_control: tuple[Level, ...] = ()
    """Over the resource's account."""
    endpoint: Attached | None = None
    account: tuple[Attached, ...] = ()
    """Eucalyptus' account policies, and others of which only the denials have a say."""
    listed: Closeness = Closeness.NOT_AT_ALL
    """How closely an access control list of the resource means the principal: worth what an
    allowance in the resource's policy is worth that means him so."""


class Deciding(NamedTuple):
    """A statement that matched."""

    kind: Kind
    policy: str
    """The name under which the policy was handed over."""
    sid: str | None
    position: int
    """Of the statement in its policy, from zero."""


class Decision(NamedTuple):
    """What came out, and why."""

    verdict: Verdict
    decided_by: Deciding | None
    """The denial, or the allowance that was the last word; None where nothing was said or a list
    allowed it, and for the root of an account, who needs no permission."""
    missing: tuple[Kind, ...] = ()
    """The kinds of policies in which an allowance was missing, in the order of evaluation."""

    @property
    def is_allowed(self) -> bool:
        """Whether it may be done."""
        return self.verdict is Verdict.ALLOWED


def evaluate(request: Request, policies: Policies) -> Decision:
    """Decide whether a principal may do something to a resource."""
    denied = _denied(request, policies)
    if denied is not None:
        return denied
    missing = _missing_around(request, policies) if _is_surrounded(policies) else ()
    granting, closeness = _granted_by_resource(request, policies.resource)
    closeness = max(closeness, policies.listed)
    who = request.principal
    if not who.account or (request.resource_account or who.account) != who.account:
        return _decide_between(request, policies, (granting, closeness), missing)
    if not closeness and policies.resource is not None and _is_required(policies.resource):
        missing += (policies.resource.policy.document.kind,)
    elif closeness is Closeness.HIMSELF:
        return _decision(granting, missing)
    by_issuer = granting if closeness is Closeness.ISSUER else None
    deciding, lacking = _granted_by_identity(request, policies, by_issuer)
    return _decision(deciding, missing + lacking)


def _is_required(resource: Attached) -> bool:
    return resource.is_required or resource.policy.document.kind is Kind.TRUST


def matching(request: Request, policies: Policies) -> tuple[Deciding, ...]:
    """Return every statement that matches, denials first: for explaining and simulating."""
    found: list[Deciding] = []
    for one in attached(policies):
        denials, allowances = one.policy.rules(request.action)
        found += [_deciding(one, rule) for rule in denials if rule.matches(request)]
        found += [_deciding(one, rule) for rule in allowances if rule.matches(request)]
    return tuple(found)


def _decision(deciding: Deciding | None, missing: tuple[Kind, ...]) -> Decision:
    if missing:
        return Decision(Verdict.IMPLICITLY_DENIED, None, missing)
    return Decision(Verdict.ALLOWED, deciding)


def _denied(request: Request, policies: Policies) -> Decision | None:
    action = request.action
    for one in attached(policies):
        for rule in one.policy.rules(action).denials:
            if rule.matches(request):
                return Decision(Verdict.EXPLICITLY_DENIED, _deciding(one, rule))
    return None


def attached(policies: Policies) -> Iterable[Attached]:
    """Return every policy. Most callers have identity policies only, and pay for no more."""
    if policies[1:] == _NONE:
        return policies.identity
    found = [one for level in policies.service_control for one in level]
    found += [one for level in policies.resource_control for one in level]
    found += [one for one in (policies.endpoint, policies.resource, policies.boundary) if one]
    found += policies.account
    found += policies.session or ()
    found += policies.identity
    return found


_NONE = Policies()[1:]


def _is_surrounded(policies: Policies) -> bool:
    return bool(
        policies.service_control or policies.resource_control or policies.endpoint is not None
    )


def _missing_around(request: Request, policies: Policies) -> tuple[Kind, ...]:
    """Return which of the policies around both sides do not allow: steps 2 and 3."""
    missing: list[Kind] = []
    for levels, kind in (
        (policies.resource_control, Kind.RESOURCE_CONTROL),
        (policies.service_control, Kind.SERVICE_CONTROL),
    ):
        if not all(_allowance(request, level) for level in levels):
            missing.append(kind)
    if policies.endpoint is not None and not _allowance(request, (policies.endpoint,)):
        missing.append(Kind.ENDPOINT)
    return tuple(missing)


def _granted_by_resource(
    request: Request, attached: Attached | None
) -> tuple[Deciding | None, Closeness]:
    """Return the allowance that names the principal most closely."""
    best: Rule | None = None
    closest = Closeness.NOT_AT_ALL
    if attached is None:
        return None, closest
    for rule in attached.policy.rules(request.action).allowances:
        closeness = rule.matches(request)
        if closeness > closest:
            best, closest = rule, closeness
    return (None if best is None else _deciding(attached, best)), closest


def _decide_between(
    request: Request,
    policies: Policies,
    granted: tuple[Deciding | None, Closeness],
    missing: tuple[Kind, ...],
) -> Decision:
    """Decide between accounts, and for those who have no account and so no identity policies."""
    granting, closeness = granted
    if not closeness:
        kind = Kind.RESOURCE
        if policies.resource is not None:
            kind = policies.resource.policy.document.kind
        missing += (kind,)
    if not request.principal.account:
        return _decision(granting, missing)
    deciding, lacking = _granted_by_identity(request, policies, None)
    return _decision(deciding or granting, missing + lacking)


def _granted_by_identity(
    request: Request, policies: Policies, by_issuer: Deciding | None
) -> tuple[Deciding | None, tuple[Kind, ...]]:
    """Return the allowance of the principal's own policies, and what of them is missing: 5 to 7."""
    if request.principal.kind is PrincipalKind.ROOT:
        return None, ()
    missing: tuple[Kind, ...] = ()
    if policies.boundary is not None and not _allowance(request, (policies.boundary,)):
        missing += (Kind.BOUNDARY,)
    session = policies.session
    if session is not None and not _allowance(request, session):
        missing += (Kind.SESSION,)
    deciding = by_issuer or _allowance(request, policies.identity)
    return deciding, missing if deciding else (*missing, Kind.IDENTITY)


def _allowance(request: Request, policies: Sequence[Attached]) -> Deciding | None:
    action = request.action
    for attached in policies:
        for rule in attached.policy.rules(action).allowances:
            if rule.matches(request):
                return _deciding(attached, rule)
    return None


def _deciding(attached: Attached, rule: Rule) -> Deciding:
    return Deciding(attached.policy.document.kind, attached.name, rule.sid, rule.position)

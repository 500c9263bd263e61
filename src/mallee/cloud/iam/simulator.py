"""IAM's policy simulator: what would be allowed, and which context keys that depends on.

A principal's own policies, those of his groups and his boundary, with others beside them; or only
such as the request brings. Called through the action table.
Not its business: what is decided (`simulation`), which policies somebody has (`simulated`).
"""

import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from mallee.aws import errors, policy
from mallee.aws.policy.texts import Values
from mallee.cloud import things
from mallee.cloud.action import Action, Pages, Read
from mallee.cloud.call import Call, Request, Result
from mallee.cloud.iam import simulated, simulation
from mallee.cloud.iam.simulation import Finding, Given, Match, Simulation, Source, SourceType
from mallee.cloud.identity import callerkeys, rights
from mallee.cloud.state import records

PAIRS_MAX = 10_000
"""Actions times resources of one request."""
SIZE_MAX = 131_072
"""Characters of all policies that a request brings."""
EFFORT_S_MAX = 1.0
"""Processor time that one page may take, for all others wait meanwhile."""

_ACTION = re.compile(r"[a-zA-Z0-9-]+:[a-zA-Z0-9]+")
_OWNER = re.compile(r"(?:arn:aws:iam::)?(\d{12})(?::root)?")
_USER = re.compile(r"arn:aws:iam::(\d{12}):user/(?:[\x21-\x7e]+/)?([\w+=,.@-]+)")


@dataclass(slots=True)
class _Effort:
    """What is left of a request's share of the process."""

    left_s: float = EFFORT_S_MAX

    @contextmanager
    def spent(self) -> Generator[None]:
        """Count what is done within; raise `PolicyEvaluation` when nothing was left before."""
        if self.left_s < 0:
            raise errors.PolicyEvaluation(
                "These policies take too long to evaluate for so many actions and resources. "
                "Ask for fewer with MaxItems, or give fewer wildcards."
            )
        began = time.thread_time()
        yield
        self.left_s -= time.thread_time() - began


@dataclass(frozen=True, slots=True)
class Trial:
    """One action on one resource, of those that a request asks about."""

    number: int
    action: str
    resource: str
    simulation: Simulation
    effort: _Effort = field(default_factory=_Effort)


def keys_for_custom(call: Call, request: Request) -> Result:
    """List the context keys that policies ask for."""
    return _keys([source.text for source in _listed("PolicyInputList", request)])


def keys_for_principal(call: Call, request: Request) -> Result:
    """List the context keys that a principal's policies, and others beside them, ask for."""
    holder = simulated.find(call, request["PolicySourceArn"])
    own = [source.text for source in simulated.policies_of(call, holder)]
    return _keys([*own, *(source.text for source in _listed("PolicyInputList", request))])


def _keys(texts: list[str]) -> Result:
    with _inputs_fault():
        keys = simulation.keys_of(texts)
    return {"ContextKeyNames": simulation.written(keys, texts)}


def _find_custom(call: Call, request: Request) -> list[Trial]:
    organization = request.get("OrderedOrganizationPolicyInputList") or ()
    levels = (
        tuple(_listed("ServiceControlPolicyInputList", one, f"Organization.{number}."))
        for number, one in enumerate(organization, 1)
    )
    given = Given(
        identity=tuple(_listed("PolicyInputList", request)),
        boundary=_boundary(request),
        service_control=tuple(levels),
        resource=_resource_policy(request),
    )
    return _trials(call, request, given, request.get("CallerArn"))


def _find_principal(call: Call, request: Request) -> list[Trial]:
    arn: str = request["PolicySourceArn"]
    holder = simulated.find(call, arn)
    is_left_out = _exclusion(request)
    own = tuple(one for one in simulated.policies_of(call, holder) if not is_left_out(one))
    bound = simulated.boundary_of(call, holder)
    if bound is not None and is_left_out(replace(bound, type=SourceType.NONE)):
        bound = None
    given = Given(
        identity=(*own, *_listed("PolicyInputList", request)),
        boundary=_boundary(request) or bound,
        account=tuple(simulated.above(call)),
        resource=_resource_policy(request),
    )
    caller = request.get("CallerArn") or (arn if holder.kind is records.USER else None)
    return _trials(call, request, given, caller)


# --- what the request brings ---


def _exclusion(request: Request) -> Callable[[Source], bool]:
    """Return what tells whether a principal's policy shall not count; a boundary's type is NONE."""
    asked: list[Mapping[str, Any]] = request.get("PolicyExclusionList") or []
    types: set[SourceType] = set()
    names: set[str] = set()
    for one in asked:
        types |= _EXCLUDED.get(one.get("PolicyType") or "", set())
        names.add(one.get("PolicyArn") or "")
        inline = one.get("InlinePolicyIdentifier")
        if inline:
            holder = (inline["AttachmentType"], inline["AttachmentName"])
            names.add("_".join((*holder, inline["PolicyName"])))
    names.discard("")
    return lambda source: source.type in types or bool(names & {source.arn, source.id})


_EXCLUDED: Mapping[str, set[SourceType]] = {
    "inline": {SourceType.USER, SourceType.GROUP, SourceType.ROLE},
    "aws-managed": {SourceType.AWS_MANAGED},
    "user-managed": {SourceType.USER_MANAGED},
    "permission-boundary": {SourceType.NONE},
}

_SCENARIOS: Mapping[str, frozenset[str]] = {
    name: frozenset({"image", "instance", "security-group", *more})
    for name, more in {
        "EC2-VPC-InstanceStore": ("network-interface",),
        "EC2-VPC-InstanceStore-Subnet": ("network-interface", "subnet"),
        "EC2-VPC-EBS": ("network-interface", "volume"),
        "EC2-VPC-EBS-Subnet": ("network-interface", "subnet", "volume"),
    }.items()
}
"""Which types of resources a simulated launch must name."""


def _check_scenario(request: Request, resources: list[str]) -> None:
    name: str | None = request.get("ResourceHandlingOption")
    if name is None:
        return
    if name not in _SCENARIOS:
        raise errors.InvalidInput(f"Invalid resource handling option: {name}")
    missing = _SCENARIOS[name] - {things.kind_of(resource) for resource in resources}
    if missing:
        raise errors.InvalidInput(f"{name} needs resources of: {', '.join(sorted(missing))}")


def _listed(member: str, request: Mapping[str, Any], prefix: str = "") -> Iterator[Source]:
    texts: list[str] = request.get(member) or []
    if sum(map(len, texts)) > SIZE_MAX:
        raise errors.InvalidInput(f"{member} is longer than {SIZE_MAX} characters.")
    for number, text in enumerate(texts, 1):
        yield Source(f"{prefix}{member}.{number}", SourceType.NONE, text)


def _boundary(request: Request) -> Source | None:
    found = list(_listed("PermissionsBoundaryPolicyInputList", request))
    if len(found) > 1:
        raise errors.InvalidInput("There can be only one permissions boundary.")
    return found[0] if found else None


def _resource_policy(request: Request) -> Source | None:
    text: str | None = request.get("ResourcePolicy")
    return None if text is None else Source("ResourcePolicy", SourceType.RESOURCE, text)


def _trials(call: Call, request: Request, given: Given, caller: str | None) -> list[Trial]:
    if given.resource is not None and caller is None:
        raise errors.InvalidInput("CallerArn is required when a ResourcePolicy is given.")
    actions: list[str] = request["ActionNames"]
    for action in actions:
        if not _ACTION.fullmatch(action):
            raise errors.InvalidInput(f"Invalid action name: {action}")
    resources: list[str] = request.get("ResourceArns") or ["*"]
    if len(actions) * len(resources) > PAIRS_MAX:
        raise errors.InvalidInput(f"More than {PAIRS_MAX} actions on resources were asked about.")
    _check_scenario(request, resources)
    with _inputs_fault():
        policies = simulation.compile_given(given)
    if sum(one.policy.wildcards for one in policy.attached(policies)) > rights.WILDCARDS_MAX:
        raise errors.PolicyEvaluation(
            f"These policies have more than {rights.WILDCARDS_MAX} wildcards together."
        )
    principal = _caller(call, caller, is_bounded=given.boundary is not None)
    of_request = Simulation(
        principal=principal,
        given=given,
        policies=policies,
        context={**_known(call, principal), **_told(request)},
        owner=_owner(request) or principal.account,
    )
    effort = _Effort()
    pairs = ((action, resource) for action in actions for resource in resources)
    return [Trial(number, *pair, of_request, effort) for number, pair in enumerate(pairs)]


@contextmanager
def _inputs_fault() -> Generator[None]:
    """Say of a policy that means nothing that the input is wrong: this API knows no other error."""
    try:
        yield
    except errors.MalformedPolicyDocument as error:
        raise errors.InvalidInput(error.message) from error


def _caller(call: Call, arn: str | None, *, is_bounded: bool) -> policy.Principal:
    account, kind = call.account, policy.PrincipalKind.USER
    if arn is None:
        return policy.Principal(kind, account, "", is_bounded=is_bounded)
    found = _USER.fullmatch(arn)
    if found is None:
        raise errors.InvalidInput(f"CallerArn must be the ARN of a user: {arn}")
    account = found[1]
    ids: tuple[str, ...] = ()
    if account == call.account:
        user = simulated.find(call, arn)
        ids = (user.id,)
    return policy.Principal(kind, account, arn, ids=ids, is_bounded=is_bounded)


def _owner(request: Request) -> str:
    written: str | None = request.get("ResourceOwner")
    if written is None:
        return ""
    found = _OWNER.fullmatch(written)
    if found is None:
        raise errors.InvalidInput(f"ResourceOwner must be the ARN of an account: {written}")
    return found[1]


def _known(call: Call, who: policy.Principal) -> dict[str, Values]:
    """Return what is true of the one who asks without being told."""
    found: dict[str, Values] = {
        "aws:currenttime": callerkeys.written(call.now),
        "aws:epochtime": str(int(call.now)),
        "aws:principalaccount": who.account,
    }
    if not who.arn:
        return found
    found |= {"aws:principalarn": who.arn, "aws:principaltype": "User"}
    found["aws:username"] = who.arn.rpartition("/")[2]
    user = call.view.get(records.USER, who.ids[0]) if who.ids else None
    if user is not None:
        found["aws:userid"] = user.id
        for key, value in user.doc.tags.items():
            found[f"aws:principaltag/{key.lower()}"] = value
    return found


def _told(request: Request) -> Mapping[str, Values]:
    entries: list[Mapping[str, Any]] = request.get("ContextEntries") or []
    return simulation.fold(
        (entry["ContextKeyName"], tuple(entry.get("ContextKeyValues") or ()))
        for entry in entries
        if entry.get("ContextKeyName")
    )


# --- results ---


def render(call: Call, trial: Trial) -> dict[str, Any]:
    """Return what came out for one action on one resource."""
    with trial.effort.spent():
        found = trial.simulation.ask(trial.action, trial.resource)
    is_about_one = trial.resource != "*"
    missing = list(found.missing_keys)
    shown = _shown(found)
    result: dict[str, Any] = {
        **shown,
        "EvalActionName": trial.action,
        "EvalResourceName": trial.resource,
        "EvalDecision": found.verdict.value,
        "MissingContextValues": [] if is_about_one else missing,
    }
    if found.is_within_organization is not None:
        result["OrganizationsDecisionDetail"] = {
            "AllowedByOrganizations": found.is_within_organization
        }
    if is_about_one:
        one = {
            **shown,
            "EvalResourceName": trial.resource,
            "EvalResourceDecision": found.verdict.value,
            "MissingContextValues": missing,
        }
        result["ResourceSpecificResults"] = [one]
    return result


def _shown(found: Finding) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "MatchedStatements": [_match(one) for one in found.matches],
        "EvalDecisionDetails": {kind: one.value for kind, one in found.by_kind.items()} or None,
    }
    if found.is_within_boundary is not None:
        shown["PermissionsBoundaryDecisionDetail"] = {
            "AllowedByPermissionsBoundary": found.is_within_boundary
        }
    return shown


def _match(match: Match) -> dict[str, Any]:
    start, end = match.span
    return {
        "SourcePolicyId": match.source.id,
        "SourcePolicyType": match.source.type.value,
        "StartPosition": {"Line": start.line, "Column": start.column},
        "EndPosition": {"Line": end.line, "Column": end.column},
    }


def _pages(find: Callable[[Call, Request], list[Trial]]) -> Pages:
    return Pages(
        find=find,
        render=render,
        member="EvaluationResults",
        key=lambda trial: f"{trial.number:06d}",
    )


_ASKED = (
    *("ActionNames", "ResourceArns", "PolicyInputList", "PermissionsBoundaryPolicyInputList"),
    *("ResourcePolicy", "ResourceOwner", "CallerArn", "ContextEntries", "ResourceHandlingOption"),
)


def _row(name: str, does: Pages | Read, *honours: str) -> Action:
    return Action(
        service="iam",
        name=name,
        does=does,
        honours=frozenset(honours),
        resources=_about if "PolicySourceArn" in honours else None,
        is_weighing=True,
    )


def _about(call: Call, request: Request) -> tuple[str, ...]:
    return (request["PolicySourceArn"],)


ACTIONS: tuple[Action, ...] = (
    _row(
        "SimulateCustomPolicy",
        _pages(_find_custom),
        *_ASKED,
        "OrderedOrganizationPolicyInputList.ServiceControlPolicyInputList",
    ),
    _row(
        "SimulatePrincipalPolicy",
        _pages(_find_principal),
        *(*_ASKED, "PolicySourceArn", "PolicyExclusionList"),
    ),
    _row("GetContextKeysForCustomPolicy", Read(handle=keys_for_custom), "PolicyInputList"),
    _row(
        "GetContextKeysForPrincipalPolicy",
        Read(handle=keys_for_principal),
        *("PolicySourceArn", "PolicyInputList"),
    ),
)

"""A simulation: what the policy engine would decide, were somebody to ask, and by which statements.

Policies come from a principal, from the request, or both; each is a `Source`, under whose id a
result names it. Nothing of the cloud is looked at but these policies: what conditions ask for is
told in the request, but for the principal's own name and tags, and the time.
Called by `simulator`. Not its business: requests and results of IAM (`simulator`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from mallee.aws import errors, policy
from mallee.aws.policy import positions
from mallee.aws.policy.texts import Context, Values

Span = positions.Span


class SourceType(Enum):
    """Where a policy comes from, as IAM names it."""

    USER = "user"
    GROUP = "group"
    ROLE = "role"
    AWS_MANAGED = "aws-managed"
    USER_MANAGED = "user-managed"
    RESOURCE = "resource"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Source:
    """A policy that has a say."""

    id: str
    type: SourceType
    text: str
    arn: str = ""
    """Of a managed policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The policies of a simulation, by their place in the order of evaluation."""

    identity: tuple[Source, ...] = ()
    boundary: Source | None = None
    account: tuple[Source, ...] = ()
    service_control: tuple[tuple[Source, ...], ...] = ()
    resource: Source | None = None

    def sources(self) -> Iterator[Source]:
        """Yield every policy."""
        yield from self.identity
        yield from (one for one in (self.boundary, self.resource) if one)
        yield from self.account
        for level in self.service_control:
            yield from level


@dataclass(frozen=True, slots=True)
class Match:
    """A statement that matched."""

    source: Source
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came out for one action on one resource."""

    verdict: policy.Verdict
    matches: tuple[Match, ...]
    """What decided; of denials and allowances the denials only."""
    missing_keys: tuple[str, ...]
    """Context keys that the policies ask for and that nobody told, as they are written there."""
    is_within_boundary: bool | None
    is_within_organization: bool | None
    by_kind: Mapping[str, policy.Verdict]
    """Between accounts: what each side says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """Who asks under which policies."""

    principal: policy.Principal
    given: Given
    policies: policy.Policies
    context: Context
    owner: str
    """The account of resources whose ARN names none."""

    def ask(self, action: str, resource: str) -> Finding:
        """Return what is decided about an action on a resource."""
        account = _account_of(resource) or self.owner if self.given.resource else ""
        request = policy.Request(self.principal, action, resource, account, self.context)
        decision = policy.evaluate(request, self.policies)
        boundary, levels = self.policies.boundary, self.policies.service_control
        return Finding(
            verdict=decision.verdict,
            matches=tuple(self._matches(request, decision)),
            missing_keys=tuple(self._missing(action)),
            is_within_boundary=_allows(request, (boundary,)) if boundary else None,
            is_within_organization=(
                all(_allows(request, level) for level in levels) if levels else None
            ),
            by_kind=self._sides(request) if account not in ("", self.principal.account) else {},
        )

    def _matches(self, request: policy.Request, decision: policy.Decision) -> Iterator[Match]:
        """Yield the statements that decided: all denials that match, or all allowances."""
        if decision.verdict is policy.Verdict.IMPLICITLY_DENIED:
            return
        effect = policy.Effect.ALLOW if decision.is_allowed else policy.Effect.DENY
        known = {_name(source): source for source in self.given.sources()}
        for one in policy.matching(request, self.policies):
            source = known[one.policy]
            document = policy.compiled(source.text, one.kind).document
            if document.statements[one.position].effect is effect:
                yield Match(source, positions.spans(source.text)[one.position])

    def _missing(self, action: str) -> list[str]:
        found: set[str] = set()
        for attached in policy.attached(self.policies):
            rules = attached.policy.rules(action)
            if rules.denials or rules.allowances:
                found |= {key for key in attached.policy.keys if key not in self.context}
        return written(found, [source.text for source in self.given.sources()])

    def _sides(self, request: policy.Request) -> dict[str, policy.Verdict]:
        own, resource = self.policies._replace(resource=None), self.policies.resource
        at_home = request._replace(resource_account="")
        theirs = policy.Policies(identity=(_EVERYTHING,), resource=resource)
        return {
            "IAM Policy": policy.evaluate(at_home, own).verdict,
            "Resource Policy": policy.evaluate(request, theirs).verdict,
        }


_EVERYTHING = policy.Attached(
    "everything",
    policy.compiled(
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}',
        policy.Kind.IDENTITY,
    ),
)


def compile_given(given: Given) -> policy.Policies:
    """Return the policies as the engine takes them; raise `MalformedPolicyDocument`."""
    kind = policy.Kind
    return policy.Policies(
        identity=tuple(_attached(one, kind.IDENTITY) for one in given.identity),
        boundary=_attached(given.boundary, kind.BOUNDARY) if given.boundary else None,
        account=tuple(_attached(one, kind.ACCOUNT) for one in given.account),
        service_control=tuple(
            tuple(_attached(one, kind.SERVICE_CONTROL) for one in level)
            for level in given.service_control
        ),
        resource=_attached_to_resource(given.resource) if given.resource else None,
    )


def written(keys: Iterable[str], texts: Iterable[str]) -> list[str]:
    """Return context keys as a text first writes them, sorted; they are compared without case."""
    folded = [(text, text.lower()) for text in texts]
    found: list[str] = []
    for key in sorted(keys):
        places = ((text, small.find(key)) for text, small in folded)
        text, at = next(((text, at) for text, at in places if at >= 0), (key, 0))
        found.append(text[at : at + len(key)])
    return found


def keys_of(texts: Iterable[str]) -> set[str]:
    """Return the context keys that identity policies ask for, in lower case."""
    return {key for text in texts for key in policy.compiled(text, policy.Kind.IDENTITY).keys}


def fold(entries: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, Values]:
    """Return a context from entries of one or several values."""
    return {name.lower(): values[0] if len(values) == 1 else values for name, values in entries}


def _attached(source: Source, kind: policy.Kind) -> policy.Attached:
    return policy.Attached(_name(source), policy.compiled(source.text, kind))


def _name(source: Source) -> str:
    """Return a name that no other policy of the simulation has."""
    return f"{source.type.value} {source.id}"


def _attached_to_resource(source: Source) -> policy.Attached:
    """Return a resource's policy; one that names no resource is a role's trust policy."""
    try:
        return _attached(source, policy.Kind.RESOURCE)
    except errors.MalformedPolicyDocument as error:
        try:
            return _attached(source, policy.Kind.TRUST)
        except errors.MalformedPolicyDocument:
            raise error from None


def _allows(request: policy.Request, level: tuple[policy.Attached, ...]) -> bool:
    """Tell whether these policies alone would allow it."""
    own = request._replace(resource_account="")
    return policy.evaluate(own, policy.Policies(identity=level)).is_allowed


def _account_of(arn: str) -> str:
    parts = arn.split(":", 5)
    return parts[4] if len(parts) > 5 else ""

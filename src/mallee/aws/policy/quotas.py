"""Quotas as Eucalyptus wrote them: statements with `"Effect": "Limit"`.

    {"Effect": "Limit", "Action": "ec2:RunInstances", "Resource": "*",
     "Condition": {"NumericLessThanEquals": {"ec2:quota-vminstancenumber": "10"}}}

They have no part in decisions: `limits` reads them from an account's or user's policies, and of
several the lowest holds. A Resource other than `*` narrows a quota to what the ARN names (a zone).
Not its business: what is counted, and who refuses when it is too much.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from mallee.aws.policy.decision import Attached, Deciding
from mallee.aws.policy.document import Effect, Kind


@dataclass(frozen=True, slots=True)
class Limit:
    """A quota, and which statement set it."""

    key: str
    """In lower case: `ec2:quota-vminstancenumber`."""
    value: int
    """The most there may be."""
    resource: str
    """The ARN that it is narrowed to; `*` for the account as a whole."""
    set_by: Deciding


def limits(policies: Iterable[Attached]) -> tuple[Limit, ...]:
    """Return the quotas that hold, the lowest per key and resource, sorted by these."""
    lowest: dict[tuple[str, str], Limit] = {}
    for attached in policies:
        for limit in _limits(attached):
            known = lowest.get((limit.key, limit.resource))
            if known is None or limit.value < known.value:
                lowest[limit.key, limit.resource] = limit
    return tuple(lowest[key] for key in sorted(lowest))


def _limits(attached: Attached) -> Iterable[Limit]:
    document = attached.policy.document
    if document.kind not in (Kind.ACCOUNT, Kind.IDENTITY):
        return
    for position, statement in enumerate(document.statements):
        if statement.effect is not Effect.LIMIT:
            continue
        set_by = Deciding(document.kind, attached.name, statement.sid, position)
        for condition in statement.conditions:
            for resource in statement.resources:
                yield Limit(condition.key.lower(), int(condition.values[0]), resource, set_by)

"""What a document of each kind may say: a row per kind, and the limits of every document.

Read by `parser`. How large a policy may be where it is attached (6,144 characters of a managed one)
is a quota of the service that keeps it, which counts with `size`; the limits here are those within
which reading and compiling a document is cheap for everybody else.
"""

from dataclasses import dataclass
from enum import Enum, auto

from mallee.aws.policy.document import Effect, Kind

TEXT_MAX = 131_072
"""Characters of a document, white space included: the most that the APIs' models take."""
SIZE_MAX = 20_480
"""Characters without white space: what AWS allows its largest policy, a bucket's."""
STATEMENTS_MAX = 512
WILDCARDS_MAX = 1_024
"""Of one document; what one text may cost is its length, and there are so many texts."""
VALUE_MAX = 2_048
"""Characters of one action, resource, principal or value: the longest ARN."""

VERSIONS = ("2012-10-17", "2008-10-17", "2011-04-01")
"""The last one is Eucalyptus' name for the second."""
NEWEST = VERSIONS[0]
OLDEST = VERSIONS[1]


class Need(Enum):
    """Whether an element must, may or must not be there."""

    REQUIRED = auto()
    PROHIBITED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """The rules of one kind."""

    principal: Need = Need.PROHIBITED
    resource: Need = Need.REQUIRED
    newest_only: bool = False
    """Version 2012-10-17 must be written, as IAM asks of what is attached to its entities. A
    document with a Limit is excused: Eucalyptus' are older."""
    plain_sids: bool = True
    """Letters and digits only."""
    effects: frozenset[Effect] = frozenset({Effect.ALLOW, Effect.DENY})
    actions: frozenset[str] | None = None
    """In lower case, the only ones that may be meant."""
    everyone_only: bool = False
    """The principal must be `*`."""
    not_principal: bool = False
    """NotPrincipal may stand in denials."""


_QUOTAS_TOO = frozenset(Effect)
_SESSIONS = frozenset(
    {
        "sts:assumerole",
        "sts:assumerolewithsaml",
        "sts:assumerolewithwebidentity",
        "sts:setsourceidentity",
        "sts:tagsession",
        "sts:setcontext",
    }
)

GRAMMARS: dict[Kind, Grammar] = {
    Kind.IDENTITY: Grammar(newest_only=True, effects=_QUOTAS_TOO),
    Kind.RESOURCE: Grammar(principal=Need.REQUIRED, plain_sids=False, not_principal=True),
    Kind.TRUST: Grammar(principal=Need.REQUIRED, resource=Need.PROHIBITED, actions=_SESSIONS),
    Kind.BOUNDARY: Grammar(newest_only=True),
    Kind.SESSION: Grammar(newest_only=True),
    Kind.SERVICE_CONTROL: Grammar(newest_only=True),
    Kind.RESOURCE_CONTROL: Grammar(principal=Need.REQUIRED, newest_only=True, everyone_only=True),
    Kind.ENDPOINT: Grammar(principal=Need.REQUIRED, plain_sids=False, not_principal=True),
    Kind.ACCOUNT: Grammar(effects=_QUOTAS_TOO),
}


def size(text: str) -> int:
    """Return the characters of a document as AWS counts them: without white space."""
    return len(text) - sum(map(text.count, " \t\r\n"))

"""Rows of KMS: what they share. Every one is about a key, whose policy and grants have a say.

Used by every file here that has rows. Not its business: what an action does.
"""

from collections.abc import Callable, Iterable

from mallee.aws import errors
from mallee.cloud import things
from mallee.cloud.action import Action, Compute, Pages, PageWords, Read, Write
from mallee.cloud.call import Call, Request
from mallee.cloud.kms import access, contextkeys, naming
from mallee.cloud.kms.naming import KeyRecord
from mallee.model.identity.kmskeys import Manager

WORDS = PageWords(
    size="Limit",
    is_cut="Truncated",
    following="NextMarker",
    refusal=lambda: errors.kms.InvalidMarkerException(),
)
Does = Write | Read | Pages | Compute
Resources = Callable[[Call, Request], tuple[str, ...]]
CONTEXT = ("EncryptionContext", "GrantTokens")
"""Members of requests for operations with an encryption context."""


def of_key(name: str, does: Does, *honours: str) -> Action:
    """Return the row of an action on the key that `KeyId` names."""
    return on(
        name, does, lambda call, asked: (naming.named(call, asked["KeyId"]),), "KeyId", *honours
    )


def on(name: str, does: Does, resources: Resources, *honours: str) -> Action:
    """Return the row of an action on some keys or aliases."""
    return Action(
        service="kms",
        name=name,
        does=does,
        honours=frozenset(honours),
        resources=resources,
        resource_policy=access.attached,
        grants=access.is_granted,
        veils=veil,
        about=about(resources),
    )


def veil(call: Call, asked: Request, arn: str) -> str:
    """Return how a refusal speaks of another account's key; empty where the caller named it.

    A ciphertext does not tell him which key would open it, nor an alias which it stands for, or
    whether it is there.
    """
    if things.account_of(arn) in (None, call.account):
        return ""
    named = [text for text in asked.values() if isinstance(text, str) and text.startswith("arn:")]
    if naming.ALIAS not in arn and arn in named:
        return ""
    aliases = [text for text in named if naming.named(call, text) == arn]
    return f"resource: {aliases[0]}" if aliases else "the resource associated with this ciphertext"


def about(resources: Resources) -> Callable[[Call, Request], str]:
    """Return what finds the account whose key another one uses: it shall know."""

    def find(call: Call, asked: Request) -> str:
        records = [naming.by_arn(call, arn) for arn in resources(call, asked)]
        owners = {record.account for record in records if record} - {call.account}
        return min(owners, default="")

    return find


def of_account(name: str, does: Does, *honours: str) -> Action:
    """Return the row of an action on no key in particular."""
    return Action(service="kms", name=name, does=does, honours=frozenset(honours))


def check_own_to_change(call: Call, record: KeyRecord) -> None:
    """Raise when the key is a service's, which only that changes."""
    if record.doc.manager is Manager.AWS:
        raise errors.PolicyDenied(
            f"User: {call.principal.arn} is not authorized to perform: kms:{call.action} on "
            f"resource: {naming.arn_of(call, record)} because it is an AWS managed key"
        )


def check_tokens(asked: Request) -> None:
    """Raise unless the tokens of grants that a request brings are such: grants hold without."""
    tokens: Iterable[str] = asked.get("GrantTokens") or ()
    if not all(map(contextkeys.grant_of, tokens)):
        raise errors.kms.InvalidGrantTokenException

"""What a caller wants a session to have: how long, at most which rights, which tags.

Asked for alike by everything that gives out temporary credentials. Called by the nouns of this
room. Not its business: whether the caller may (`authorize`), and what a token is (`sessions`).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from mallee.aws import errors, policy
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.identity import managedpolicies, sessions
from mallee.model.identity import identities
from mallee.model.identity.sessions import Session

POLICY_ARNS_MAX = 10
TAGS_MAX = 50
SOURCE_IDENTITY = re.compile(r"(?!aws:)[A-Za-z0-9_+=,.@-]{2,64}", re.IGNORECASE)
RESERVED = "aws:"
"""What keys of session tags and source identities may not begin with."""


def parse_policies(call: Call, asked: Request, account: str) -> tuple[tuple[str, ...], ...]:
    """Return the texts and the ARNs of session policies; raise what is wrong with them.

    `account` owns the session: managed policies must be its own, or AWS's.
    """
    text: str | None = asked.get("Policy")
    if text is not None:
        policy.parse(text, policy.Kind.SESSION)
    arns = tuple(dict.fromkeys(one.get("arn") or "" for one in asked.get("PolicyArns") or ()))
    if len(arns) > POLICY_ARNS_MAX:
        raise errors.ValidationError(
            f"1 validation error detected: Value at 'policyArns' failed to satisfy constraint: "
            f"Member must have length less than or equal to {POLICY_ARNS_MAX}"
        )
    own = identities.arn(account, "policy", "/", "")
    for arn in arns:
        known = arn.startswith((own, managedpolicies.AWS))
        if not known or managedpolicies.find(call.view, arn) is None:
            raise errors.ValidationError(f"{arn} is not a policy of account {account}.")
    return (() if text is None else (text,)), arns


def parse_tags(tags: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """Return session tags by key; raise `ValidationError`."""
    found: dict[str, str] = {}
    folded: set[str] = set()
    for tag in tags or ():
        key = tag["Key"]
        if key.lower() in folded:
            raise errors.ValidationError(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive."
            )
        if key.lower().startswith(RESERVED):
            raise errors.ValidationError(f"Tag keys may not begin with {RESERVED} as {key} does.")
        folded.add(key.lower())
        found[key] = tag["Value"]
    return found


def issue(call: WriteCall, asked: Request, session: Session) -> sessions.Issued:
    """Return credentials for a session; raise `PackedPolicyTooLarge`."""
    least: int = asked.get("MinimumSessionTokenSize", 0)
    try:
        return sessions.issue(call.box, call.entropy, session, token_length_min=least)
    except sessions.TooLarge as error:
        raise errors.PackedPolicyTooLarge(
            "Packed policy consumes more than 100% of allotted space, please use smaller policy."
        ) from error


def render(asked: Request, issued: sessions.Issued) -> dict[str, Any]:
    """Return credentials as STS shows them, this once, with their sizes."""
    is_larger = any(asked.get(name) for name in ("Policy", "PolicyArns", "Tags"))
    return {
        "Credentials": {
            "AccessKeyId": issued.access_key_id,
            "SecretAccessKey": issued.secret,
            "SessionToken": issued.token,
            "Expiration": issued.expires_at,
        },
        "PackedPolicySize": issued.packed_percent if is_larger else None,
        "SessionTokenSize": len(issued.token),
        "SessionTokenUtilization": issued.token_percent,
    }

"""Why a request was refused, sealed: only those who may decode it learn which policy decided.

A refusal of EC2 carries such a message; `sts:DecodeAuthorizationMessage` opens it, for the account
of the caller who was refused and for no other. Called by `authorize` and by STS.
"""

import base64
import binascii
import zlib
from typing import Any

import msgspec

from mallee.aws import errors, policy
from mallee.kit import secretbox

_SEAL = b"authorization message"
_LENGTH_MAX = 1 << 16


def encode(box: secretbox.SecretBox, request: policy.Request, decision: policy.Decision) -> str:
    """Return the sealed message about a refusal."""
    told = msgspec.json.encode(_tell(request, decision))
    sealed = box.seal(zlib.compress(told), _SEAL + request.principal.account.encode())
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def decode(box: secretbox.SecretBox, account: str, message: str) -> str:
    """Return what the message says, JSON; raise `InvalidAuthorizationMessage`."""
    try:
        sealed = base64.b64decode(message + "=" * (-len(message) % 4), b"-_", validate=True)
        opened = box.open(sealed, _SEAL + account.encode())
    except (binascii.Error, ValueError, secretbox.Unsealable) as error:
        raise errors.InvalidAuthorizationMessage from error
    return zlib.decompressobj().decompress(opened, _LENGTH_MAX).decode()


def _tell(request: policy.Request, decision: policy.Decision) -> dict[str, Any]:
    decided = decision.decided_by
    statements = (
        []
        if decided is None
        else [
            {
                "statementId": decided.sid or "",
                "effect": "DENY",
                "policyType": decided.kind.value,
                "policy": decided.policy,
                "position": decided.position,
            }
        ]
    )
    who = request.principal
    return {
        "allowed": decision.is_allowed,
        "explicitDeny": decision.verdict is policy.Verdict.EXPLICITLY_DENIED,
        "matchedStatements": {"items": statements},
        "failures": {"items": [{"missing": kind.value} for kind in decision.missing]},
        "context": {
            "principal": {"id": who.ids[0] if who.ids else "", "arn": who.arn},
            "action": request.action,
            "resource": request.resource,
            "conditions": {
                "items": [
                    {"key": key, "values": {"items": [{"value": one} for one in _texts(values)]}}
                    for key, values in request.context.items()
                ]
            },
        },
    }


def _texts(values: str | tuple[str, ...]) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else values

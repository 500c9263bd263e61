"""The context keys of KMS: what policies ask about a request to the key store.

`kms:EncryptionContext:NAME` is a family of keys, one for each pair of the context. Called by
`context`. Not its business: who asks (`callerkeys`).
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

from mallee.aws.policy.texts import Values
from mallee.cloud.identity import callerkeys
from mallee.cloud.identity.question import Finder, Question, member, thing
from mallee.cloud.state import records
from mallee.model.identity.kmskeys import Key

OF_CONTEXT = "kms:encryptioncontext:"
"""What the family's keys begin with."""
_WITH_CONTEXT = frozenset(
    {
        *("Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo"),
        *("GenerateDataKey", "GenerateDataKeyWithoutPlaintext"),
        *("GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"),
    }
)
_TOKEN = b"mallee grant "


def has_context(operation: str) -> bool:
    """Tell whether an operation has an encryption context."""
    return operation in _WITH_CONTEXT


def context_of(asked: Any, permission: str) -> Mapping[str, str]:
    """Return the encryption context that a permission is asked for."""
    name = {
        "kms:ReEncryptFrom": "SourceEncryptionContext",
        "kms:ReEncryptTo": "DestinationEncryptionContext",
    }.get(permission, "EncryptionContext")
    return asked.get(name) or {}


def grant_token(id: str) -> str:
    """Return a token of a grant: its name in another form, for whoever waits for grants to hold."""
    return base64.b64encode(_TOKEN + bytes.fromhex(id)).decode()


def grant_of(token: str) -> str:
    """Return the id of a token's grant; empty for what is no token."""
    try:
        told = base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return told.removeprefix(_TOKEN).hex() if told.startswith(_TOKEN) else ""


def grant_id_of(asked: Any) -> str:
    """Return the id of the grant that a request is about."""
    token: str = asked.get("GrantToken") or ""
    return grant_of(token) if token else asked.get("GrantId") or ""


def of_context(question: Question, name: str) -> str | None:
    """Return the value of a pair of the encryption context; names in lower case."""
    if question.row.service != "kms":
        return None
    found = context_of(question.asked, question.permission)
    return next((value for key, value in found.items() if key.lower() == name), None)


def _of_kms(find: Callable[[Question], Values | None]) -> Finder:
    return lambda question: find(question) if question.row.service == "kms" else None


def _context_keys(question: Question) -> Values | None:
    return tuple(context_of(question.asked, question.permission)) or None


def _key(question: Question) -> Key | None:
    found = thing(question)
    return found if isinstance(found, Key) else None


def _spec(question: Question) -> str | None:
    if question.row.name == "CreateKey":
        asked = question.asked
        spec: str = asked.get("KeySpec") or asked.get("CustomerMasterKeySpec")
        return spec or "SYMMETRIC_DEFAULT"
    key = _key(question)
    return key.spec if key else None


def _usage(question: Question) -> str | None:
    if question.row.name == "CreateKey":
        return question.asked.get("KeyUsage") or "ENCRYPT_DECRYPT"
    key = _key(question)
    return key.usage.value if key else None


def _origin(question: Question) -> str | None:
    if question.row.name == "CreateKey":
        return question.asked.get("Origin") or "AWS_KMS"
    key = _key(question)
    return key.origin.value if key else None


def _multi_region(question: Question) -> str | None:
    if question.row.name == "CreateKey":
        return str(bool(question.asked.get("MultiRegion"))).lower()
    return "false" if _key(question) else None


def _aliases(question: Question) -> Values | None:
    key = _key(question)
    if key is None:
        return None
    found = question.call.view.by(records.KEY_ALIAS, "key", key.id)
    return tuple(record.doc.name for record in found) or None


def _request_alias(question: Question) -> str | None:
    named: Any = question.asked.get("KeyId")
    if not isinstance(named, str) or "alias/" not in named:
        return None
    return named[named.index("alias/") :]


def _constraint(question: Question) -> str | None:
    wanted: Any = question.asked.get("Constraints") or {}
    return next(iter(wanted), None) if question.row.name == "CreateGrant" else None


def _operations(question: Question) -> Values | None:
    return tuple(question.asked.get("Operations") or ()) or None


def _for_service(question: Question) -> str | None:
    if question.row.name not in ("CreateGrant", "ListGrants", "RevokeGrant"):
        return None
    return str(bool(question.via)).lower()


def _bypass(question: Question) -> str | None:
    if question.row.name not in ("CreateKey", "PutKeyPolicy"):
        return None
    return str(bool(question.asked.get("BypassPolicyLockoutSafetyCheck"))).lower()


def _algorithm(question: Question) -> str | None:
    asked = question.asked
    if question.permission == "kms:ReEncryptFrom":
        return asked.get("SourceEncryptionAlgorithm") or "SYMMETRIC_DEFAULT"
    if question.permission == "kms:ReEncryptTo":
        return asked.get("DestinationEncryptionAlgorithm") or "SYMMETRIC_DEFAULT"
    if not has_context(question.row.name):
        return None
    return asked.get("EncryptionAlgorithm") or "SYMMETRIC_DEFAULT"


def _is_same_key(question: Question) -> str | None:
    """Return whether ReEncrypt goes back to the key that it came from."""
    asked, call = question.asked, question.call
    if question.row.name != "ReEncrypt" or question.row.needs is None:
        return None
    return str(len({arn for _, arn in question.row.needs(call, asked)}) == 1).lower()


def _valid_to(question: Question) -> str | None:
    moment: Any = question.asked.get("ValidTo")
    return callerkeys.written(moment.timestamp()) if moment else None


_FINDERS: Mapping[str, Finder] = {
    "kms:bypasspolicylockoutsafetycheck": _bypass,
    "kms:calleraccount": lambda question: question.call.account or None,
    "kms:customermasterkeyspec": _spec,
    "kms:customermasterkeyusage": _usage,
    "kms:datakeypairspec": member("KeyPairSpec"),
    "kms:encryptionalgorithm": _algorithm,
    "kms:encryptioncontextkeys": _context_keys,
    "kms:expirationmodel": member("ExpirationModel"),
    "kms:grantconstrainttype": _constraint,
    "kms:granteeprincipal": member("GranteePrincipal"),
    "kms:grantisforawsresource": _for_service,
    "kms:grantoperations": _operations,
    "kms:keyagreementalgorithm": member("KeyAgreementAlgorithm"),
    "kms:keyorigin": _origin,
    "kms:keyspec": _spec,
    "kms:keyusage": _usage,
    "kms:macalgorithm": member("MacAlgorithm"),
    "kms:messagetype": member("MessageType"),
    "kms:multiregion": _multi_region,
    "kms:reencryptonsamekey": _is_same_key,
    "kms:requestalias": _request_alias,
    "kms:resourcealiases": _aliases,
    "kms:retiringprincipal": member("RetiringPrincipal"),
    "kms:rotationperiodindays": member("RotationPeriodInDays"),
    "kms:schedulekeydeletionpendingwindowindays": member("PendingWindowInDays"),
    "kms:signingalgorithm": member("SigningAlgorithm"),
    "kms:validto": _valid_to,
    "kms:viaservice": lambda question: question.via or None,
    "kms:wrappingalgorithm": member("WrappingAlgorithm"),
    "kms:wrappingkeyspec": member("WrappingKeySpec"),
}
FINDERS: Mapping[str, Finder] = {key: _of_kms(find) for key, find in _FINDERS.items()}

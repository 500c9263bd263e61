"""Grants: what somebody may do with a key beside all policies, until it is taken back.

A grant holds at once, so its token is only its name in another form. Called through the action
table. Not its business: what a grant is worth in a decision (`access`).
"""

from collections.abc import Mapping
from typing import Any

from mallee.aws import errors
from mallee.cloud.action import Action, Pages, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.identity import trust
from mallee.cloud.kms import contextkeys, materials, naming, rows, specs
from mallee.cloud.kms.naming import KeyRecord
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.identity.kmskeys import Grant, Usage

OF_KEY_MAX = 50_000
_ID_BYTES = 32
_OF_ALL = {"CreateGrant", "RetireGrant", "DescribeKey"}
_OF_USAGE: Mapping[Usage, set[str]] = {
    Usage.ENCRYPT_DECRYPT: {"Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo"},
    Usage.SIGN_VERIFY: {"Sign", "Verify"},
    Usage.GENERATE_VERIFY_MAC: {"GenerateMac", "VerifyMac"},
    Usage.KEY_AGREEMENT: {"DeriveSharedSecret"},
}
_DATA_KEYS = {
    *("GenerateDataKey", "GenerateDataKeyWithoutPlaintext"),
    *("GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"),
}

GrantRecord = Record[Grant, None]


def create(call: WriteCall, asked: Request) -> Result:
    """Grant somebody the use of a key; the same grant with the same name again is that one."""
    rows.check_tokens(asked)
    record = naming.find(call, asked["KeyId"])
    rows.check_own_to_change(call, record)
    materials.check_state(call, record)
    _check_operations(call, record, asked)
    wanted = _wanted(call, record, asked)
    existing = call.tx.by(records.GRANT, "key", record.id)
    if wanted.name:
        for one in existing:
            if _is_same(one.doc, wanted):
                return _told(one.id)
    if len(existing) >= OF_KEY_MAX:
        raise errors.kms.LimitExceededException(f"A key has {OF_KEY_MAX} grants at most.")
    call.tx.insert(records.GRANT, record.account, wanted.id, wanted)
    return _told(wanted.id)


def _told(id: str) -> Result:
    return {"GrantToken": contextkeys.grant_token(id), "GrantId": id}


def _wanted(call: WriteCall, record: KeyRecord, asked: Request) -> Grant:
    constraints: Request = asked.get("Constraints") or {}
    if len(constraints) > 1 or not all(constraints.values()):
        raise errors.ValidationException(
            "Only one type of encryption context constraint is allowed, with a pair at least."
        )
    grantee: str | None = asked.get("GranteePrincipal")
    if not grantee:
        raise errors.ValidationException("GranteePrincipal is required.")
    retiring: str = asked.get("RetiringPrincipal") or ""
    return Grant(
        id=call.entropy(_ID_BYTES).hex(),
        key_id=record.id,
        created_at=call.tx.now,
        grantee=_bound(call, grantee),
        operations=tuple(dict.fromkeys(asked["Operations"])),
        issuing_account=call.account,
        name=asked.get("Name") or "",
        retiring=_bound(call, retiring) if retiring else "",
        subset=constraints.get("EncryptionContextSubset") or {},
        equals=constraints.get("EncryptionContextEquals") or {},
    )


def _bound(call: Call, principal: str) -> str:
    """Return a principal as it is kept; raise `InvalidArnException` for nobody."""
    if not principal.startswith("arn:"):
        raise errors.kms.InvalidArnException(
            f"ARN does not refer to a valid principal: {principal}"
        )
    try:
        return trust.bound(call.view, principal)
    except errors.MalformedPolicyDocument as error:
        raise errors.kms.InvalidArnException(
            f"ARN does not refer to a valid principal: {principal}"
        ) from error


def _check_operations(call: Call, record: KeyRecord, asked: Request) -> None:
    key = record.doc
    known = _OF_ALL | _OF_USAGE[key.usage]
    if key.spec == specs.SYMMETRIC:
        known |= _DATA_KEYS
    if key.public_key:
        known |= {"GetPublicKey"}
    operations: list[str] = asked["Operations"]
    if not operations or not set(operations) <= known:
        raise errors.ValidationException(
            f"Operations of a grant on {naming.arn_of(call, record)} are among "
            f"{', '.join(sorted(known))}."
        )
    if asked.get("Constraints") and key.spec != specs.SYMMETRIC:
        raise errors.ValidationException(
            "Encryption context constraints are for symmetric encryption keys alone."
        )


def _is_same(one: Grant, other: Grant) -> bool:
    members = ("name", "grantee", "operations", "retiring", "subset", "equals", "issuing_account")
    return all(getattr(one, name) == getattr(other, name) for name in members)


def retire(call: WriteCall, asked: Request) -> Result:
    """End a grant, as he who has no more use for it."""
    record = _retired(call, asked)
    call.tx.delete(record)
    return {}


def _retired(call: WriteCall, asked: Request) -> GrantRecord:
    token: str = asked.get("GrantToken") or ""
    if bool(token) is bool(asked.get("GrantId")) or bool(token) is bool(asked.get("KeyId")):
        raise errors.ValidationException("Please specify a grant token, or key ID and grant ID.")
    record = call.tx.get(records.GRANT, contextkeys.grant_id_of(asked))
    if token:
        if record is None:
            raise errors.kms.InvalidGrantTokenException
        return record
    return _of_key(record, naming.find(call, asked["KeyId"]))


def revoke(call: WriteCall, asked: Request) -> Result:
    """End a grant, as he who gave it."""
    key = naming.find(call, asked["KeyId"])
    call.tx.delete(_of_key(call.tx.get(records.GRANT, asked["GrantId"]), key))
    return {}


def _of_key(record: GrantRecord | None, key: KeyRecord) -> GrantRecord:
    if record is None or record.doc.key_id != key.id:
        raise errors.kms.NotFoundException("Grant is not found.")
    return record


def _find(call: Call, asked: Request) -> list[GrantRecord]:
    key = naming.find(call, asked["KeyId"])
    found = call.view.by(records.GRANT, "key", key.id)
    id, grantee = asked.get("GrantId"), asked.get("GranteePrincipal")
    return [
        one
        for one in found
        if (not id or one.id == id)
        and (not grantee or trust.named(call.view, one.doc.grantee) == grantee)
    ]


def _find_retirable(call: Call, asked: Request) -> list[GrantRecord]:
    """Return the grants that a principal of the caller's account may end."""
    principal: str | None = asked.get("RetiringPrincipal")
    if not principal:
        raise errors.ValidationException("RetiringPrincipal is required.")
    if f":{call.account}:" not in principal:
        raise errors.kms.InvalidArnException(f"{principal} is of another account.")
    return call.view.by(records.GRANT, "retiring", _bound(call, principal))


def _render(call: Call, record: GrantRecord) -> dict[str, Any]:
    grant = record.doc
    key = naming.by_id(call, grant.key_id)
    constraints = {
        name: pairs
        for name, pairs in (
            ("EncryptionContextSubset", grant.subset),
            ("EncryptionContextEquals", grant.equals),
        )
        if pairs
    }
    return {
        "KeyId": naming.arn_of(call, key) if key else None,
        "GrantId": grant.id,
        "Name": grant.name,
        "CreationDate": grant.created_at,
        "GranteePrincipal": trust.named(call.view, grant.grantee),
        "RetiringPrincipal": trust.named(call.view, grant.retiring) if grant.retiring else None,
        "IssuingAccount": f"arn:aws:iam::{grant.issuing_account}:root",
        "Operations": list(grant.operations),
        "Constraints": constraints or None,
    }


def _of_grant(call: Call, asked: Request) -> tuple[str, ...]:
    """Return the key of the grant that a request ends."""
    named: str | None = asked.get("KeyId")
    if named:
        return (naming.named(call, named),)
    record = call.view.get(records.GRANT, contextkeys.grant_id_of(asked))
    key = naming.by_id(call, record.doc.key_id) if record else None
    return (naming.arn_of(call, key),) if key else ("*",)


def _listed(find: Any) -> Pages:
    return Pages(
        find=find, render=_render, member="Grants", key=lambda one: one.id, words=rows.WORDS
    )


_RETIRABLE: Action = rows.of_account(
    "ListRetirableGrants", _listed(_find_retirable), "RetiringPrincipal"
)

ACTIONS = (
    rows.of_key(
        "CreateGrant",
        Write(handle=create),
        *("GranteePrincipal", "RetiringPrincipal", "Operations", "GrantTokens", "Name"),
        *("Constraints.EncryptionContextSubset", "Constraints.EncryptionContextEquals"),
    ),
    rows.of_key("ListGrants", _listed(_find), "GrantId", "GranteePrincipal"),
    rows.of_key("RevokeGrant", Write(handle=revoke), "GrantId"),
    rows.on("RetireGrant", Write(handle=retire), _of_grant, "KeyId", "GrantId", "GrantToken"),
    _RETIRABLE,
)

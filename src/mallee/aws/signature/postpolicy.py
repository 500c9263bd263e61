"""Forms that upload a file from a browser: who signed their policy, and what it lets them say.

A *policy* is JSON in base64 that somebody with a key has signed for strangers: until when, and
which fields a form may have with which values. Every field must be named by a condition, so that
nobody adds one. The bucket is a field as well, whether the form says it or not.
Called by S3's pipeline once the fields before the file are there. Not its business: taking a form
apart (`codec.s3.form`), whose key it is, and what the fields do.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from mallee.aws import errors
from mallee.aws.signature import check, claims

SIZE_RANGE = "content-length-range"

_EXEMPT = frozenset({"file", "policy", "signature", "awsaccesskeyid", "x-amz-signature"})
_IGNORED = "x-ignore-"
_INVALID = "Invalid according to Policy: "
_CONDITIONS_MAX = 200
_SIZE = re.compile(r"[0-9]{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Claim:
    """A policy's signature that is not verified yet. Its `repr` shows no signature."""

    access_key_id: str
    session_token: str | None
    signature: str
    policy: str
    """As it is signed, in base64."""
    scope: tuple[str, ...] = ()
    """Date, region, service, terminator; empty: Signature Version 2."""

    def __repr__(self) -> str:
        return f"Claim({self.access_key_id}, {'/'.join(self.scope)})"


@dataclass(frozen=True, slots=True)
class Condition:
    """What a field must be, or what its value must begin with."""

    field: str
    """In lower case."""
    value: str
    is_prefix: bool

    def __str__(self) -> str:
        kind = "starts-with" if self.is_prefix else "eq"
        return f'["{kind}", "${self.field}", "{self.value}"]'

    def is_met(self, value: str) -> bool:
        """Tell whether the condition holds; a list of types must hold in each."""
        if not self.is_prefix:
            return value == self.value
        if self.field == "content-type":
            return all(part.strip().startswith(self.value) for part in value.split(","))
        return value.startswith(self.value)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a form may say."""

    expires_at: float
    conditions: tuple[Condition, ...]
    least: int = 0
    """Bytes that the file must have."""
    most: int | None = None
    """Bytes that the file may have."""


def parse(fields: Mapping[str, str]) -> Claim | None:
    """Return what the form's fields (names in lower case) claim; None for an unsigned form."""
    policy = fields.get("policy")
    if "x-amz-signature" in fields or "x-amz-algorithm" in fields:
        return _parse_v4(fields)
    if "signature" in fields or "awsaccesskeyid" in fields:
        return Claim(
            access_key_id=_needed(fields, "awsaccesskeyid"),
            session_token=fields.get("x-amz-security-token"),
            signature=_needed(fields, "signature"),
            policy=_needed(fields, "policy"),
        )
    if policy is not None:
        raise errors.s3.AccessDenied("A policy needs a signature.")
    return None


def verify(claim: Claim, secret: str) -> None:
    """Raise unless `secret` made the signature over the policy."""
    data = claim.policy.encode("utf-8", "surrogateescape")
    if claim.scope:
        key = check.signing_key(secret, *claim.scope[:3])
        expected = hmac.new(key, data, hashlib.sha256).hexdigest()
    else:
        mac = hmac.new(secret.encode(), data, hashlib.sha1).digest()
        expected = base64.b64encode(mac).decode()
    if not check.is_among(claim.signature, [expected]):
        raise errors.s3.SignatureDoesNotMatch(access_key=claim.access_key_id)


def decode(text: str) -> Policy:
    """Return the policy that a form's field holds; raise `InvalidPolicyDocument`."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=False)
        document = msgspec.json.decode(raw)
    except (binascii.Error, UnicodeEncodeError, msgspec.DecodeError, RecursionError) as error:
        raise errors.s3.InvalidPolicyDocument("Invalid Policy: Invalid JSON.") from error
    if not isinstance(document, dict):
        raise errors.s3.InvalidPolicyDocument("Invalid Policy: it is no object.")
    members = cast("dict[str, Any]", document)
    unknown = members.keys() - {"expiration", "conditions"}
    if unknown:
        raise errors.s3.InvalidPolicyDocument(
            f"Invalid Policy: Unexpected: '{min(unknown)[:100]}'."
        )
    return _policy(_expiration(members.get("expiration")), members.get("conditions"))


def check_fields(policy: Policy, fields: Mapping[str, str], bucket: str, now: float) -> None:
    """Raise unless the policy allows the form's fields, now.

    `fields`: names in lower case; the key with the file's name put in.
    """
    if now >= policy.expires_at:
        raise errors.s3.AccessDenied(f"{_INVALID}Policy expired.")
    values = {**fields, "bucket": bucket}
    if fields.get("bucket", bucket) != bucket:
        raise errors.s3.AccessDenied(f"{_INVALID}the form's bucket is not the one asked.")
    for condition in policy.conditions:
        if not condition.is_met(values.get(condition.field, "")):
            raise errors.s3.AccessDenied(f"{_INVALID}Policy Condition failed: {condition}")
    covered = {condition.field for condition in policy.conditions}
    extra = sorted(
        name
        for name in values
        if name not in covered and name not in _EXEMPT and not name.startswith(_IGNORED)
    )
    if extra:
        raise errors.s3.AccessDenied(f"{_INVALID}Extra input fields: {', '.join(extra)[:200]}")


def check_size(policy: Policy, size: int) -> None:
    """Raise unless the policy allows a file of so many bytes."""
    if policy.most is not None and size > policy.most:
        raise errors.s3.EntityTooLarge(size=size, most=policy.most)
    if size < policy.least:
        raise errors.s3.EntityTooSmall(size=size)


def _parse_v4(fields: Mapping[str, str]) -> Claim:
    if fields.get("x-amz-algorithm") != claims.V4_ALGORITHM:
        raise errors.s3.InvalidArgument(
            f"X-Amz-Algorithm only supports {claims.V4_ALGORITHM}", argument="X-Amz-Algorithm"
        )
    parts = _needed(fields, "x-amz-credential").split("/")
    date = _needed(fields, "x-amz-date")
    scope = tuple(parts[-4:])
    if len(parts) < 5 or not all(scope) or scope[2:] != ("s3", claims.V4_TERMINATOR):
        raise errors.s3.AuthorizationQueryParametersError("The form's x-amz-credential is invalid.")
    if scope[0] != date[:8]:
        raise errors.s3.AuthorizationQueryParametersError(
            "The date of x-amz-credential is not that of x-amz-date."
        )
    return Claim(
        access_key_id="/".join(parts[:-4]),
        session_token=fields.get("x-amz-security-token"),
        signature=_needed(fields, "x-amz-signature"),
        policy=_needed(fields, "policy"),
        scope=scope,
    )


def _needed(fields: Mapping[str, str], name: str) -> str:
    value = fields.get(name)
    if not value:
        raise errors.s3.InvalidArgument(
            f"Bucket POST must contain a field named '{name}'. If it is specified, please check "
            "the order of the fields.",
            argument=name,
        )
    return value


def _expiration(value: object) -> float:
    try:
        if not isinstance(value, str):
            raise ValueError(value)
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise errors.s3.InvalidPolicyDocument(
            "Invalid Policy: Invalid 'expiration' value."
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _policy(expires_at: float, given: object) -> Policy:
    if not isinstance(given, list) or len(cast("list[Any]", given)) > _CONDITIONS_MAX:
        raise errors.s3.InvalidPolicyDocument("Invalid Policy: Invalid 'conditions' value.")
    conditions: list[Condition] = []
    least, most = 0, None
    for item in cast("list[Any]", given):
        match item:
            case dict():
                for name, value in cast("dict[str, Any]", item).items():
                    conditions.append(_condition("eq", f"${name}", value))
            case [str(kind), low, high] if kind.lower() == SIZE_RANGE:
                least = max(least, _bytes(low))
                most = _bytes(high) if most is None else min(most, _bytes(high))
            case [str(kind), str(name), value]:
                conditions.append(_condition(kind.lower(), name, value))
            case _:
                raise errors.s3.InvalidPolicyDocument("Invalid Policy: Invalid condition.")
    return Policy(expires_at, tuple(conditions), least, most)


def _bytes(value: object) -> int:
    text = str(value) if isinstance(value, int | str) else ""
    if not _SIZE.fullmatch(text):
        raise errors.s3.InvalidPolicyDocument(f"Invalid Policy: Invalid '{SIZE_RANGE}' value.")
    return int(text)


def _condition(kind: str, name: str, value: object) -> Condition:
    if kind not in ("eq", "starts-with") or not name.startswith("$") or not isinstance(value, str):
        raise errors.s3.InvalidPolicyDocument("Invalid Policy: Invalid condition.")
    return Condition(name[1:].lower(), value, kind == "starts-with")

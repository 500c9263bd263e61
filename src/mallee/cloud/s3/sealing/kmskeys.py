"""Keys of the key store in S3: which one an object's data key is under, and who may have it opened.

An object names its key, and the *context* in which the key opens: the ARN of the object (of its
bucket, with a bucket key), and what its maker added. Whoever puts an object needs
kms:GenerateDataKey, whoever reads one kms:Decrypt, both through S3 and in that context. Called by
`encryption`; `user` by the pipeline. Not its business: bytes of objects (`frames`).
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from mallee.aws import errors
from mallee.cloud.identity.authorize import Judge
from mallee.cloud.identity.question import Question
from mallee.cloud.kms import deciding, managed, naming, onbehalf, usetold
from mallee.cloud.s3.access import contextkeys
from mallee.cloud.s3.exchange import Asks, ObjectCall, T, UseKey
from mallee.cloud.s3.objects.about import KeyUse
from mallee.cloud.s3.objects.versions import Place
from mallee.cloud.s3.rows import Asked
from mallee.cloud.s3.sealing import keytrail
from mallee.cloud.state import store

METHOD = "aws:kms"
HONOURS = ("SSEKMSKeyId", "SSEKMSEncryptionContext", "BucketKeyEnabled")
"""Members of requests that make an object."""

_SERVICE = "s3"
_OWN_PAIR = keytrail.OWN_PAIR
_KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"
_CONTEXT_HEADER = "x-amz-server-side-encryption-context"
_CONTEXT_LENGTH_MAX = 4096
_KEY_ID = re.compile(r"[A-Za-z0-9:/_\-]{1,2048}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """How an object's data key is to be kept."""

    key: str
    """As the request or the bucket names it; empty: S3's own key of the caller's account."""
    context: dict[str, str]
    has_bucket_key: bool


# --- who may ---


def user(judge: Judge, question: Question, trail: keytrail.KeyTrail) -> UseKey:
    """Return what uses keys for the caller of a request, and has the trail told of it."""

    # A type in quotes is not built anew for each request.
    def use(operation: str, asked: Asks, work: "Callable[[], T]", /) -> T:
        if contextkeys.signature_version(question) != contextkeys.V4:
            raise errors.s3.InvalidArgument(
                "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS "
                "Signature Version 4.",
                argument="Authorization",
            )
        outcome = deciding.decide(judge, question, _SERVICE, (operation, dict(asked)))
        this, refusal = usetold.Use(question.call, operation, asked, outcome), outcome.refusal
        if isinstance(refusal, errors.Throttling):
            raise errors.s3.SlowDown
        if refusal is not None:
            trail.tell(this, refusal)
            raise errors.s3.AccessDenied(refusal.message)
        try:
            done = work()
        except errors.AwsError as error:
            trail.tell(this, error)
            raise errors.s3.of_key_store(error) or error from error
        trail.tell(this, None)
        return done

    return use


# --- what is wanted ---


def wanted(where: Place, asked: Asked, default: Asked | None) -> Wanted:
    """Return how a request wants it, or else its bucket, whose rule is the default."""
    rule: Asked = default or {}
    by_default: Asked = rule.get("ApplyServerSideEncryptionByDefault") or {}
    is_default = by_default.get("SSEAlgorithm") == METHOD
    key: str = asked.get("SSEKMSKeyId") or ""
    if not asked.get("ServerSideEncryption"):
        key = by_default.get("KMSMasterKeyID") or ""
    said: bool | None = asked.get("BucketKeyEnabled")
    has_bucket_key = said if said is not None else is_default and bool(rule.get("BucketKeyEnabled"))
    check_name(key, _KEY_HEADER)
    arn = f"arn:aws:s3:::{where.bucket.name}"
    if not has_bucket_key:
        arn += f"/{where.key.decode(errors='replace')}"
    context = _context(asked.get("SSEKMSEncryptionContext") or "")
    return Wanted(key, {_OWN_PAIR: arn, **context}, has_bucket_key)


def renamed(where: Place, use: KeyUse) -> Wanted:
    """Return how the key of an object is to be kept that gets another name in its bucket."""
    arn = f"arn:aws:s3:::{where.bucket.name}"
    if not use.has_bucket_key:
        arn += f"/{where.key.decode(errors='replace')}"
    return Wanted(use.key_arn, {**use.context, _OWN_PAIR: arn}, use.has_bucket_key)


def check_name(key: str, argument: str) -> None:
    """Raise unless a key could have this name."""
    if key and not _KEY_ID.fullmatch(key):
        raise errors.s3.InvalidArgument("Invalid KMS key id", argument=argument, value=key[:100])


def refuse(asked: Asked) -> None:
    """Raise when a request says of a key what means nothing without `aws:kms`."""
    for member, header in (
        ("SSEKMSKeyId", _KEY_HEADER),
        ("SSEKMSEncryptionContext", _CONTEXT_HEADER),
    ):
        if asked.get(member):
            raise errors.s3.InvalidArgument(
                "Server Side Encryption with AWS KMS managed key requires HTTP header "
                "x-amz-server-side-encryption : aws:kms",
                argument=header,
                value=str(asked[member])[:100],
            )


def refuse_bucket_key(asked: Asked) -> None:
    """Raise when a request wants a bucket key for an object that is under no key of the store."""
    if asked.get("BucketKeyEnabled"):
        raise errors.s3.InvalidArgument(
            "A bucket key is for objects that are encrypted with aws:kms.",
            argument="x-amz-server-side-encryption-bucket-key-enabled",
            value="true",
        )


def _context(header: str) -> dict[str, str]:
    if not header:
        return {}
    try:
        if len(header) > _CONTEXT_LENGTH_MAX:
            raise ValueError(header)
        text = base64.b64decode(header, validate=True)
        found = msgspec.json.decode(text, type=dict[str, str])
        # Policies know the names of pairs without regard to case.
        if _OWN_PAIR in map(str.lower, found):
            raise ValueError(header)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise errors.s3.InvalidArgument(
            "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 "
            f"string holding JSON which represents a string-string map, without {_OWN_PAIR}",
            argument=_CONTEXT_HEADER,
            value=header[:100],
        ) from error
    return found


# --- keys ---


async def fresh(call: ObjectCall, wanted: Wanted) -> tuple[KeyUse, bytes]:
    """Return how an object's key is kept, and what it is wrapped with."""
    named = wanted.key or managed.alias_of(_SERVICE)
    if not wanted.key:
        await _ensure(call)
    asked = {"KeyId": named, "EncryptionContext": wanted.context, "KeySpec": "AES_256"}
    arn, plain, sealed = call.use_key(
        "GenerateDataKey",
        asked,
        lambda: onbehalf.generate(call, call.box, named, wanted.context),
    )
    return KeyUse(arn, sealed, wanted.context, wanted.has_bucket_key), plain


async def _ensure(call: ObjectCall) -> None:
    """Make S3's key of the caller's account when it is first needed."""
    account, region = call.account, call.settings.region
    if not account or naming.look(call, managed.alias_of(_SERVICE)) is not None:
        return

    def make(tx: store.Tx) -> None:
        managed.ensure(tx, call.box, account, (_SERVICE, region))

    await call.store.run(make)


def opened(call: ObjectCall, use: KeyUse) -> bytes:
    """Return what an object's key is wrapped with."""
    asked = {
        "KeyId": use.key_arn,
        "CiphertextBlob": use.sealed,
        "EncryptionContext": use.context,
    }
    sealed = (use.key_arn, use.sealed)
    return call.use_key(
        "Decrypt", asked, lambda: onbehalf.opened(call, call.box, sealed, use.context)
    )


# --- what is told ---


def shown(use: KeyUse) -> dict[str, object]:
    """Return what an answer tells of an object's key."""
    told: dict[str, object] = {"ServerSideEncryption": METHOD, "SSEKMSKeyId": use.key_arn}
    return {**told, "BucketKeyEnabled": True} if use.has_bucket_key else told


def shown_context(use: KeyUse | None) -> dict[str, object]:
    """Return the context that an answer to a put tells."""
    if use is None:
        return {}
    text = msgspec.json.encode(use.context)
    return {"SSEKMSEncryptionContext": base64.b64encode(text).decode()}

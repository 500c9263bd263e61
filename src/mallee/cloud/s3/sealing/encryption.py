"""Server-side encryption: which key an object's bytes are sealed with, and who may have it opened.

Every object (or upload, with all its parts) has a data key of its own, which is kept *wrapped*:
under its bucket's key (SSE-S3), under what a key of the key store sealed (SSE-KMS), or under a key
that the customer sends along and that is not kept (SSE-C); that a wrapped key opens is the proof
that the right one was sent. A bucket's key is sealed under the master key, so a rotation of that
touches buckets and not objects. Called by the handlers of objects. Not its business: how bytes are
sealed (`frames`), what a bucket wants (`defaultencryption`), who may use a key (`kmskeys`).
"""

import base64
import binascii
import hashlib
import hmac
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mallee.aws import errors
from mallee.cloud.s3.exchange import Made, ObjectCall, Payload, Sink, Stored
from mallee.cloud.s3.objects.about import Found, KeyUse, Sealing
from mallee.cloud.s3.objects.versions import Place
from mallee.cloud.s3.rows import Asked
from mallee.cloud.s3.sealing import frames, kmskeys
from mallee.kit import secretbox
from mallee.model.storage import buckets
from mallee.walrus.errors import Corrupt
from mallee.walrus.records import Part
from mallee.walrus.seam import Engine

AES256 = "AES256"
CUSTOMER = "customer"
"""Of a `Sealing`: under the customer's own key."""

OF_CUSTOMER = ("SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5")
"""Members that name the customer's key: of requests that read, and that bring a part."""
OF_SOURCE = tuple(f"CopySource{member}" for member in OF_CUSTOMER)
HONOURS = ("ServerSideEncryption", *kmskeys.HONOURS, *OF_CUSTOMER)
"""Members of requests that make an object."""

_SALT_BYTES = 32
_ONCE = bytes(12)
"""The nonce of a key that is derived for one use."""
_PREFIX = "x-amz-server-side-encryption-customer"
_NEEDS_KEY = (
    "The object was stored using a form of Server Side Encryption. The correct parameters must be "
    "provided to retrieve the object."
)
_WRONG = "The calculated MD5 hash of the key did not match the hash that was provided."


@dataclass(frozen=True, slots=True, repr=False)
class Unlocked:
    """A sealing with its data key."""

    sealing: Sealing
    data_key: bytes
    wrapped_with: bytes
    """What the data key is wrapped with."""
    customer_md5: str = ""
    """What the customer sent as his key's MD5."""

    def key(self, place: int = 0) -> frames.Key:
        """Return what seals and opens one content."""
        return frames.Key(self.data_key, place)


# --- sealing ---


async def begin(call: ObjectCall, where: Place, asked: Asked) -> Unlocked | None:
    """Return a fresh data key as the request wants it, or else its bucket; None: no encryption."""
    default = _default(where)
    customer = _customer_key(asked)
    method: str = asked.get("ServerSideEncryption") or ""
    if method != kmskeys.METHOD:
        kmskeys.refuse(asked)
    if customer is not None:
        if method:
            raise errors.s3.InvalidArgument(
                "Server Side Encryption with Customer provided key is incompatible with the "
                "encryption method specified",
                argument="x-amz-server-side-encryption",
                value=method[:100],
            )
        return _fresh(where, CUSTOMER, *customer)
    if not method and default is not None:
        method = default["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]
    if method == kmskeys.METHOD:
        use, key = await kmskeys.fresh(call, kmskeys.wanted(where, asked, default))
        return _fresh(where, method, key, use)
    kmskeys.refuse_bucket_key(asked)
    if not method:
        return None
    check_method(method)
    return _fresh(where, AES256, call.box.open(where.bucket.sealed_key))


def _default(where: Place) -> Asked | None:
    """Return the rule by which a bucket wants objects encrypted; None: it has none."""
    document = where.bucket.documents.get(buckets.ENCRYPTION)
    return document["Rules"][0] if document else None


def of_service(box: secretbox.SecretBox, where: Place, *, always: bool) -> Unlocked | None:
    """Return a fresh data key for what S3 itself writes into a bucket; None: no encryption.

    As on AWS it has no part in keys of the key store: a bucket that wants one gets nothing.
    """
    default: Any = where.bucket.documents.get(buckets.ENCRYPTION)
    if default is not None:
        rule: Any = default["Rules"][0]["ApplyServerSideEncryptionByDefault"]
        if rule["SSEAlgorithm"] == kmskeys.METHOD:
            raise errors.s3.AccessDenied()
    if default is None and not always:
        return None
    return _fresh(where, AES256, box.open(where.bucket.sealed_key))


def check_method(method: str) -> None:
    """Raise unless it is a method that this cloud has."""
    if method == kmskeys.METHOD:
        return
    if method.startswith("aws:"):
        raise errors.s3.NotImplemented(f"Encryption by {method[:20]} is not supported.")
    if method != AES256:
        raise errors.s3.InvalidArgument(
            "The encryption method specified is not supported",
            argument="x-amz-server-side-encryption",
            value=method[:100],
        )


def may_share(source: Unlocked, target: Unlocked) -> bool:
    """Tell whether a copy may have the same sealed bytes: where one key would open both.

    What is a customer's no key of the cloud's shall open, and the other way round.
    """
    old, new = source.sealing, target.sealing
    if CUSTOMER in (old.method, new.method) or old.method != new.method:
        return False
    return (old.kms and old.kms.key_arn) == (new.kms and new.kms.key_arn)


def rewrapped(source: Unlocked, target: Unlocked, where: Place) -> Sealing:
    """Return the sealing for a copy that has the same sealed bytes in another place."""
    assert may_share(source, target)
    wrapped = _wrap(target.wrapped_with, source.data_key, _context(where))
    return msgspec.structs.replace(target.sealing, wrapped=wrapped)


async def moved(call: ObjectCall, source: Unlocked, where: Place) -> Sealing:
    """Return the sealing of an object that gets another name in its bucket, and keeps its key."""
    old = source.sealing
    if old.method == CUSTOMER:
        raise errors.s3.InvalidRequest(_NEEDS_KEY)
    if old.kms is None:
        return rewrapped(source, source, where)
    use, key = await kmskeys.fresh(call, kmskeys.renamed(where, old.kms))
    return rewrapped(source, _fresh(where, old.method, key, use), where)


def _fresh(where: Place, method: str, key: bytes, kept: KeyUse | str = "") -> Unlocked:
    """Return a data key under a key; `kept` is the use of a key, or what a customer sent as MD5."""
    data_key = os.urandom(frames.KEY_BYTES)
    use, md5 = (kept, "") if isinstance(kept, KeyUse) else (None, kept)
    sealing = Sealing(method, _wrap(key, data_key, _context(where)), use)
    return Unlocked(sealing, data_key, key, md5)


# --- opening ---


def unlock(
    call: ObjectCall, where: Place, sealing: Sealing | None, asked: Asked
) -> Unlocked | None:
    """Return the data key of an object that a request is about; raise when it may not have it."""
    customer = _customer_key(asked)
    if sealing is None or sealing.method != CUSTOMER:
        if customer is not None:
            raise errors.s3.InvalidRequest(
                "The encryption parameters are not applicable to this object."
            )
        if sealing is None:
            return None
        use = sealing.kms
        key = kmskeys.opened(call, use) if use else call.box.open(where.bucket.sealed_key)
        return Unlocked(sealing, _unwrap(key, sealing.wrapped, _context(where)), key)
    if customer is None:
        raise errors.s3.InvalidRequest(_NEEDS_KEY)
    try:
        data_key = _unwrap(customer[0], sealing.wrapped, _context(where))
    except secretbox.Unsealable as error:
        raise errors.s3.AccessDenied() from error
    return Unlocked(sealing, data_key, *customer)


def needs_key(sealing: Sealing | None, asked: Asked, *, is_head: bool) -> bool:
    """Tell whether a request needs the object's key: who only looks does not need the key store's,
    unless he asks for checksums, which tell of the bytes."""
    if sealing is None or sealing.kms is None or not is_head:
        return True
    return asked.get("ChecksumMode") == "ENABLED"


def of_source(asked: Asked) -> dict[str, object]:
    """Return what a copy says of its source's key, under the names that a read has for it."""
    pairs = zip(OF_CUSTOMER, OF_SOURCE, strict=True)
    return {member: asked[source] for member, source in pairs if asked.get(source)}


async def payload(
    call: ObjectCall, found: Found, unlocked: Unlocked | None, wanted: tuple[int, int]
) -> Payload:
    """Return what sends the bytes that are wanted; the first of them are found to be right."""
    if unlocked is None:
        return Stored(found.version.parts, *wanted)
    pieces = plain(call.engine, found, unlocked, wanted)
    size = wanted[1] - wanted[0]
    if size <= frames.FRAME_BYTES:
        return await call.in_thread(lambda: b"".join(pieces))
    first = await call.in_thread(lambda: next(pieces))
    return Made(_InThreads(call, itertools.chain((first,), pieces)), size)


def plain(
    engine: Engine, found: Found, unlocked: Unlocked | None, wanted: tuple[int, int]
) -> Iterator[bytes]:
    """Yield an object's bytes, verified and opened; blocks. Raises `Corrupt` and `Gone`."""
    start, end = wanted
    if unlocked is None:
        yield from _stored(engine, found.version.parts, start, end)
        return
    places = [(part.number, part.size) for part in found.about.parts]
    base = 0
    for part, (place, size) in zip(
        found.version.parts, places or [(0, found.version.size)], strict=True
    ):
        stretch = max(start - base, 0), min(end - base, size)
        try:
            yield from frames.opened(
                unlocked.key(place),
                size,
                stretch,
                lambda first, last, part=part: _stored(engine, (part,), first, last),
            )
        except frames.Altered as error:
            raise Corrupt(part.blob, f"cannot be opened: {error}") from error
        base += size


def _stored(engine: Engine, parts: tuple[Part, ...], start: int, end: int) -> Iterator[bytes]:
    for piece in engine.reader.pieces(parts, start, end):
        for at in range(piece.start, piece.end, frames.FRAME_BYTES):
            size = min(frames.FRAME_BYTES, piece.end - at)
            yield os.pread(piece.descriptor, size, at)


class _InThreads:
    """What blocks, one piece at a time in a thread."""

    __slots__ = ("_call", "_pieces")

    def __init__(self, call: ObjectCall, pieces: Iterator[bytes]) -> None:
        self._call = call
        self._pieces = pieces

    def __aiter__(self) -> "_InThreads":
        return self

    async def __anext__(self) -> bytes:
        piece = await self._call.in_thread(lambda: next(self._pieces, b""))
        if not piece:
            raise StopAsyncIteration
        return piece


# --- what is told ---


def shown(sealing: Sealing | None, asked: Asked) -> dict[str, object]:
    """Return what an answer tells of how an object is encrypted."""
    if sealing is None:
        return {}
    if sealing.method == CUSTOMER:
        md5 = asked.get("SSECustomerKeyMD5")
        return {"SSECustomerAlgorithm": AES256, **({"SSECustomerKeyMD5": md5} if md5 else {})}
    return kmskeys.shown(sealing.kms) if sealing.kms else {"ServerSideEncryption": sealing.method}


def shown_of_new(sealing: Sealing | None, asked: Asked) -> dict[str, object]:
    """Return what the answer to a put tells of it: the context too, which reads do not tell."""
    context = kmskeys.shown_context(sealing.kms if sealing else None)
    return {**shown(sealing, asked), **context}


def etag(unlocked: Unlocked | None, md5: bytes) -> str:
    """Return the ETag of bytes: their MD5, unless that would tell of what only some may read."""
    if unlocked is None or unlocked.sealing.method == AES256:
        return md5.hex()
    return hmac.digest(unlocked.data_key, b"mallee etag" + md5, "sha256")[:16].hex()


# --- keys ---


def _customer_key(asked: Asked) -> tuple[bytes, str] | None:
    """Return the key that a request brings, and its MD5 as sent; raise when it is not right."""
    algorithm, key, md5 = (str(asked.get(member) or "") for member in OF_CUSTOMER)
    if not (algorithm or key or md5):
        return None
    if algorithm and algorithm != AES256:
        raise errors.s3.InvalidEncryptionAlgorithmError()
    missing = {"algorithm": algorithm, "key": key, "key-MD5": md5}
    for name, value in missing.items():
        if not value:
            raise errors.s3.InvalidArgument(
                "Requests specifying Server Side Encryption with Customer provided keys must "
                "provide a valid encryption algorithm, an appropriate secret key, and the client "
                "calculated MD5 of the secret key.",
                argument=f"{_PREFIX}-{name}",
            )
    secret = _decoded(key)
    if len(secret) != frames.KEY_BYTES:
        raise errors.s3.InvalidArgument(
            "The secret key was invalid for the specified algorithm.", argument=f"{_PREFIX}-key"
        )
    if not hmac.compare_digest(hashlib.md5(secret, usedforsecurity=False).digest(), _decoded(md5)):
        raise errors.s3.InvalidArgument(_WRONG, argument=f"{_PREFIX}-key-MD5")
    return secret, md5


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _context(where: Place) -> bytes:
    """Return what a wrapped key belongs to: nowhere else does it open."""
    return where.number.to_bytes(8, "big") + where.key


def _wrap(key: bytes, data_key: bytes, context: bytes) -> bytes:
    salt = os.urandom(_SALT_BYTES)
    return salt + _wrapping(key, salt).encrypt(_ONCE, data_key, context)


def _unwrap(key: bytes, wrapped: bytes, context: bytes) -> bytes:
    """Return the data key. Raises `Unsealable`."""
    salt, data = wrapped[:_SALT_BYTES], wrapped[_SALT_BYTES:]
    try:
        return _wrapping(key, salt).decrypt(_ONCE, data, context)
    except (InvalidTag, ValueError) as error:
        raise secretbox.Unsealable("an object's key was wrapped under another one") from error


def _wrapping(key: bytes, salt: bytes) -> AESGCM:
    """Return the cipher for one wrapped key: a key of its own, so no nonce is used twice."""
    return AESGCM(hmac.digest(key, b"mallee wrapped key" + salt, "sha256"))


def sealer(unlocked: Unlocked, place: int, sink: Sink) -> frames.Sealer:
    """Return what seals a content on its way to a sink."""
    return frames.Sealer(unlocked.key(place), sink)

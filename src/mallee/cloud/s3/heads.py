"""What the head of a request says: who sends it, and what body follows.

Called by the pipeline. Not its business: how signatures are made (`aws.signature.s3`), and whether
the caller may.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mallee.aws import checksums, errors
from mallee.aws.signature import s3 as signature
from mallee.aws.signature import streaming
from mallee.aws.signature.claims import Claim, Scheme
from mallee.cloud import authenticate, http
from mallee.cloud.call import NOBODY, Principal
from mallee.cloud.s3.bodies import Said

_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)
_MD5_BYTES = 16


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request, and what he signed it with; nobody signs with nothing."""

    principal: Principal
    claim: Claim | None = None
    secret: str = field(default="", repr=False)


_STRANGER = Caller(NOBODY)


def identify(keys: authenticate.Keys, head: http.Request, host_bucket: str, now: float) -> Caller:
    """Return who signed the head; nobody when nobody did. Raises when a signature does not hold."""
    claim = signature.parse(head)
    if claim is None:
        return _STRANGER
    holder = authenticate.holder(keys, claim.access_key_id, claim.session_token)
    if holder is None:
        if claim.session_token is not None:
            raise errors.s3.InvalidToken
        raise errors.s3.InvalidAccessKeyId(access_key=claim.access_key_id[:128])
    signature.verify(claim, holder.secret, now, host_bucket)
    if holder.expires_at is not None and now >= holder.expires_at:
        raise errors.s3.ExpiredToken
    if holder.principal is None:
        raise errors.s3.InvalidAccessKeyId(access_key=claim.access_key_id[:128])
    return Caller(holder.principal, claim, holder.secret)


def said(caller: Caller, head: http.Request, asked: Mapping[str, Any]) -> Said:
    """Return what the head says of its body; raise when that cannot be."""
    payload = signature.payload_of(head, caller.claim)
    unwrapper = None
    if payload.mode.is_chunked:
        unwrapper = streaming.Decoder(payload, _seed(caller))
    size = payload.decoded_length if payload.mode.is_chunked else _length(head)
    return Said(
        size=size,
        is_unmeasured=size is None and "transfer-encoding" in head.headers,
        sha256=payload.sha256,
        md5=_md5(asked.get("ContentMD5") or head.headers.get("content-md5")),
        given=_given(asked),
        trailers=payload.trailers,
        unwrapper=unwrapper,
    )


def _seed(caller: Caller) -> signature.Seed | None:
    """Return what signed chunks go on from; links of version 2 have nothing of the kind."""
    claim = caller.claim
    if claim is None or claim.scheme is Scheme.V2_OF_S3:
        return None
    return signature.seed_of(claim, caller.secret)


def _length(head: http.Request) -> int | None:
    text = head.headers.get("content-length")
    return int(text) if text is not None and _LENGTH.fullmatch(text) else None


def _md5(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        digest = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise errors.s3.InvalidDigest from error
    if len(digest) != _MD5_BYTES:
        raise errors.s3.InvalidDigest
    return digest


def _given(asked: Mapping[str, Any]) -> checksums.Given | None:
    try:
        return checksums.given(asked)
    except checksums.Several as error:
        raise errors.s3.InvalidRequest(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        ) from error
    except checksums.Malformed as error:
        raise errors.s3.InvalidRequest("Value for x-amz-checksum header is invalid.") from error

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
from mallee.cloud import http
from mallee.cloud.call import NOBODY, Principal
from mallee.cloud.identity import authenticate
from mallee.cloud.s3.serving.bodies import Said

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
    found = holder(keys, claim.access_key_id, claim.session_token)
    signature.verify(claim, found.secret, now, host_bucket)
    return Caller(principal(found, claim.access_key_id, now), claim, found.secret)


def holder(
    keys: authenticate.Keys, access_key_id: str, session_token: str | None
) -> authenticate.Holder:
    """Return whose an access key is; raise what S3 answers to a key or token that nobody has."""
    found = authenticate.holder(keys, access_key_id, session_token)
    if found is not None:
        return found
    if session_token is not None:
        raise errors.s3.InvalidToken
    raise errors.s3.InvalidAccessKeyId(access_key=access_key_id[:128])


def principal(found: authenticate.Holder, access_key_id: str, now: float) -> Principal:
    """Return who calls, his signature verified; raise when what he calls as has ended."""
    if found.expires_at is not None and now >= found.expires_at:
        raise errors.s3.ExpiredToken
    if found.principal is None:
        raise errors.s3.InvalidAccessKeyId(access_key=access_key_id[:128])
    return found.principal


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
        given=given(asked),
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


def given(asked: Mapping[str, Any]) -> checksums.Given | None:
    """Return the checksum that the sender gave; raise when there are several, or it is none."""
    try:
        return checksums.given(asked)
    except checksums.Several as error:
        raise errors.s3.InvalidRequest(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        ) from error
    except checksums.Malformed as error:
        raise errors.s3.InvalidRequest("Value for x-amz-checksum header is invalid.") from error

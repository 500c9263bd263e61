"""Uploads by forms of browsers: the fields say who allowed it, what is stored, how it is answered.

A form is a put whose parameters come in the body before the file, signed as a policy. The fields
are read before anybody knows whether the caller may: they are few and small. Called by the
pipeline, which then asks and does what it would for PutObject. Not its business: what a form looks
like (`codec.s3.form`), and what a policy allows (`signature.postpolicy`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit
from xml.sax.saxutils import escape

from mallee.aws.codec import s3 as codec
from mallee.aws.codec.s3 import formfields
from mallee.aws.signature import postpolicy
from mallee.cloud import http
from mallee.cloud.call import NOBODY, Principal
from mallee.cloud.identity import authenticate
from mallee.cloud.s3.serving import heads
from mallee.cloud.s3.serving.bodies import OBJECT_BYTES_MAX, Said, Source
from mallee.cloud.s3.serving.server import Outgoing

_STATUSES = {"200": 200, "201": 201, "204": 204}
_DEFAULT_STATUS = 204
_ANY = postpolicy.Policy(expires_at=float("inf"), conditions=())
"""What a form may say that nobody signed."""


@dataclass(slots=True)
class File:
    """The file of a form, as a body that comes from the client."""

    source: Source
    form: codec.Form
    policy: postpolicy.Policy = _ANY
    ready: list[bytes] = field(default_factory=list[bytes])
    """What of the file came with the fields."""
    size: int = 0

    async def proceed(self) -> None:
        """Nothing: the client was told to go on before its fields were read."""

    async def read(self) -> bytes:
        """Return what has come of the file; nothing at its end. Raises when it is cut off."""
        while not self.ready and not self.form.is_done:
            data = await self.source.read()
            if not data:
                self.form.finish()
            self.ready = self.form.feed(data)
        piece = b"".join(self.ready)
        self.ready = []
        self.size += len(piece)
        if not piece:
            postpolicy.check_size(self.policy, self.size)
        return piece


@dataclass(frozen=True, slots=True)
class Posted:
    """A form whose fields are there, and allowed by its policy."""

    principal: Principal
    asked: dict[str, Any]
    """As of PutObject."""
    request: http.Request
    """The request, with the fields where a put has its headers."""
    file: File
    said: Said
    fields: Mapping[str, str]


async def read(
    keys: authenticate.Keys, request: http.Request, source: Source, now: float
) -> Posted:
    """Read the fields; return who sends what. Raises what S3 answers to a form that may not be."""
    form = codec.Form(request.headers.get("content-type", ""))
    file = File(source, form)
    await source.proceed()
    while not form.has_file:
        data = await source.read()
        if not data:
            form.finish()
        file.ready = form.feed(data)
    bucket = codec.route(request).bucket
    fields = formfields.with_key(form.fields, form.filename)
    principal = _identify(keys, file, fields, (bucket, now))
    asked = formfields.decode(bucket, fields)
    most = OBJECT_BYTES_MAX if file.policy.most is None else file.policy.most
    said = Said(size=None, most=min(most, OBJECT_BYTES_MAX), given=heads.given(asked))
    return Posted(principal, asked, _as_put(request, fields), file, said, fields)


def answered(posted: Posted, outgoing: Outgoing) -> Outgoing:
    """Return the answer of a put as the form wishes it: a redirect, a document, or nothing."""
    bucket, key = posted.asked["Bucket"], posted.asked["Key"]
    etag = outgoing.headers.get("ETag", "")
    host = posted.request.headers.get("host", "")
    location = f"http://{host}{posted.request.path.rstrip('/')}/{quote(key, safe='/-_.~')}"
    headers = {**outgoing.headers, "Location": location}
    onward = _onward(posted.fields, {"bucket": bucket, "key": key, "etag": etag})
    if onward:
        return replace(outgoing, status=303, headers={**headers, "Location": onward})
    status = _STATUSES.get(posted.fields.get("success_action_status", ""), _DEFAULT_STATUS)
    if status != 201:
        return replace(outgoing, status=status, headers=headers)
    told = {"Location": location, "Bucket": bucket, "Key": key, "ETag": etag}
    inside = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in told.items())
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>{inside}</PostResponse>'.encode()
    headers["Content-Type"] = "application/xml"
    return replace(outgoing, status=status, headers=headers, payload=body, size=len(body))


def _identify(
    keys: authenticate.Keys,
    file: File,
    fields: Mapping[str, str],
    asked_at: tuple[str, float],
) -> Principal:
    """Return who signed the form's policy, which allows the fields; nobody when nobody did."""
    claim = postpolicy.parse(fields)
    if claim is None:
        return NOBODY
    bucket, now = asked_at
    holder = heads.holder(keys, claim.access_key_id, claim.session_token)
    postpolicy.verify(claim, holder.secret)
    file.policy = postpolicy.decode(claim.policy)
    postpolicy.check_fields(file.policy, fields, bucket, now)
    return heads.principal(holder, claim.access_key_id, now)


def _as_put(request: http.Request, fields: Mapping[str, str]) -> http.Request:
    """Return the request as policies see it: what the fields say, and no header in their place.

    Nor one in the query: nobody signed it.
    """
    own = {
        name: text
        for name, text in request.headers.items()
        if not name.startswith("x-amz-") and name != "content-type"
    }
    return replace(request, query="", headers={**own, **formfields.headers(fields)})


def _onward(fields: Mapping[str, str], told: Mapping[str, str]) -> str:
    """Return where the browser is sent afterwards; empty: nowhere, or to no address."""
    text = fields.get("success_action_redirect") or fields.get("redirect") or ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return ""
    if not (text.isascii() and text.isprintable()):
        return ""
    query = "&".join(part for part in (parts.query, urlencode(told)) if part)
    return urlunsplit(parts._replace(query=query))

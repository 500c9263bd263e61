"""Buckets as websites: what a browser gets that asks `BUCKET.s3-website.REGION.…` for a page.

Nobody signs here: a page is sent when anybody may read its object. Folders have index documents,
errors a document of their own or a page in HTML, and rules send browsers elsewhere. Called by the
pipeline for hosts of websites. Not its business: who may read what (`deciding`), and what is set
(`websites`).
"""

import html
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from mallee.aws import errors
from mallee.cloud import http
from mallee.cloud.s3.buckets import websites
from mallee.cloud.s3.serving import sending
from mallee.cloud.s3.serving.server import Outgoing
from mallee.cloud.state import store

_PORT = re.compile(r":[0-9]*$")
_WEBSITE = "s3-website"
_LABEL = re.compile(rf"{_WEBSITE}(?:-.*)?")
CODE = "x-amz-error-code"
"""The header in which a program finds what a person reads in a page."""
_API = "s3"
_SAFE = "/-_.~!$&'()*+,;=:@"
"""What of a key stands in a path as it is."""
_SAFE_OF_RULES = f"{_SAFE}?#%"
"""What of a rule does, which may name a query or a place in a page."""
_ELSEWHERE = "x-amz-website-redirect-location"
_OF_PAGES = frozenset(
    {
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-unmodified-since",
        "range",
        "origin",
        "referer",
        "user-agent",
    }
)
"""Headers of a browser that mean something to a page; the rest is not asked about."""
_PLAIN = frozenset({"referer", "user-agent"})
"""The same of a page that is sent instead of another one."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser that asks for a page, and what can be done for it."""

    view: store.View
    bucket: str
    request: http.Request
    id: str
    """Of the request."""
    get: Callable[[str, http.Request], Awaitable[Outgoing]]
    """Gets an object as anybody; raises what S3 answers."""
    has: Callable[[str], bool]
    """Tells whether there is an object that anybody may read."""


def bucket_of(host: str) -> str | None:
    """Return the bucket whose website a host names (empty: none in particular); None: no website.

    The last label counts that names S3 at all.
    """
    folded = host.strip().lower()
    if _WEBSITE not in folded:
        return None
    labels = _PORT.sub("", folded).removesuffix(".").split(".")
    for place in range(len(labels) - 1, -1, -1):
        if labels[place] == _API:
            return None
        if _LABEL.fullmatch(labels[place]):
            return ".".join(labels[:place])
    return None


async def answer(visitor: Visitor) -> Outgoing:
    """Return the page that a browser asks for, or whatever it gets instead."""
    request = visitor.request
    try:
        if request.method not in ("GET", "HEAD"):
            raise errors.s3.MethodNotAllowed(method=request.method, resource_type="BUCKET")
        site = websites.of(visitor.view, visitor.bucket)
        key = key_of(request.path)
        if key is None:
            raise errors.s3.InvalidURI()
    except errors.s3.S3Error as error:
        return _page(visitor, error)
    all_to: Any = site.get("RedirectAllRequestsTo")
    if all_to is not None:
        return _sent_on(visitor, {**all_to, "HttpRedirectCode": "301"}, key, "")
    rule = _rule(site, key, None)
    if rule is not None:
        return _sent_on(visitor, rule["Redirect"], key, _prefix(rule))
    return await _shown(visitor, site, key)


async def _shown(visitor: Visitor, site: Any, key: str) -> Outgoing:
    """Show a page, or what stands for one that cannot be shown."""
    suffix: str = site["IndexDocument"]["Suffix"]
    is_folder = not key or key.endswith("/")
    try:
        return await _got(visitor, key + suffix if is_folder else key)
    except errors.s3.S3Error as error:
        if (
            error.status < HTTPStatus.BAD_REQUEST
            or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        ):
            raise
        is_there = is_folder or visitor.has(key)
        if not is_there and visitor.has(f"{key}/{suffix}"):
            return _into_folder(visitor, key)
        rule = _rule(site, key, error.status)
        if rule is not None:
            return _sent_on(visitor, rule["Redirect"], key, _prefix(rule))
        return await _instead(visitor, site, error)


async def _got(visitor: Visitor, key: str) -> Outgoing:
    """Get a page; an object may say that it is elsewhere."""
    found = await visitor.get(key, plain(visitor.request, _OF_PAGES))
    where = found.headers.get(_ELSEWHERE)
    if where is None:
        return found
    if isinstance(found.payload, sending.Stream):
        found.payload.close()
    return _moved(visitor, HTTPStatus.MOVED_PERMANENTLY, where)


async def _instead(visitor: Visitor, site: Any, error: errors.s3.S3Error) -> Outgoing:
    """Return what is shown for a page that cannot be: the error document, if that can be."""
    told: Mapping[str, str] = site.get("ErrorDocument") or {}
    document = told.get("Key")
    if document is None:
        return _page(visitor, error)
    try:
        found = await visitor.get(document, plain(visitor.request, _PLAIN))
    except errors.s3.S3Error as second:
        return _page(visitor, error, (document, second))
    return replace(found, status=error.status, headers={**found.headers, **_told(error)})


def plain(request: http.Request, names: frozenset[str]) -> http.Request:
    """Return a browser's request with nothing in it but what a page is asked with."""
    headers = {name: text for name, text in request.headers.items() if name in names}
    return replace(request, query="", headers=headers)


def key_of(path: str) -> str | None:
    """Return the key that a path names; None: it is no text."""
    try:
        return unquote_to_bytes(path.encode("utf-8", "surrogateescape")).decode().removeprefix("/")
    except UnicodeDecodeError:
        return None


# --- elsewhere ---


def _rule(site: Any, key: str, status: int | None) -> Any:
    """Return the first rule about a key, and an error when there is one; None: there is none."""
    for rule in site.get("RoutingRules") or ():
        condition: Mapping[str, str] = rule.get("Condition") or {}
        code = condition.get("HttpErrorCodeReturnedEquals")
        wanted = None if code is None else int(code)
        if wanted == status and key.startswith(condition.get("KeyPrefixEquals") or ""):
            return rule
    return None


def _prefix(rule: Any) -> str:
    condition: Mapping[str, str] = rule.get("Condition") or {}
    return condition.get("KeyPrefixEquals") or ""


def _sent_on(visitor: Visitor, redirect: Mapping[str, str], key: str, prefix: str) -> Outgoing:
    """Return what sends a browser where a rule says; what it does not say stays as it is."""
    new, instead = redirect.get("ReplaceKeyWith"), redirect.get("ReplaceKeyPrefixWith")
    if new is not None:
        path = quote(new, safe=_SAFE_OF_RULES)
    elif instead is not None:
        path = quote(instead, safe=_SAFE_OF_RULES) + quote(key[len(prefix) :], safe=_SAFE)
    else:
        path = quote(key, safe=_SAFE)
    host = redirect.get("HostName") or visitor.request.headers.get("host", "")
    protocol = redirect.get("Protocol") or "http"
    status = int(redirect.get("HttpRedirectCode") or HTTPStatus.MOVED_PERMANENTLY)
    return _moved(visitor, status, f"{protocol}://{host}/{path}")


def _into_folder(visitor: Visitor, key: str) -> Outgoing:
    # A path that begins with two slashes would be another host's.
    host = f"http://{visitor.request.headers.get('host', '')}" if key.startswith("/") else ""
    return _moved(visitor, HTTPStatus.FOUND, f"{host}/{quote(key, safe=_SAFE)}/")


def _moved(visitor: Visitor, status: int, where: str) -> Outgoing:
    headers = {"Location": where, **_ids(visitor)}
    return Outgoing(status=status, headers=headers)


# --- errors ---


def _page(
    visitor: Visitor,
    error: errors.s3.S3Error,
    second: tuple[str, errors.s3.S3Error] | None = None,
) -> Outgoing:
    """Return an error as a page."""
    headers = {"Content-Type": "text/html; charset=utf-8", **_told(error), **_ids(visitor)}
    headers.update(error.headers)
    title = f"{error.status} {HTTPStatus(error.status).phrase}"
    more = {"RequestId": visitor.id, "HostId": visitor.id}
    lines = [f"<h1>{title}</h1>", *_list({**_elements(error), **more})]
    if second is not None:
        document, why = second
        lines += [
            "<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>",
            *_list({**_elements(why), "Key": document}),
        ]
    inside = "\n".join(lines)
    text = (
        f"<html>\n<head><title>{title}</title></head>\n<body>\n{inside}\n<hr/>\n</body>\n</html>\n"
    )
    body = b"" if visitor.request.method == "HEAD" else text.encode()
    return Outgoing(status=error.status, headers=headers, payload=body, size=len(body))


def _elements(error: errors.s3.S3Error) -> dict[str, str]:
    return {"Code": error.code, "Message": error.message, **error.elements}


def _list(lines: Mapping[str, str]) -> list[str]:
    items = [f"<li>{name}: {html.escape(text)}</li>" for name, text in lines.items()]
    return ["<ul>", *items, "</ul>"]


def _told(error: errors.s3.S3Error) -> dict[str, str]:
    return {CODE: error.code, "x-amz-error-message": error.sentence}


def _ids(visitor: Visitor) -> dict[str, str]:
    return {"x-amz-request-id": visitor.id, "x-amz-id-2": visitor.id}

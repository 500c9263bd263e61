"""The model's members to S3's answers: status, headers and body.

Called by S3's pipeline. A streamed body is the handler's: the answer's `body` is None then, and its
length and range are headers of the result. Every header is a value that cannot end its line.
"""

import base64
import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mallee.aws import errors, model
from mallee.aws.codec import fragment, scalars, xmlbody, xmltext
from mallee.aws.codec.s3 import names

XML = "application/xml"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_WORD_BYTES_MAX = 45
"""Of an encoded word of RFC 2047, so that it stays within 75 characters."""

Write = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Place:
    """Which request an error answers."""

    request_id: str
    host_id: str = ""
    resource: str = ""
    """The path that was asked for."""
    is_head: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = b""
    """None: the bytes of an object follow."""


@dataclass(frozen=True, slots=True)
class _Writing:
    """How the answers of an operation are written."""

    status: int
    headers: Mapping[str, tuple[str, Write]]
    prefixes: Mapping[str, str]
    payload: str | None
    document: xmltext.Encode | None
    root: str
    attributes: str
    is_stream: bool


def compile(operation: str) -> None:
    """Compile what writing an operation's answers takes; without it the first one does."""
    if operation in model.load("s3").operations:
        _writing(operation)


def encode(operation: str, result: Mapping[str, Any]) -> Answer:
    """Return the answer; raise `Mismatch` when the result does not fit the model.

    The status is the operation's, and 206 when the result has a `ContentRange`.
    """
    writing = _writing(operation)
    headers: dict[str, str] = {}
    inside: dict[str, Any] = {}
    for name, value in result.items():
        if value is None:
            continue
        if name in writing.headers:
            wire, write = writing.headers[name]
            headers[wire] = _header(operation, name, write, value)
        elif name in writing.prefixes:
            for key, text in value.items():
                headers[writing.prefixes[name] + key] = _header(operation, name, _word, text)
        else:
            inside[name] = value
    if _UNSAFE.search("".join(headers.values())):
        wire, text = next(pair for pair in headers.items() if _UNSAFE.search(pair[1]))
        raise fragment.Mismatch(operation, wire, text)
    status = 206 if "Content-Range" in headers else writing.status
    if writing.is_stream:
        if inside:
            raise fragment.Mismatch(operation, next(iter(inside)), inside)
        return Answer(status, headers, None)
    body = _body(operation, writing, inside)
    if body and writing.document is not None:
        headers["Content-Type"] = XML
    return Answer(status, headers, body)


def encode_error(error: errors.AwsError, place: Place) -> Answer:
    """Return the answer that says what went wrong; to a HEAD its headers alone."""
    headers = dict(error.headers) if isinstance(error, errors.s3.S3Error) else {}
    if place.is_head or error.status == 304:
        return Answer(error.status, headers)
    elements = {"Code": error.code, "Message": error.message}
    if isinstance(error, errors.s3.S3Error):
        elements.update(error.elements)
    if place.resource:
        elements.setdefault("Resource", place.resource)
    elements["RequestId"] = place.request_id
    elements["HostId"] = place.host_id
    inside = "".join(f"<{name}>{xmltext.escape(text)}</{name}>" for name, text in elements.items())
    headers["Content-Type"] = XML
    return Answer(error.status, headers, f"{_HEAD}<Error>{inside}</Error>".encode())


def _header(operation: str, name: str, write: Write, value: Any) -> str:
    try:
        return write(value)
    except fragment.UNFIT as error:
        raise fragment.Mismatch(operation, name, value) from error


def _word(text: str) -> str:
    """Return a text for a header: as it is, or as encoded words when it is not ASCII."""
    if text.isascii():
        return text
    words: list[str] = []
    data = text.encode("utf-8", "surrogateescape")
    while data:
        size = min(_WORD_BYTES_MAX, len(data))
        while size < len(data) and data[size] & 0xC0 == 0x80:
            size -= 1
        words.append(f"=?UTF-8?B?{base64.b64encode(data[:size]).decode()}?=")
        data = data[size:]
    return " ".join(words)


def _body(operation: str, writing: _Writing, inside: Mapping[str, Any]) -> bytes:
    if writing.payload is None:
        if writing.document is None:
            if inside:
                raise fragment.Mismatch(operation, next(iter(inside)), inside)
            return b""
        return _document(writing, inside)
    if writing.payload not in inside:
        return b""
    value = inside[writing.payload]
    if writing.document is not None:
        return _document(writing, value)
    return value.encode() if isinstance(value, str) else value


def _document(writing: _Writing, value: Any) -> bytes:
    assert writing.document is not None
    inside = writing.document(value)
    return f"{_HEAD}<{writing.root}{writing.attributes}>{inside}</{writing.root}>".encode()


@functools.cache
def _encoders() -> xmltext.Encoders:
    return xmltext.encoders(model.load("s3"), xmlbody.STYLE)


@functools.cache
def _writing(name: str) -> _Writing:
    service = model.load("s3")
    operation = service.operations[name]
    shape = operation.output or model.Shape(type="structure")
    headers: dict[str, tuple[str, Write]] = {}
    prefixes: dict[str, str] = {}
    for key, member in shape.members.items():
        if member.location == "header":
            inner = _encoders().shape_at(member)
            headers[key] = (member.location_name or key, _writer(service, inner))
        elif member.location == "headers":
            prefixes[key] = member.location_name or ""
    document, root, is_stream = _payload(service, operation, shape)
    return _Writing(
        status=operation.http.response_code,
        headers=headers,
        prefixes=prefixes,
        payload=shape.payload,
        document=document,
        root=root,
        attributes=f' xmlns="{names.NAMESPACE}"',
        is_stream=is_stream,
    )


def _payload(
    service: model.ServiceModel, operation: model.Operation, shape: model.Shape
) -> tuple[xmltext.Encode | None, str, bool]:
    """Return what writes the body when it is XML, its root, and whether it is a stream."""
    root = names.ROOTS.get(operation.name, "")
    if operation.name == "GetBucketLocation":
        return _location, "LocationConstraint", False
    if shape.payload is None:
        if all(member.location for member in shape.members.values()):
            return None, "", False
        return _encoders().closure(shape.name), root or shape.name, False
    member = shape.members[shape.payload]
    payload = service.shape(member.shape)
    if member.streaming or payload.streaming or payload.eventstream:
        return None, "", True
    if payload.type != "structure":
        return None, "", False
    root = root or payload.location_name or member.location_name or payload.name
    return _encoders().at(member), root, False


def _location(value: Mapping[str, Any]) -> str:
    """Write the one answer that is an element without elements."""
    return xmltext.escape(value.get("LocationConstraint") or "")


def _writer(service: model.ServiceModel, shape: model.Shape) -> Write:
    match shape.type:
        case "boolean":
            return scalars.format_boolean
        case "integer" | "long":
            return scalars.format_integer
        case "timestamp" if shape.timestamp_format == "iso8601":
            return scalars.format_time_millis
        case "timestamp":
            return scalars.format_http_time
        case "list":
            assert shape.member is not None
            write = _writer(service, service.shape(shape.member.shape))
            return functools.partial(_joined, write)
        case _:
            return _word


def _joined(write: Write, values: Sequence[Any]) -> str:
    return ",".join(write(value) for value in values)

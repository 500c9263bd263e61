"""S3's requests to the model's members: from path, query, headers and body.

`decode` gives a dictionary without the bytes of objects: a streamed body (`BodyKind.STREAM`) is
read by the handler. Whatever the operation does not know is refused, save headers of HTTP and
parameters that S3's clients add to every request.
Called by S3's pipeline after `routes`. Not its business: what a valid value means.
"""

import enum
import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mallee.aws import errors, model
from mallee.aws.codec import constraints, scalars, xmlbody
from mallee.aws.codec.fault import Check, Fault
from mallee.aws.codec.s3 import names, routes
from mallee.aws.signature import canonical, claims, hoisted, wire


class BodyKind(enum.Enum):
    """What an operation's body is."""

    NONE = "it has none; one that is there is not read"
    DOCUMENT = "a text or XML, read whole before decoding"
    STREAM = "the bytes of an object, read by the handler"


Parse = Callable[[str], Any]

_OPEN_ENUMS = frozenset(
    {"BucketCannedACL", "BucketLocationConstraint", "Event", "FilterRuleName", "ObjectCannedACL"}
)
"""Enums that name what AWS has, or not all of it; what there is here is not the model's to say."""
_TOLERATED = frozenset({"x-id", "AWSAccessKeyId", "Signature", "Expires"}) | claims.AUTH_PARAMETERS
"""Parameters of requests that are not the operation's: of signatures, and what SDKs add."""
_FORGIVING = frozenset({"IfModifiedSince", "IfUnmodifiedSince"})
"""Dates that HTTP says to pass over when they are none."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SHOWN_MAX = 256
_SEALING = "x-amz-server-side-encryption"

_PARSERS: Mapping[model.Kind, Parse] = {
    "boolean": scalars.parse_boolean,
    "integer": scalars.parse_integer,
    "long": scalars.parse_long,
    "float": scalars.parse_float,
    "double": scalars.parse_float,
    "timestamp": scalars.parse_http_time,
    "blob": scalars.parse_blob,
}


@dataclass(frozen=True, slots=True)
class _Field:
    """A member that stands outside the body."""

    name: str
    wire: str
    parse: Parse
    check: Check | None
    is_required: bool


@dataclass(frozen=True, slots=True)
class _Reading:
    """How the requests of an operation are read."""

    query: dict[str, _Field]
    headers: dict[str, _Field]
    """By their names in lower case."""
    required: tuple[_Field, ...]
    """Those of both that must be there."""
    prefixes: tuple[tuple[str, str], ...]
    """Member and prefix of headers that are taken together: `Metadata`, `x-amz-meta-`."""
    kind: BodyKind
    payload: str | None
    is_required: bool
    """Whether the body must be there."""
    document: xmlbody.Decode | None
    root: str


def body_kind(operation: str) -> BodyKind:
    """Return what the operation's body is."""
    return _reading(operation).kind if operation in _operations() else BodyKind.NONE


def compile(operation: str) -> None:
    """Compile what reading an operation's requests takes; without it the first one does."""
    if operation in _operations():
        _reading(operation)


def decode(routed: routes.Routed, head: wire.Head, body: bytes | None = None) -> dict[str, Any]:
    """Return the request with the model's member names; raise `errors.s3.S3Error`.

    `Bucket` and `Key` are as the address has them; a streamed `Body` is not among the members.
    `body`: None while it has not been read; members in it are neither read nor missed then.
    """
    reading = _reading(routed.operation)
    values: dict[str, Any] = {}
    if routed.bucket:
        values["Bucket"] = routed.bucket
    if routed.key:
        values["Key"] = routed.key
    is_lenient = bool(routed.key) and head.method in ("GET", "HEAD")
    _read_query(reading, head.query, values, is_lenient=is_lenient)
    headers = hoisted.headers_of(head)
    _read_headers(reading, headers, values)
    if routed.key and _SEALING in headers:
        _check_sealing(reading, headers[_SEALING])
    if "ContentEncoding" in values:
        _unwrap_encoding(values)
    if reading.kind is BodyKind.DOCUMENT and body is not None:
        _read_body(reading, body, values)
    for field in reading.required:
        if field.name not in values:
            raise errors.s3.InvalidArgument(
                f"The request has no {field.wire}.", argument=field.wire
            )
    return values


def members_of_headers(operation: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the operation's members among headers; raise `errors.s3.S3Error`."""
    values: dict[str, Any] = {}
    _read_headers(_reading(operation), headers, values)
    return values


def members_of_body(operation: str, body: bytes) -> dict[str, Any]:
    """Return the operation's members in a document; raise `errors.s3.S3Error`."""
    values: dict[str, Any] = {}
    _read_body(_reading(operation), body, values)
    return values


def _read_query(reading: _Reading, query: str, values: dict[str, Any], *, is_lenient: bool) -> None:
    """Read the parameters. `is_lenient`: unknown ones are passed over, as links have them."""
    marks = routes.marks()
    for name, text in canonical.split_query(query):
        field = reading.query.get(name)
        if field is None:
            if not (
                is_lenient
                or name in marks
                or name in _TOLERATED
                or name.lower().startswith(("x-amz-", "x-mallee-"))
                or name.lower() in hoisted.OF_BODIES
            ):
                raise errors.s3.InvalidArgument(
                    "The operation has no such parameter.", argument=name[:_SHOWN_MAX]
                )
            continue
        if field.name in values:
            raise errors.s3.InvalidArgument("The parameter is given twice.", argument=name)
        if not scalars.is_unicode(text) or (name.startswith("response-") and _CONTROL.search(text)):
            raise _invalid(field, text)
        values[field.name] = _value(field, text)


def _read_headers(reading: _Reading, headers: Mapping[str, str], values: dict[str, Any]) -> None:
    for header, text in headers.items():
        field = reading.headers.get(header)
        if field is None:
            continue
        try:
            values[field.name] = _value(field, text.strip())
        except errors.s3.S3Error:
            if field.name.removeprefix("CopySource") not in _FORGIVING:
                raise
    for name, prefix in reading.prefixes:
        found = {
            header[len(prefix) :]: text.strip()
            for header, text in headers.items()
            if header.startswith(prefix)
        }
        if found:
            values[name] = found


def _check_sealing(reading: _Reading, said: str) -> None:
    """Raise for who asks for encryption where it means nothing, and would rely on it."""
    if _SEALING not in reading.headers:
        raise errors.s3.InvalidArgument(
            f"{_SEALING} header is not supported for this operation.",
            argument=_SEALING,
            value=said[:100],
        )


def _unwrap_encoding(values: dict[str, Any]) -> None:
    """Take out what names the wrapping of this one request and is not kept with the object."""
    parts = [part.strip() for part in values.pop("ContentEncoding").split(",")]
    kept = ",".join(part for part in parts if part.lower() != "aws-chunked")
    if kept:
        values["ContentEncoding"] = kept


def _value(field: _Field, text: str) -> Any:
    try:
        value = field.parse(text)
    except ValueError as error:
        raise _invalid(field, text) from error
    faults: list[Fault] = []
    if field.check is not None:
        field.check(value, field.wire, faults)
    if faults:
        raise _invalid(field, text)
    return value


def _invalid(field: _Field, text: str) -> errors.AwsError:
    if field.wire == "x-amz-storage-class":
        return errors.s3.InvalidStorageClass()
    if field.wire == "x-amz-server-side-encryption":
        return errors.s3.InvalidEncryptionAlgorithmError()
    shown = scalars.replace_surrogates(text[:_SHOWN_MAX])
    return errors.s3.InvalidArgument(
        f"The value of {field.wire} is not valid.", argument=field.wire, value=shown
    )


def _read_body(reading: _Reading, body: bytes, values: dict[str, Any]) -> None:
    if not body.strip():
        if reading.is_required:
            raise errors.s3.MissingRequestBodyError()
        return
    if reading.document is None:
        assert reading.payload is not None
        try:
            values[reading.payload] = body.decode()
        except UnicodeDecodeError as error:
            raise errors.s3.MalformedPolicy("The body is not UTF-8.") from error
        return
    faults: list[Fault] = []
    try:
        element = xmlbody.parse(body)
    except errors.MalformedXML as error:
        raise errors.s3.MalformedXML from error
    if reading.root and element.tag.rpartition("}")[2] != reading.root:
        raise errors.s3.MalformedXML()
    value = reading.document([element], "", faults)
    if faults:
        fault = faults[0]
        where = fault.path[:_SHOWN_MAX] or reading.root
        raise errors.s3.MalformedXML(
            f"{errors.s3.MalformedXML.sentence} ({where}: {fault.kind.value})"
        )
    if reading.payload is None:
        values.update(value)
    else:
        values[reading.payload] = value


@functools.cache
def _operations() -> frozenset[str]:
    return frozenset(model.load("s3").operations)


@functools.cache
def _decoders() -> xmlbody.Decoders:
    return xmlbody.decoders(model.load("s3"), exempt=_OPEN_ENUMS)


@functools.cache
def _reading(name: str) -> _Reading:
    service = model.load("s3")
    shape = service.operations[name].input or model.Shape(type="structure")
    members = shape.members.items()
    kind, decoder, root = _body(service, service.operations[name], shape)
    query = {
        member.location_name or key: _field(service, shape, key)
        for key, member in members
        if member.location == "querystring"
    }
    headers = tuple(
        _field(service, shape, key) for key, member in members if member.location == "header"
    )
    return _Reading(
        query=query,
        headers={one.wire: one for one in headers},
        required=tuple(one for one in (*query.values(), *headers) if one.is_required),
        prefixes=tuple(
            (key, (member.location_name or "").lower())
            for key, member in members
            if member.location == "headers"
        ),
        kind=kind,
        payload=shape.payload,
        is_required=name not in names.BODY_IS_OPTIONAL,
        document=decoder,
        root=root,
    )


def _body(
    service: model.ServiceModel, operation: model.Operation, shape: model.Shape
) -> tuple[BodyKind, xmlbody.Decode | None, str]:
    """Return what the body is, what decodes it when it is XML, and the root element."""
    if shape.payload is None:
        if all(member.location for member in shape.members.values()):
            return BodyKind.NONE, None, ""
        decoder = _decoders().closure(shape.name)
        return BodyKind.DOCUMENT, decoder, operation.input_location_name or ""
    member = shape.members[shape.payload]
    payload = service.shape(member.shape)
    if member.streaming or payload.type == "blob":
        return BodyKind.STREAM, None, ""
    if payload.type != "structure":
        return BodyKind.DOCUMENT, None, ""
    return BodyKind.DOCUMENT, _decoders().at(member), member.location_name or member.shape


def _field(service: model.ServiceModel, shape: model.Shape, name: str) -> _Field:
    member = shape.members[name]
    wire_name = member.location_name or name
    inner = service.shape(member.shape)
    is_header = member.location == "header"
    return _Field(
        name=name,
        wire=wire_name.lower() if is_header else wire_name,
        parse=_parser(service, inner),
        check=_check(inner),
        is_required=name in shape.required,
    )


def _check(shape: model.Shape) -> Check | None:
    if shape.name in _OPEN_ENUMS:
        return None
    return constraints.compile_check(shape)


def _parser(service: model.ServiceModel, shape: model.Shape) -> Parse:
    if shape.type == "list":
        assert shape.member is not None
        item = service.shape(shape.member.shape)
        return _listed(_parser(service, item), _check(item))
    return _PARSERS.get(shape.type, _text)


def _text(text: str) -> str:
    return text


def _listed(parse: Parse, check: Check | None) -> Parse:
    def parse_list(text: str) -> list[Any]:
        values = [parse(part.strip()) for part in text.split(",") if part.strip()]
        faults: list[Fault] = []
        for value in values:
            if check is not None:
                check(value, "", faults)
        if faults:
            raise ValueError(text)
        return values

    return parse_list

"""The rest-json protocol: an operation is a method and a path, its parameters are in path, query,
headers and a JSON body.

`route` finds the operation, `RestJsonCodec` reads its request and writes its answer. A member that
is the whole body (`payload`) is taken as the bytes that came; results have none here.
Called by the pipeline through `codec.for_service`. Not its business: JSON (`jsonbody`).
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from mallee.aws import errors, model
from mallee.aws.codec import constraints, jsonbody, scalars, violations
from mallee.aws.codec.fault import Check, Fault, Kind
from mallee.aws.codec.fragment import Mismatch
from mallee.aws.signature import canonical, claims, wire

NO_CONTENT = 204
SEGMENTS_MAX = 8
"""No path of a model has more."""

Parameters = Sequence[tuple[str, str]]
Parse = Callable[[str], Any]

_ALIKE: Mapping[str, tuple[str, ...]] = {
    "InvalidNextTokenException": ("ValidationException", "InvalidRequestException"),
    "ValidationException": ("InvalidRequestException",),
}
"""What services without an error of their own for it answer."""

_PARSERS: Mapping[model.Kind, Parse] = {
    "boolean": scalars.parse_boolean,
    "integer": scalars.parse_integer,
    "long": scalars.parse_long,
    "float": scalars.parse_float,
    "double": scalars.parse_float,
    "timestamp": scalars.parse_time,
    "blob": scalars.parse_blob,
}


@dataclass(frozen=True, slots=True)
class Routed:
    """Which operation a request asks for, and what its path names."""

    operation: str
    labels: Mapping[str, str]
    """By the names that the model gives to parts of the path."""


@dataclass(frozen=True, slots=True)
class _Field:
    """A member that stands outside the body."""

    name: str
    wire: str
    parse: Parse
    check: Check | None
    is_list: bool
    list_check: Check | None


@dataclass(frozen=True, slots=True)
class _Reading:
    """How the requests of an operation are read."""

    labels: tuple[_Field, ...]
    query: Mapping[str, _Field]
    headers: tuple[_Field, ...]
    payload: str | None
    required: tuple[str, ...]
    """Members that must be there, wherever they stand outside the body."""


def route(service: str, method: str, path: str) -> Routed | None:
    """Return what a request asks for; None when the service has nothing at that address."""
    parts = path.split("/")[1:]
    if len(parts) > SEGMENTS_MAX:
        return None
    for name, segments in _routes(service).get(method, ()):
        labels = _match(segments, parts)
        if labels is not None:
            return Routed(name, labels)
    return None


class RestJsonCodec:
    """A service's requests and answers."""

    __slots__ = ("_bodies", "_model", "_readings")

    content_type = "application/json"

    def __init__(self, service: model.ServiceModel) -> None:
        self._model = service
        self._bodies = jsonbody.JsonBodies(service)
        self._readings: dict[str, _Reading] = {}

    def decode(
        self, operation: str, given: Parameters, body: bytes = b"", head: wire.Head | None = None
    ) -> dict[str, Any]:
        """Return the request with the model's member names; raise `errors.AwsError`.

        Parameters are taken from the head, whatever else is `given`.
        """
        shape = self._model.operations[operation].input
        if shape is None or head is None:
            return {}
        reading = self._reading(operation, shape)
        values: dict[str, Any] = {}
        faults: list[Fault] = []
        routed = route(self._model.name, head.method, head.path)
        for field in reading.labels if routed else ():
            assert routed is not None
            values[field.name] = _value(field, routed.labels[field.wire], faults)
        self._read_query(reading, head.query, values, faults)
        for field in reading.headers:
            text = head.headers.get(field.wire.lower())
            if text is not None:
                values[field.name] = _value(field, text.strip(), faults)
        for name in reading.required:
            if name not in values:
                faults.append(Fault(Kind.MISSING, name))
        _check(faults)
        if reading.payload is not None:
            return {**values, reading.payload: body}
        if all(member.location for member in shape.members.values()):
            return values
        return {**values, **self._bodies.decode(shape.name, body)}

    def encode(self, operation: str, result: Mapping[str, Any], request_id: str) -> bytes:
        """Return the whole answer; raise `Mismatch` when the result does not fit the model."""
        return self.encode_result(operation, result).encode()

    def encode_result(self, operation: str, result: Mapping[str, Any]) -> str:
        """Return the answer's body."""
        shape = self._model.operations[operation].output
        if shape is None and result:
            raise Mismatch(operation, "", result)
        if self.status(operation) == NO_CONTENT:
            return ""
        return "{}" if shape is None else self._bodies.encode(shape.name, result).decode()

    def wrap(self, operation: str, encoded: str, request_id: str) -> bytes:
        """Return what `encode_result` gave: nothing stands around it."""
        return encoded.encode()

    def status(self, operation: str) -> int:
        """Return the status of the operation's answer when all went well."""
        return self._model.operations[operation].http.response_code

    def headers(self, operation: str, result: Mapping[str, Any]) -> dict[str, str]:
        """Return the members of a result that stand in headers of its answer."""
        shape = self._model.operations[operation].output
        members = shape.members.items() if shape else ()
        return {
            member.location_name or name: str(result[name])
            for name, member in members
            if member.location == "header" and result.get(name) is not None
        }

    def encode_error(self, error: errors.AwsError, request_id: str) -> bytes:
        """Return the body that says what went wrong."""
        code = self._code(error)
        shape = self._model.shape(code) if code in self._model.shape_names else None
        message = "Message" if shape is not None and "Message" in shape.members else "message"
        return msgspec.json.encode({"__type": code, message: error.message, **error.members})

    def error_headers(self, error: errors.AwsError) -> dict[str, str]:
        """Return the headers by which clients know the error."""
        return {"x-amzn-ErrorType": self._code(error)}

    def _code(self, error: errors.AwsError) -> str:
        """Return the error's code, or another of the same meaning that the service's model has."""
        names = self._model.shape_names
        said = jsonbody.CODES.get(error.code, error.code)
        alike = (said, *_ALIKE.get(said, ()))
        return next((code for code in alike if code in names), said)

    def _read_query(
        self, reading: _Reading, query: str, values: dict[str, Any], faults: list[Fault]
    ) -> None:
        for name, text in canonical.split_query(query):
            field = reading.query.get(name)
            if field is None:
                if name not in claims.AUTH_PARAMETERS:
                    faults.append(Fault(Kind.UNKNOWN, name[:100]))
            elif field.is_list:
                values.setdefault(field.name, []).append(_value(field, text, faults))
            elif field.name in values:
                faults.append(Fault(Kind.DUPLICATE, name))
            else:
                values[field.name] = _value(field, text, faults)
        for field in reading.query.values():
            if field.list_check is not None and field.name in values:
                field.list_check(values[field.name], field.wire, faults)

    def _reading(self, operation: str, shape: model.Shape) -> _Reading:
        found = self._readings.get(operation)
        if found is None:
            found = self._readings[operation] = _reading(self._model, shape)
        return found


@functools.cache
def _routes(service: str) -> dict[str, list[tuple[str, tuple[str, ...]]]]:
    """Return operation and path by method; paths without labels before those with."""
    found: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    operations = model.load(service).operations
    for name in sorted(operations, key=lambda name: operations[name].http.request_uri.count("{")):
        http = operations[name].http
        segments = tuple(http.request_uri.partition("?")[0].split("/")[1:])
        found.setdefault(http.method, []).append((name, segments))
    return found


def _match(segments: Sequence[str], parts: Sequence[str]) -> dict[str, str] | None:
    if len(segments) != len(parts):
        return None
    labels: dict[str, str] = {}
    for segment, part in zip(segments, parts, strict=True):
        if segment.startswith("{"):
            if not part:
                return None
            raw = part.encode("utf-8", "surrogateescape")
            labels[segment[1:-1]] = unquote_to_bytes(raw).decode("utf-8", "surrogateescape")
        elif segment != part:
            return None
    return labels


def _check(faults: list[Fault]) -> None:
    for fault in faults:
        if not violations.is_violation(fault):
            raise errors.SerializationException(f"{fault.path}: {fault.kind.value}")
    if faults:
        raise errors.ValidationException(violations.sentence(faults))


def _value(field: _Field, text: str, faults: list[Fault]) -> Any:
    try:
        value = field.parse(text)
    except (ValueError, OverflowError):
        faults.append(Fault(Kind.MALFORMED, field.wire))
        return None
    if field.check is not None:
        field.check(value, field.wire, faults)
    return value


def _reading(service: model.ServiceModel, shape: model.Shape) -> _Reading:
    fields = {
        name: _field(service, name, member)
        for name, member in shape.members.items()
        if member.location
    }

    def at(location: str) -> tuple[_Field, ...]:
        return tuple(
            field for name, field in fields.items() if shape.members[name].location == location
        )

    return _Reading(
        labels=at("uri"),
        query={field.wire: field for field in at("querystring")},
        headers=at("header"),
        payload=shape.payload,
        required=tuple(name for name in shape.required if name in fields),
    )


def _field(service: model.ServiceModel, name: str, member: model.Member) -> _Field:
    shape = service.shape(member.shape)
    is_list = shape.type == "list"
    list_check = constraints.compile_check(shape) if is_list else None
    if is_list:
        assert shape.member is not None
        shape = service.shape(shape.member.shape)
    return _Field(
        name=name,
        wire=member.location_name or name,
        parse=_PARSERS.get(shape.type, _parse_text),
        check=constraints.compile_check(shape),
        is_list=is_list,
        list_check=list_check,
    )


def _parse_text(text: str) -> str:
    if not scalars.is_unicode(text):
        raise ValueError(text)
    return text

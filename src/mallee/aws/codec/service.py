"""The codec of a service: what the pipeline calls to read a request and to write its answer.

The query services carry their parameters in query and form, the JSON services in the body, those
of rest-json in the whole request (`restjson`). Which protocol a service speaks is its model's say;
this file only picks the dialect.
Results are dictionaries with the model's member names. `None` means absent.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mallee.aws import errors, model
from mallee.aws.codec import ec2query, jsonbody, parameters, query, restjson, xmltext
from mallee.aws.codec.fault import Fault
from mallee.aws.codec.fragment import Fragment, Mismatch
from mallee.aws.signature import wire

Parameters = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What tells one query protocol from another."""

    naming: parameters.Naming
    style: xmltext.Style
    refusal: Callable[[Sequence[Fault]], errors.AwsError]
    wrap: Callable[[model.ServiceModel, model.Operation, str, str], str]
    render_error: Callable[[model.ServiceModel, errors.AwsError, str], str]


_DIALECTS: Mapping[model.Protocol, Dialect] = {
    "ec2": Dialect(
        naming=ec2query.NAMING,
        style=ec2query.STYLE,
        refusal=ec2query.refusal,
        wrap=ec2query.wrap,
        render_error=ec2query.render_error,
    ),
    "query": Dialect(
        naming=query.NAMING,
        style=query.STYLE,
        refusal=query.refusal,
        wrap=query.wrap,
        render_error=query.render_error,
    ),
}


class Codec(Protocol):
    """A service's requests and answers."""

    content_type: str

    def decode(
        self, operation: str, given: Parameters, body: bytes = b"", head: wire.Head | None = None
    ) -> dict[str, Any]:
        """Return the request with the model's member names; raise `errors.AwsError`.

        `head`: what came before the body, where the protocol reads parameters from it.
        """
        ...

    def encode(self, operation: str, result: Mapping[str, Any], request_id: str) -> bytes:
        """Return the whole answer; raise `Mismatch` when the result does not fit the model."""
        ...

    def encode_result(self, operation: str, result: Mapping[str, Any]) -> str:
        """Return the part of an answer that is the same for every request id."""
        ...

    def wrap(self, operation: str, encoded: str, request_id: str) -> bytes:
        """Return the whole answer around what `encode_result` gave."""
        ...

    def status(self, operation: str) -> int:
        """Return the status of the operation's answer when all went well."""
        ...

    def encode_error(self, error: errors.AwsError, request_id: str) -> bytes:
        """Return the answer that says what went wrong; its status is `error.status`."""
        ...

    def error_headers(self, error: errors.AwsError) -> dict[str, str]:
        """Return headers of that answer."""
        ...


class QueryCodec:
    """A query service's requests and answers. Closures are compiled as requests need them."""

    __slots__ = ("_decoders", "_dialect", "_encoders", "_model")

    content_type = "text/xml;charset=UTF-8"

    def __init__(self, service: model.ServiceModel, dialect: Dialect) -> None:
        self._model = service
        self._dialect = dialect
        self._decoders = parameters.decoders(service, dialect.naming)
        self._encoders = xmltext.encoders(service, dialect.style)

    def decode(
        self, operation: str, given: Parameters, body: bytes = b"", head: wire.Head | None = None
    ) -> dict[str, Any]:
        """Return the request with the model's member names; raise `errors.AwsError`.

        Names of the protocol itself (`Action`, `Version`, the signature's) are passed over.
        """
        faults: list[Fault] = []
        tree = parameters.grow(given, faults)
        shape = self._model.operations[operation].input
        values: dict[str, Any] = {}
        if shape is not None:
            values = self._decoders.closure(shape.name)(tree, "", faults)
        else:
            faults.extend(parameters.unknown(tree))
        if faults:
            raise self._dialect.refusal(faults)
        return values

    def encode(self, operation: str, result: Mapping[str, Any], request_id: str) -> bytes:
        """Return the whole answer; raise `Mismatch` when the result does not fit the model."""
        return self.wrap(operation, self.encode_result(operation, result), request_id)

    def encode_result(self, operation: str, result: Mapping[str, Any]) -> str:
        """Return the part of an answer between its envelope, the same for every request id."""
        shape = self._model.operations[operation].output
        if shape is None:
            if result:
                raise Mismatch(operation, "", result)
            return ""
        return self._encoders.closure(shape.name)(result)

    def wrap(self, operation: str, encoded: str, request_id: str) -> bytes:
        """Return the whole answer around what `encode_result` gave."""
        row = self._model.operations[operation]
        return self._dialect.wrap(self._model, row, encoded, request_id).encode()

    def encode_shape(self, shape_name: str, value: Any) -> Fragment:
        """Encode a structure, list or map, to be put into later results in its place."""
        return Fragment(self._encoders.closure(shape_name)(value))

    def encode_error(self, error: errors.AwsError, request_id: str) -> bytes:
        """Return the answer that says what went wrong; its status is `error.status`."""
        return self._dialect.render_error(self._model, error, request_id).encode()

    def status(self, operation: str) -> int:
        """Return the status of the operation's answer when all went well."""
        return 200

    def error_headers(self, error: errors.AwsError) -> dict[str, str]:
        """Return headers of an error's answer: all is in its body."""
        return {}


class JsonCodec:
    """A JSON service's requests and answers; a request's id is in a header of the answer alone."""

    __slots__ = ("_bodies", "_model", "content_type")

    def __init__(self, service: model.ServiceModel) -> None:
        self._model = service
        self._bodies = jsonbody.JsonBodies(service)
        self.content_type = self._bodies.content_type

    def decode(
        self, operation: str, given: Parameters, body: bytes = b"", head: wire.Head | None = None
    ) -> dict[str, Any]:
        """Return the request in the body; raise `errors.AwsError`."""
        shape = self._model.operations[operation].input
        return self._bodies.decode(shape.name, body) if shape is not None else {}

    def encode(self, operation: str, result: Mapping[str, Any], request_id: str) -> bytes:
        """Return the whole answer; raise `Mismatch` when the result does not fit the model."""
        return self.encode_result(operation, result).encode()

    def encode_result(self, operation: str, result: Mapping[str, Any]) -> str:
        """Return the answer."""
        shape = self._model.operations[operation].output
        if shape is None:
            if result:
                raise Mismatch(operation, "", result)
            return "{}"
        return self._bodies.encode(shape.name, result).decode()

    def wrap(self, operation: str, encoded: str, request_id: str) -> bytes:
        """Return what `encode_result` gave: nothing stands around it."""
        return encoded.encode()

    def encode_error(self, error: errors.AwsError, request_id: str) -> bytes:
        """Return the answer that says what went wrong."""
        return self._bodies.encode_error(error, request_id)

    def status(self, operation: str) -> int:
        """Return the status of the operation's answer when all went well."""
        return 200

    def error_headers(self, error: errors.AwsError) -> dict[str, str]:
        """Return headers of an error's answer: all is in its body."""
        return {}


@functools.cache
def for_service(name: str) -> Codec:
    """Return the codec of the service; raise `KeyError` for a service without a model."""
    service = model.load(name)
    match service.protocol:
        case "json":
            return JsonCodec(service)
        case "rest-json":
            return restjson.RestJsonCodec(service)
        case _:
            return for_query_service(name)


@functools.cache
def for_query_service(name: str) -> QueryCodec:
    """Return the codec of a service that speaks one of the query protocols; else `KeyError`."""
    service = model.load(name)
    return QueryCodec(service, _DIALECTS[service.protocol])

"""Requests of rest-json as botocore sends them, answers as it reads them, and what is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import botocore.awsrequest
import botocore.parsers
import botocore.serialize
import pytest

from mallee.aws import codec, errors, model
from mallee.aws.codec import restjson
from tests.aws.codec import oracle

SERVICES = sorted(name for name in model.services() if model.load(name).protocol == "rest-json")
EVERY = pytest.mark.parametrize(
    ("service", "operation"),
    [(service, name) for service in SERVICES for name in model.load(service).operations],
)
TURNS = oracle.FULL_TURNS + 4


@dataclass(frozen=True)
class Head:
    """The part of a request before its body."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


def sent(service: str, operation: str, request: Any) -> tuple[Head, bytes]:
    """Return what botocore sends."""
    described = oracle.botocore_model(service)
    made = botocore.serialize.create_serializer("rest-json").serialize_to_request(
        request, described.operation_model(operation)
    )
    headers = {name.lower(): str(value) for name, value in made["headers"].items()}
    body = made["body"] or b""
    data = body if isinstance(body, bytes) else body.encode()
    query = urlencode(made["query_string"], doseq=True)
    return Head(made["method"], made["url_path"], query, headers), data


@EVERY
def test_what_botocore_sends_is_what_we_decode(service: str, operation: str) -> None:
    shape = model.load(service).operations[operation].input
    assert shape is not None
    for turn in range(TURNS):
        request = oracle.Values(model.load(service), operation, turn).request(shape)
        head, body = sent(service, operation, request)
        routed = restjson.route(service, head.method, head.path)
        assert routed is not None
        assert routed.operation == operation
        assert codec.for_service(service).decode(operation, [], body, head) == request


@EVERY
def test_what_we_encode_is_what_botocore_reads(service: str, operation: str) -> None:
    speaks = codec.for_service(service)
    assert isinstance(speaks, restjson.RestJsonCodec)
    shape = model.load(service).operations[operation].output
    assert shape is not None
    if shape.payload is not None:
        pytest.skip("its body is no JSON")
    parser = botocore.parsers.create_parser("rest-json")
    described = oracle.botocore_model(service).operation_model(operation)
    for turn in range(TURNS):
        result = oracle.Values(model.load(service), operation, turn).result(shape)
        answer = {
            "body": speaks.encode(operation, result, "request-1"),
            "headers": botocore.awsrequest.HeadersDict(speaks.headers(operation, result)),
            "status_code": speaks.status(operation),
        }
        read: Any = parser.parse(answer, described.output_shape)
        read.pop("ResponseMetadata")
        assert read == result


@pytest.mark.parametrize("service", SERVICES)
def test_an_error_is_known_by_header_and_body(service: str) -> None:
    speaks = codec.for_service(service)
    error = errors.Throttling()
    parser = botocore.parsers.create_parser("rest-json")
    for headers in ({}, speaks.error_headers(error)):
        answer = {
            "body": speaks.encode_error(error, "r"),
            "headers": {name.lower(): value for name, value in headers.items()},
            "status_code": error.status,
        }
        read: Any = parser.parse(answer, None)
        assert read["Error"] == {"Code": "ThrottlingException", "Message": error.message}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", ""),
        ("PUT", "/policies"),
        ("GET", "/policies/"),
        ("GET", "/policies/a/b"),
        ("GET", "/policies/../policies"),
        ("GET", "/" * 100_000),
        ("GET", "policies"),
    ],
)
def test_what_is_nobodys_address_has_no_operation(method: str, path: str) -> None:
    assert restjson.route("dlm", method, path) is None


@pytest.mark.parametrize(
    ("head", "body", "code"),
    [
        (Head("GET", "/policies/policy-0", "colour=red"), b"", errors.SerializationException),
        (Head("GET", "/policies/%ff"), b"", errors.SerializationException),
        (Head("GET", "/policies/other"), b"", errors.ValidationException),
        (Head("GET", "/policies", "state=ODD"), b"", errors.ValidationException),
        (Head("GET", "/policies", "state=ERROR&state=ERROR"), b"", errors.SerializationException),
        (Head("POST", "/policies"), b"{", errors.SerializationException),
        (Head("POST", "/policies"), b'{"PolicyId": "policy-0"}', errors.SerializationException),
        (Head("DELETE", "/tags/arn:aws:dlm:r:1:policy%2Fp"), b"", errors.ValidationException),
    ],
)
def test_what_does_not_fit_the_model_is_refused(
    head: Head, body: bytes, code: type[errors.AwsError]
) -> None:
    routed = restjson.route("dlm", head.method, head.path)
    assert routed is not None
    with pytest.raises(code):
        codec.for_service("dlm").decode(routed.operation, [], body, head)


def test_a_label_is_taken_from_the_path_alone() -> None:
    head = Head("PATCH", "/policies/policy-a0")
    decoded = codec.for_service("dlm").decode("UpdateLifecyclePolicy", [], b"{}", head)
    assert decoded == {"PolicyId": "policy-a0"}
    with pytest.raises(errors.SerializationException):
        codec.for_service("dlm").decode(
            "UpdateLifecyclePolicy", [], b'{"PolicyId": "policy-b0"}', head
        )

"""Botocore is the judge of S3's codec, both ways, over every operation and so every shape."""

from datetime import datetime
from email.utils import format_datetime
from typing import Any

import botocore.awsrequest
import botocore.parsers
import pytest

from mallee.aws import model
from mallee.aws.codec import s3
from mallee.aws.codec.s3 import names
from tests.aws.codec import oracle
from tests.aws.codec.s3 import heads

TURNS = oracle.FULL_TURNS + 6
DATES = {"Expires", "ResponseExpires"}
"""Texts to us, dates to botocore."""
SERVICE = model.load("s3")
EVERY = pytest.mark.parametrize("operation", sorted(set(SERVICE.operations) - names.UNREACHABLE))


def _requests(operation: str) -> list[dict[str, Any]]:
    """Return values of every shape, with what no HTTP header or path could carry put right."""
    shape = SERVICE.operations[operation].input
    assert shape is not None
    made = [oracle.Values(SERVICE, operation, turn).request(shape) for turn in range(TURNS)]
    is_whole = operation in names.BODY_IS_OPTIONAL or shape.payload is None
    return [
        _sendable(shape, request)
        for request in made
        if is_whole or shape.payload in request or shape.members[shape.payload or ""].streaming
    ]


def _sendable(shape: model.Shape, request: dict[str, Any]) -> dict[str, Any]:
    for name, value in request.items():
        location = shape.members[name].location
        if location in ("header", "headers") or name.startswith("Response"):
            request[name] = _in_header(value)
    if "Bucket" in request:
        request["Bucket"] = "a-bucket"
    for name in request.keys() & DATES:
        request[name] = datetime(2026, 11, 21, 12)
    return request


def _in_header(value: Any) -> Any:
    if isinstance(value, str):
        kept = " ".join(value.encode("ascii", "ignore").decode().split())
        return kept.replace(",", "") or "x"
    if isinstance(value, dict):
        return {f"k{number}": _in_header(item) for number, item in enumerate(value.values())}
    if isinstance(value, list):
        return [_in_header(item) for item in value]
    return value


@EVERY
def test_what_botocore_sends_is_what_we_decode(operation: str) -> None:
    for request in _requests(operation):
        head, body = heads.sent_by_botocore(operation, request)
        routed = s3.route(head)
        assert routed.operation == operation
        decoded = s3.decode(routed, head, body)
        for name, member in SERVICE.operations[operation].input.members.items():
            if member.streaming:
                request.pop(name, None)
        for name in request.keys() & DATES:
            request[name] = format_datetime(request[name]).replace("-0000", "GMT")
        if not request.get("Metadata", True):
            del request["Metadata"]
        assert decoded == request


@EVERY
def test_what_we_encode_is_what_botocore_reads(operation: str) -> None:
    shape = SERVICE.operations[operation].output
    described = oracle.botocore_model("s3").operation_model(operation)
    if shape is None or described.has_event_stream_output:
        return
    for turn in range(TURNS):
        result = oracle.Values(SERVICE, operation, turn).result(shape)
        result = _sendable(shape, result)
        result = {
            name: value for name, value in result.items() if not shape.members[name].streaming
        }
        if "Expires" in result:
            result["Expires"] = format_datetime(result["Expires"]).replace("-0000", "GMT")
        answer = s3.encode(operation, result)
        headers = botocore.awsrequest.HeadersDict(answer.headers)
        parsed = {"body": answer.body or b"", "headers": headers, "status_code": answer.status}
        parser = botocore.parsers.create_parser("rest-xml")
        read = parser.parse(parsed, described.output_shape)
        read.pop("ResponseMetadata")
        if operation == "GetBucketLocation":
            # What botocore reads by a handler of its own.
            assert result["LocationConstraint"].encode() in answer.body
            continue
        read = {name: value for name, value in read.items() if name in result or value}
        if "Expires" in result:
            read["Expires"] = result["Expires"]
        for name, member in shape.members.items():
            if member.streaming:
                read.pop(name, None)
        assert read == result

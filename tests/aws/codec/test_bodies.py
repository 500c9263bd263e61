"""Bodies of the document protocols, held to botocore over services that speak each of them.

These services have no model in the product yet; the shapes come from botocore, stripped as
`tools/refresh_models.py` would, and without patterns, which other tests look at.
"""

import functools
from typing import Any

import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.serialize
import cbor2
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mallee.aws import codec, errors, model
from mallee.aws.codec import bodies
from tests.aws.codec import oracle
from tools import refresh_models

SERVICES = ("dynamodb", "kms", "sqs", "lambda", "cloudwatch", "route53", "s3")
TURNS = oracle.FULL_TURNS + 3
AMBIGUOUS = {"PutBucketNotification", "GetBucketNotification"}
"""Deprecated operations of S3 with two members, `Event` and `Events`, of one name on the wire."""


@functools.cache
def _described(service: str) -> botocore.model.ServiceModel:
    loader = botocore.loaders.Loader()
    return botocore.model.ServiceModel(loader.load_service_model(service, "service-2"), service)


@functools.cache
def _model(service: str) -> model.ServiceModel:
    loaded = botocore.loaders.Loader().load_service_model(service, "service-2")
    document = refresh_models.stripped(loaded)
    for shape in document["shapes"].values():
        shape.pop("pattern", None)
    document["metadata"].setdefault("xmlNamespace", "")
    return model.ServiceModel(service, msgspec.json.encode(document))


def _body_part(service: model.ServiceModel, shape: model.Shape, value: Any) -> tuple[str, Any]:
    """Return the name and value of what stands in the body; ("", None) when it is no document."""
    if shape.payload is None:
        in_body = {name: inner for name, inner in value.items() if not _outside(shape, name)}
        return shape.name, in_body
    member = shape.members[shape.payload]
    inner = service.shape(member.shape)
    if inner.is_scalar or inner.eventstream or shape.payload not in value:
        return "", None
    return member.shape, value[shape.payload]


def _outside(shape: model.Shape, name: str) -> bool:
    return shape.members[name].location is not None


def _operations() -> list[tuple[str, str]]:
    return [
        (service, name)
        for service in SERVICES
        for name in _model(service).operations
        if name not in AMBIGUOUS
    ]


EVERY = pytest.mark.parametrize(("service", "operation"), _operations())


@EVERY
def test_bodies_that_botocore_sends_are_what_we_decode(service: str, operation: str) -> None:
    ours = _model(service)
    shape = ours.operations[operation].input
    serializer = botocore.serialize.create_serializer(ours.protocol)
    for turn in range(TURNS if shape else 0):
        assert shape
        request = oracle.Values(ours, operation, turn).request(shape)
        name, part = _body_part(ours, shape, request)
        if name and part:
            sent = serializer.serialize_to_request(
                request, _described(service).operation_model(operation)
            )
            assert bodies.for_model(ours).decode(name, bytes(sent["body"])) == part


@EVERY
def test_bodies_that_we_encode_are_what_botocore_reads(service: str, operation: str) -> None:
    ours = _model(service)
    shape = ours.operations[operation].output
    described = _described(service).operation_model(operation)
    if shape is None or described.has_event_stream_output:
        return
    parser = botocore.parsers.create_parser(ours.protocol)
    for turn in range(TURNS):
        result = oracle.Values(ours, operation, turn).result(shape)
        name, part = _body_part(ours, shape, result)
        if name and part:
            body = bodies.for_model(ours).encode(name, part)
            answer = {"body": body, "headers": {}, "status_code": 200}
            read = parser.parse(answer, described.output_shape)
            assert read.items() >= (part if name == shape.name else {shape.payload: part}).items()


@pytest.mark.parametrize("service", SERVICES)
def test_botocore_reads_the_error_of_every_protocol(service: str) -> None:
    ours = _model(service)
    body = bodies.for_model(ours).encode_error(errors.InvalidRequest("a <b> & 'c'"), "request-1")
    answer = {"body": body, "headers": {}, "status_code": 400}
    read = botocore.parsers.create_parser(ours.protocol).parse(answer, None)
    assert read["Error"]["Code"] == "InvalidRequest"
    assert read["Error"]["Message"] == "a <b> & 'c'"


def _refused(service: str, shape: str, body: bytes) -> errors.AwsError:
    return oracle.refusal(lambda: bodies.for_model(_model(service)).decode(shape, body))


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"x"',
        b'{"TableName": 5}',
        b'{"TableName": "t", "Colour": "red"}',
        b'{"TableName": "half \\ud800"}',
        b'{"TableName": "t", "Key": {"k": []}}',
        b'{"TableName": "t", "Key": {"k": {"BOOL": "true"}}}',
        b'{"TableName": "t", "AttributesToGet": "a"}',
        b'{"TableName": "t", "Key": {"k": {"B": "?"}}}',
        b'{"TableName": "t", "Key": {"k": ' + b'{"L": [' * 5000 + b"]}" * 5000 + b"}}",
        b'{"TableName": "t", "Key": {"k": ' + b'{"L": [' * 200 + b"]}" * 200 + b"}}",
        b"[" * 1_000_000,
        b"\xff\xfe",
    ],
)
def test_json_that_does_not_fit_is_refused(body: bytes) -> None:
    error = _refused("dynamodb", "GetItemInput", body)
    assert error.code in ("SerializationException", "ValidationException")


def test_json_violations_are_told_in_amazons_words() -> None:
    error = _refused("dynamodb", "GetItemInput", b'{"TableName": ""}')
    assert error.code == "ValidationException"
    assert error.message == (
        "2 validation errors detected: Value '' at 'tableName' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1; "
        "Value null at 'key' failed to satisfy constraint: Member must not be null"
    )


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b"\x80",
        b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x81" * 100_000,
        cbor2.dumps({"Namespace": 5}),
        cbor2.dumps({"Namespace": "n", "StartTime": "2026-11-21"}),
        b"\xa1\x69StartTime\xc1\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xd8\x1c\xa1\x61a\xd8\x1d\x00",
    ],
)
def test_cbor_that_does_not_fit_is_refused(body: bytes) -> None:
    error = _refused("cloudwatch", "GetMetricStatisticsInput", body)
    assert error.code in ("SerializationException", "ValidationException")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<a>",
        b"<a/><b/>",
        b"<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
        b"<Tagging><TagSet><Tug/></TagSet></Tagging>",
        b"<Tagging><TagSet/><TagSet/></Tagging>",
        b"<Tagging><TagSet><Tag><Key><b/></Key><Value/></Tag></TagSet></Tagging>",
        b'<!DOCTYPE t [<!ENTITY a "b">]><Tagging><TagSet/></Tagging>',
        b'<!DOCTYPE t SYSTEM "file:///etc/passwd"><Tagging><TagSet/></Tagging>',
        b'<?xml version="1.0" encoding="no-such"?><Tagging/>',
        b"<a>" * 100_000,
    ],
)
def test_xml_that_does_not_fit_is_refused(body: bytes) -> None:
    assert _refused("s3", "Tagging", body).code == "MalformedXML"


@settings(derandomize=True, deadline=None, max_examples=300)
@given(
    st.sampled_from(
        [
            ("dynamodb", "BatchWriteItemInput"),
            ("cloudwatch", "PutMetricDataInput"),
            ("s3", "CreateBucketConfiguration"),
        ]
    ),
    st.binary(max_size=100),
)
def test_garbage_bodies_are_refused_in_words(target: tuple[str, str], body: bytes) -> None:
    service, shape = target
    try:
        bodies.for_model(_model(service)).decode(shape, body)
    except errors.AwsError:
        return


@pytest.mark.parametrize("service", ["dynamodb", "cloudwatch", "s3"])
def test_a_value_that_does_not_fit_the_model_is_not_sent(service: str) -> None:
    shapes = {
        "dynamodb": ("GetItemOutput", {"Item": {"a": {"BOOL": "yes"}}}),
        "cloudwatch": ("GetMetricStatisticsOutput", {"Datapoints": {"Sum": 1}}),
        "s3": ("ListBucketsOutput", {"Buckets": [{"Name": 5}]}),
    }
    name, value = shapes[service]
    with pytest.raises(codec.Mismatch):
        bodies.for_model(_model(service)).encode(name, value)

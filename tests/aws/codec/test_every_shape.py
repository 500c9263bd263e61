"""Botocore is the judge, both ways, over every operation and so every shape of every service."""

import pytest

from mallee.aws import codec, model
from mallee.aws.codec import ec2query, query
from tests.aws.codec import oracle

TURNS = oracle.FULL_TURNS + 6
EVERY = pytest.mark.parametrize(
    ("service", "operation"), oracle.operations(), ids=lambda value: value
)


def _examples(service: model.ServiceModel, operation: str) -> list[oracle.Values]:
    return [oracle.Values(service, operation, turn) for turn in range(TURNS)]


@EVERY
def test_what_botocore_sends_is_what_we_decode(service: str, operation: str) -> None:
    shape = model.load(service).operations[operation].input
    for values in _examples(model.load(service), operation):
        request = values.request(shape) if shape else {}
        sent = oracle.botocore_parameters(service, operation, request)
        assert codec.for_service(service).decode(operation, sent) == request


@EVERY
def test_what_we_encode_is_what_botocore_reads(service: str, operation: str) -> None:
    shape = model.load(service).operations[operation].output
    for values in _examples(model.load(service), operation):
        result = values.result(shape) if shape else {}
        body = codec.for_service(service).encode(operation, result, "request-1")
        read = oracle.botocore_result(service, operation, body)
        assert read.pop("ResponseMetadata")["RequestId"] == "request-1"
        assert read == result


def _reachable(service: model.ServiceModel, roots: list[model.Shape | None]) -> set[str]:
    seen: set[str] = set()
    todo = [part for root in roots if root for part in root.members.values()]
    while todo:
        shape = service.shape(todo.pop().shape)
        if shape.name not in seen:
            seen.add(shape.name)
            inner = [shape.member, shape.key, shape.value, *shape.members.values()]
            todo.extend(part for part in inner if part)
    return seen


@pytest.mark.parametrize("name", oracle.SERVICES)
def test_the_examples_touch_every_shape(name: str) -> None:
    service = model.load(name)
    touched: set[str] = set()
    for operation in service.operations.values():
        for values in _examples(service, operation.name):
            if operation.input:
                values.request(operation.input)
            if operation.output:
                values.result(operation.output)
            touched |= values.touched
    roots = [part for row in service.operations.values() for part in (row.input, row.output)]
    empty = {shape for shape in _reachable(service, roots) if _is_empty(service, shape)}
    assert _reachable(service, roots) - touched <= empty


def _is_empty(service: model.ServiceModel, name: str) -> bool:
    """Tell whether a shape has no values to tell apart: no members, however deep."""
    shape = service.shape(name)
    if shape.type == "list" and shape.member:
        return _is_empty(service, shape.member.shape)
    return shape.type == "structure" and not shape.members


@pytest.mark.parametrize("name", oracle.SERVICES)
def test_no_two_members_share_a_name_on_the_wire(name: str) -> None:
    service = model.load(name)
    naming = {"ec2": ec2query.NAMING, "query": query.NAMING}[service.protocol]
    for shape in map(service.shape, service.shape_names):
        wire = [
            naming.member(member_name, member, service.shape(member.shape))
            for member_name, member in shape.members.items()
        ]
        assert len(wire) == len(set(wire)), shape.name

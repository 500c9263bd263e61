"""A well-formed request for any action, made from the service model: for tests over all rows."""

from typing import Any

from mallee.aws import model
from mallee.aws.codec.constraints import compile_pattern

_TEXTS = (
    "some-name",
    "arn:aws:iam::123456789012:policy/some-name",
    '{"Version":"2012-10-17","Statement":[]}',
    "/",
    "AKIAAAAAAAAAAAAAAAAA",
    "i-0123456789abcdef0",
    "1",
    "v1",
    "123456",
    "0123456789abcdef0123456789abcdef01234567",
    "00000000-0000-0000-0000-000000000000",
    "someone@example.org",
    "t1.some",
    "0123456789A",
    "arn:aws:rbin:us-east-1:123456789012:rule/0123456789A",
    "policy-0123456789abcdef0",
    "arn:aws:dlm:us-east-1:123456789012:policy/policy-0123456789abcdef0",
    "arn:aws:iam::123456789012:role/some-name",
    "x" * 1000,
    "x" * 1000,
)


def request(service: str, name: str) -> dict[str, Any]:
    """Return values for the required members of an action's request."""
    known = model.load(service)
    shape = known.operations[name].input
    return {} if shape is None else _structure(known, shape)


def _structure(known: model.ServiceModel, shape: model.Shape) -> dict[str, Any]:
    return {name: _value(known, shape.members[name].shape) for name in shape.required}


def _item(known: model.ServiceModel, shape: model.Shape) -> dict[str, Any]:
    """Return a structure inside a list: one that says nothing would not be sent at all."""
    names = shape.required or tuple(shape.members)[:1]
    return {name: _value(known, shape.members[name].shape) for name in names}


def _value(known: model.ServiceModel, name: str) -> Any:
    shape = known.shape(name)
    match shape.type:
        case "structure":
            return _item(known, shape)
        case "list":
            assert shape.member is not None
            return [_value(known, shape.member.shape)]
        case "string":
            return shape.enum[0] if shape.enum else _text(shape)
        case "integer" | "long":
            return int(shape.min or 1)
        case "boolean":
            return False
        case "timestamp":
            return "2030-01-01T00:00:00Z"
        case "blob":
            return b"some"
        case "map":
            return {"some-key": "some-value"}
    raise NotImplementedError(shape.type)


def _text(shape: model.Shape) -> str:
    for text in _TEXTS:
        fits = shape.pattern is None or compile_pattern(shape.pattern).fullmatch(text)
        if fits and (shape.min or 0) <= len(text) <= (shape.max or len(text)):
            return text
    raise NotImplementedError(shape.name)

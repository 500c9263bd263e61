"""Values to trees of dictionaries and lists, and back: what the JSON and CBOR protocols share.

Structures, lists and maps are the same in both; they differ in their leaves, which `Leaves` says:
CBOR has times and bytes of its own, JSON writes both as text or numbers.
Not its business: bytes (`jsonbody`, `cborbody`), headers and paths of the REST protocols.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from mallee.aws import errors, model
from mallee.aws.codec import constraints, fragment, scalars, violations, walk
from mallee.aws.codec.fault import Check, Fault, Kind

DEPTH_MAX = 64

Tree = Any
Decode = Callable[[Tree, str, list[Fault]], Any]
Encode = Callable[[Any], Tree]
Decoders = walk.Walker[Decode]
Encoders = walk.Walker[Encode]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaves:
    """How times and bytes stand in a tree; parsing raises `ValueError` or `TypeError`."""

    parse_time: Callable[[model.Shape], Callable[[Tree], Any]]
    format_time: Callable[[model.Shape], Callable[[scalars.Moment], Tree]]
    parse_blob: Callable[[Tree], bytes]
    format_blob: Callable[[bytes], Tree]
    format_float: Callable[[float], Tree]


def wire_name(name: str, member: model.Member) -> str:
    """Return a member's key."""
    return member.location_name or name


# --- Decoding ---


def read(decode: Decode, tree: Tree) -> Any:
    """Return the value of the whole tree; raise the `errors.AwsError` that tells of its faults."""
    faults: list[Fault] = []
    value = decode(tree, "", faults)
    for fault in faults:
        if not violations.is_violation(fault):
            expected = f" ({fault.expected})" if fault.expected else ""
            place = fault.path or "the body"
            raise errors.SerializationException(f"{place}: {fault.kind.value}{expected}")
    if faults:
        raise errors.ValidationException(violations.sentence(faults))
    return value


def decoders(service: model.ServiceModel, leaves: Leaves) -> Decoders:
    """Return the decoders of a service."""

    def scalar(parse: Callable[[Tree], Any]) -> walk.Maker[Decode]:
        return lambda _, shape: _scalar(shape, parse, constraints.compile_check(shape))

    def of_time(_: Decoders, shape: model.Shape) -> Decode:
        return _scalar(shape, leaves.parse_time(shape), None)

    return walk.Walker(
        service,
        {
            "structure": _structure,
            "list": _list,
            "map": _map,
            "string": scalar(_parse_text),
            "character": scalar(_parse_text),
            "boolean": scalar(_parse_boolean),
            "integer": scalar(_parse_integer(31)),
            "long": scalar(_parse_integer(63)),
            "float": scalar(_parse_float),
            "double": scalar(_parse_float),
            "timestamp": of_time,
            "blob": scalar(leaves.parse_blob),
        },
    )


def _structure(walker: Decoders, shape: model.Shape) -> Decode:
    if shape.document:
        return lambda tree, _, __: tree
    in_body = {name: member for name, member in shape.members.items() if not member.location}
    wire_names = {wire_name(name, member): name for name, member in in_body.items()}
    required = [(name, wire) for wire, name in wire_names.items() if name in shape.required]

    def make(wire: str) -> tuple[str, Decode]:
        name = wire_names[wire]
        return name, walker.at(shape.members[name])

    members = walk.Lazy(make)

    def decode(tree: Tree, path: str, faults: list[Fault]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        given = _mapping(tree, path, faults)
        prefix = f"{path}." if path else ""
        for wire, inner in given.items():
            if inner is None or wire == "__type":
                continue
            if wire not in wire_names:
                faults.append(Fault(Kind.UNKNOWN, f"{prefix}{wire}"))
                continue
            name, decode_member = members[wire]
            values[name] = decode_member(inner, prefix + wire, faults)
        for name, wire in required:
            if name not in values:
                faults.append(Fault(Kind.MISSING, prefix + wire))
        if shape.union and len(values) != 1:
            faults.append(Fault(Kind.CONFLICT, path, None, "exactly one member"))
        return values

    return decode


def _list(walker: Decoders, shape: model.Shape) -> Decode:
    assert shape.member is not None, shape.name
    decode_item = walker.at(shape.member)
    check = constraints.compile_check(shape)

    def decode(tree: Tree, path: str, faults: list[Fault]) -> list[Any]:
        if not isinstance(tree, list):
            faults.append(Fault(Kind.NOT_A_LIST, path))
            return []
        items = cast("list[Tree]", tree)
        values = [
            decode_item(item, f"{path}.{number}.member", faults)
            for number, item in enumerate(items, 1)
        ]
        if check is not None:
            check(values, path, faults)
        return values

    return decode


def _map(walker: Decoders, shape: model.Shape) -> Decode:
    assert shape.key is not None, shape.name
    assert shape.value is not None, shape.name
    decode_key = walker.at(shape.key)
    decode_value = walker.at(shape.value)
    check = constraints.compile_check(shape)

    def decode(tree: Tree, path: str, faults: list[Fault]) -> dict[Any, Any]:
        values = {
            decode_key(key, path, faults): decode_value(inner, f"{path}.{key}.member", faults)
            for key, inner in _mapping(tree, path, faults).items()
            if inner is not None
        }
        if check is not None:
            check(values, path, faults)
        return values

    return decode


def _mapping(tree: Tree, path: str, faults: list[Fault]) -> dict[Any, Tree]:
    if not isinstance(tree, dict):
        faults.append(Fault(Kind.NOT_A_STRUCTURE, path))
        return {}
    if path.count(".") > DEPTH_MAX:
        faults.append(Fault(Kind.TOO_MANY, path[:100], None, str(DEPTH_MAX)))
        return {}
    return cast("dict[Any, Tree]", tree)


def _scalar(shape: model.Shape, parse: Callable[[Tree], Any], check: Check | None) -> Decode:
    def decode(tree: Tree, path: str, faults: list[Fault]) -> Any:
        try:
            value = parse(tree)
        except (ValueError, TypeError, OverflowError):
            faults.append(Fault(Kind.MALFORMED, path, None, shape.type))
            return None
        if check is not None:
            check(value, path, faults)
        return value

    return decode


def _parse_text(tree: Tree) -> str:
    if isinstance(tree, str) and scalars.is_unicode(tree):
        return tree
    raise ValueError(tree)


def _parse_boolean(tree: Tree) -> bool:
    if isinstance(tree, bool):
        return tree
    raise ValueError(tree)


def _parse_integer(bits: int) -> Callable[[Tree], int]:
    def parse(tree: Tree) -> int:
        if isinstance(tree, float) and tree.is_integer():
            tree = int(tree)
        if not isinstance(tree, int) or isinstance(tree, bool):
            raise ValueError(tree)
        if not -(1 << bits) <= tree < 1 << bits:
            raise ValueError(tree)
        return tree

    return parse


def _parse_float(tree: Tree) -> float:
    if isinstance(tree, float | int) and not isinstance(tree, bool):
        return float(tree)
    if tree in ("NaN", "Infinity", "-Infinity"):
        return float(tree)
    raise ValueError(tree)


# --- Encoding ---


def encoders(service: model.ServiceModel, leaves: Leaves) -> Encoders:
    """Return the encoders of a service."""

    def scalar(write: Encode) -> walk.Maker[Encode]:
        return lambda _, __: write

    def of_time(_: Encoders, shape: model.Shape) -> Encode:
        return leaves.format_time(shape)

    return walk.Walker(
        service,
        {
            "structure": _structure_encoder,
            "list": _list_encoder,
            "map": _map_encoder,
            "string": scalar(_format_text),
            "character": scalar(_format_text),
            "boolean": scalar(_format_boolean),
            "integer": scalar(_format_integer),
            "long": scalar(_format_integer),
            "float": scalar(leaves.format_float),
            "double": scalar(leaves.format_float),
            "timestamp": of_time,
            "blob": scalar(leaves.format_blob),
        },
    )


def _structure_encoder(walker: Encoders, shape: model.Shape) -> Encode:
    if shape.document:
        return lambda value: value
    wire_names = {
        name: wire_name(name, member)
        for name, member in shape.members.items()
        if not member.location
    }
    members = walk.Lazy[Encode](lambda name: walker.at(shape.members[name]))

    def encode(value: Any) -> Tree:
        try:
            return {
                wire_names[name]: members[name](inner)
                for name, inner in value.items()
                if inner is not None and (name in wire_names or not shape.members[name].location)
            }
        except fragment.UNFIT as error:
            raise fragment.blame(shape.name, members, value) from error

    return encode


def _list_encoder(walker: Encoders, shape: model.Shape) -> Encode:
    assert shape.member is not None, shape.name
    encode_item = walker.at(shape.member)

    def encode(value: Any) -> Tree:
        if isinstance(value, str | bytes | Mapping):
            raise TypeError("a list is wanted")
        return [encode_item(item) for item in value]

    return encode


def _map_encoder(walker: Encoders, shape: model.Shape) -> Encode:
    assert shape.key is not None, shape.name
    assert shape.value is not None, shape.name
    encode_key = walker.at(shape.key)
    encode_value = walker.at(shape.value)
    return lambda value: {encode_key(key): encode_value(item) for key, item in value.items()}


def _format_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return scalars.replace_surrogates(value)


def _format_boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _format_integer(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(value)
    return value

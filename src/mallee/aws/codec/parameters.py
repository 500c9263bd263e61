"""Query parameters (`Filter.1.Value.2=x`) to values: the decoder of the ec2 and query protocols.

First the names are split at their dots into a tree, under limits on count and depth; then the
closures of the input's shape walk the tree, not the model. The two protocols differ in how they
name things, which `Naming` says. Faults are collected, and worded elsewhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from mallee.aws import model
from mallee.aws.codec import constraints, scalars, walk
from mallee.aws.codec.fault import Check, Fault, Kind

PARAMETERS_MAX = 10_000
DEPTH_MAX = 32
"""Levels of a name. Models have at most about ten; some are recursive without end."""
NAME_LENGTH_MAX = 1000
INDEX_DIGITS_MAX = 9

Tree = dict[str, "Node"]
Node = str | Tree
Decode = Callable[[Node, str, list[Fault]], Any]
Decoders = walk.Walker[Decode]

_PROTOCOL_NAMES = frozenset(
    {
        "Action",
        "Version",
        "AWSAccessKeyId",
        "Signature",
        "SignatureMethod",
        "SignatureVersion",
        "Timestamp",
        "Expires",
        "SecurityToken",
    }
)


@dataclass(frozen=True, slots=True)
class Naming:
    """How a protocol names the parts of a request."""

    member: Callable[[str, model.Member, model.Shape], str]
    """The segment of a member, of its name, place and shape."""
    item: Callable[[model.Shape], str | None]
    """The segment between a list and its indices, if there is one."""
    exempt: frozenset[str] = frozenset()
    """Shapes whose enum the handlers check, as it is data and not grammar."""


def grow(parameters: Sequence[tuple[str, str]], faults: list[Fault]) -> Tree:
    """Return the parameters as a tree, without those that are the protocol's own."""
    root: Tree = {}
    if len(parameters) > PARAMETERS_MAX:
        faults.append(Fault(Kind.TOO_MANY, "", len(parameters), f"{PARAMETERS_MAX} parameters"))
        return root
    for name, text in parameters:
        if name in _PROTOCOL_NAMES or name[:6].lower() == "x-amz-":
            continue
        *branches, leaf = name.split(".", DEPTH_MAX)
        if "." in leaf or len(name) > NAME_LENGTH_MAX:
            faults.append(Fault(Kind.TOO_MANY, name[:100], "", f"{DEPTH_MAX} parts"))
            continue
        tree: Node = root
        for branch in branches:
            tree = tree.setdefault(branch, {})
            if isinstance(tree, str):
                break
        if isinstance(tree, str):
            faults.append(Fault(Kind.CONFLICT, name, text))
        elif leaf in tree:
            kind = Kind.DUPLICATE if isinstance(tree[leaf], str) else Kind.CONFLICT
            faults.append(Fault(kind, name, text))
        else:
            tree[leaf] = text
    return root


def unknown(tree: Tree) -> list[Fault]:
    """Return the faults of parameters given to an operation that takes none."""
    return [Fault(Kind.UNKNOWN, _first_leaf(name, node)) for name, node in tree.items()]


def decoders(service: model.ServiceModel, naming: Naming) -> Decoders:
    """Return the decoders of a service."""

    def structure(walker: Decoders, shape: model.Shape) -> Decode:
        return _structure(walker, shape, naming)

    def of_list(walker: Decoders, shape: model.Shape) -> Decode:
        return _list(walker, shape, naming.item(shape))

    def text(_: Decoders, shape: model.Shape) -> Decode:
        if shape.name in naming.exempt:
            return _scalar(shape, _clean, None)
        return _scalar(shape, _clean, constraints.compile_check(shape))

    def scalar(parse: Callable[[str], Any]) -> walk.Maker[Decode]:
        return lambda _, shape: _scalar(shape, parse, constraints.compile_check(shape))

    return walk.Walker(
        service,
        {
            "structure": structure,
            "list": of_list,
            "map": _map,
            "string": text,
            "character": text,
            "boolean": scalar(scalars.parse_boolean),
            "integer": scalar(scalars.parse_integer),
            "long": scalar(scalars.parse_long),
            "float": scalar(scalars.parse_float),
            "double": scalar(scalars.parse_float),
            "timestamp": scalar(scalars.parse_time),
            "blob": scalar(scalars.parse_blob),
        },
    )


def _structure(walker: Decoders, shape: model.Shape, naming: Naming) -> Decode:
    wire_names = {
        naming.member(name, member, walker.shape_at(member)): name
        for name, member in shape.members.items()
    }
    required = [(name, wire) for wire, name in wire_names.items() if name in shape.required]

    def make(wire: str) -> tuple[str, Decode]:
        name = wire_names[wire]
        return name, walker.at(shape.members[name])

    members = walk.Lazy(make)

    def decode(node: Node, path: str, faults: list[Fault]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if isinstance(node, str):
            faults.append(Fault(Kind.NOT_A_STRUCTURE, path, node))
            return values
        prefix = f"{path}." if path else ""
        for wire, inner in node.items():
            if wire not in wire_names:
                faults.append(Fault(Kind.UNKNOWN, _first_leaf(prefix + wire, inner)))
                continue
            name, decode_member = members[wire]
            values[name] = decode_member(inner, prefix + wire, faults)
        for name, wire in required:
            if name not in values:
                faults.append(Fault(Kind.MISSING, prefix + wire))
        return values

    return decode


def _first_leaf(path: str, node: Node) -> str:
    while not isinstance(node, str):
        segment, node = next(iter(node.items()))
        path = f"{path}.{segment}"
    return path


def _list(walker: Decoders, shape: model.Shape, infix: str | None) -> Decode:
    assert shape.member is not None, shape.name
    decode_item = walker.at(shape.member)
    is_of_values = walker.shape_at(shape.member).type not in ("structure", "list", "map")
    check = constraints.compile_check(shape)

    def decode(node: Node, path: str, faults: list[Fault]) -> list[Any]:
        values: list[Any] = []
        if node == "":
            return _checked(values, path, check, faults)
        if infix is not None and not isinstance(node, str):
            node, path = _descend(node, path, infix, faults), f"{path}.{infix}"
        if isinstance(node, str):
            if infix is None and is_of_values:
                # EC2 takes `KeyName=a` for `KeyName.1=a`, and libcloud says it so.
                return _checked([decode_item(node, path, faults)], path, check, faults)
            faults.append(Fault(Kind.NOT_A_LIST, path, node))
            return values
        for index in _indices(node, path, faults):
            values.append(decode_item(node[index], f"{path}.{index}", faults))
        return _checked(values, path, check, faults)

    return decode


def _map(walker: Decoders, shape: model.Shape) -> Decode:
    assert shape.key is not None, shape.name
    assert shape.value is not None, shape.name
    infix = None if shape.flattened else "entry"
    key_name = shape.key.location_name or "key"
    value_name = shape.value.location_name or "value"
    decode_key = walker.at(shape.key)
    decode_value = walker.at(shape.value)
    check = constraints.compile_check(shape)

    def decode(node: Node, path: str, faults: list[Fault]) -> dict[Any, Any]:
        values: dict[Any, Any] = {}
        if node == "":
            return _checked(values, path, check, faults)
        if infix is not None and not isinstance(node, str):
            node, path = _descend(node, path, infix, faults), f"{path}.{infix}"
        if isinstance(node, str):
            faults.append(Fault(Kind.NOT_A_STRUCTURE, path, node))
            return values
        for index in _indices(node, path, faults):
            entry, place = node[index], f"{path}.{index}"
            if not _is_entry(entry, place, (key_name, value_name), faults):
                continue
            key = decode_key(entry[key_name], f"{place}.{key_name}", faults)
            if key in values:
                faults.append(Fault(Kind.DUPLICATE, f"{place}.{key_name}", key))
            values[key] = decode_value(entry[value_name], f"{place}.{value_name}", faults)
        return _checked(values, path, check, faults)

    return decode


def _is_entry(
    entry: Node, place: str, names: tuple[str, str], faults: list[Fault]
) -> TypeGuard[Tree]:
    before = len(faults)
    if isinstance(entry, str):
        faults.append(Fault(Kind.NOT_A_STRUCTURE, place, entry))
        return False
    faults.extend(
        Fault(Kind.UNKNOWN, _first_leaf(f"{place}.{name}", entry[name]))
        for name in entry
        if name not in names
    )
    faults.extend(Fault(Kind.MISSING, f"{place}.{name}") for name in names if name not in entry)
    return len(faults) == before


def _descend(node: Tree, path: str, infix: str, faults: list[Fault]) -> Tree:
    faults.extend(
        Fault(Kind.UNKNOWN, _first_leaf(f"{path}.{name}", node[name]))
        for name in node
        if name != infix
    )
    inner = node.get(infix, {})
    if isinstance(inner, str):
        faults.append(Fault(Kind.NOT_A_LIST, f"{path}.{infix}", inner))
        return {}
    return inner


def _indices(node: Tree, path: str, faults: list[Fault]) -> list[str]:
    """Return the node's indices in their order; there may be gaps, as with AWS."""
    good: list[str] = []
    for index in node:
        is_number = index.isascii() and index.isdecimal() and len(index) <= INDEX_DIGITS_MAX
        if is_number and (index == "0" or index[0] != "0"):
            good.append(index)
        else:
            faults.append(Fault(Kind.NOT_A_LIST, f"{path}.{index}", index, "a number"))
    good.sort(key=int)
    return good


def _checked(value: Any, path: str, check: Check | None, faults: list[Fault]) -> Any:
    if check is not None:
        check(value, path, faults)
    return value


def _scalar(shape: model.Shape, parse: Callable[[str], Any], check: Check | None) -> Decode:
    kind = shape.type
    sensitive = shape.sensitive

    def decode(node: Node, path: str, faults: list[Fault]) -> Any:
        if not isinstance(node, str):
            faults.append(Fault(Kind.NOT_A_VALUE, _first_leaf(path, node), ""))
            return None
        try:
            value = parse(node)
        except ValueError:
            faults.append(Fault(Kind.MALFORMED, path, node, kind, sensitive))
            return None
        if check is not None:
            check(value, path, faults)
        return value

    return decode


def _clean(text: str) -> str:
    if scalars.is_clean(text):
        return text
    raise ValueError(text)

"""Bodies of the rest-xml protocol: XML documents to values, and back by way of `xmltext`.

A document type declaration is refused before anything in it is read, so entities cannot grow.
What stands outside the body (paths, headers, query strings) is the pipeline's business.
"""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from mallee.aws import errors, model
from mallee.aws.codec import constraints, scalars, walk, xmltext
from mallee.aws.codec.fault import Check, Fault, Kind

STYLE = xmltext.Style(item="member", format_time=scalars.format_time_millis)
DEPTH_MAX = 64

Element = ElementTree.Element
Decode = Callable[[list[Element], str, list[Fault]], Any]
"""Takes all elements of a member's name: one, save for lists without an element of their own."""
Decoders = walk.Walker[Decode]


class XmlBodies:
    """The XML bodies of a service."""

    content_type = "application/xml"

    def __init__(self, service: model.ServiceModel) -> None:
        self._service = service
        self._decoders = decoders(service)
        self._encoders = xmltext.encoders(service, STYLE)

    def decode(self, shape_name: str, body: bytes) -> Any:
        """Return the value; the name of the root element is not looked at."""
        faults: list[Fault] = []
        value = self._decoders.closure(shape_name)([parse(body)], "", faults)
        if faults:
            fault = faults[0]
            raise errors.MalformedXML(f"{fault.path or 'the root'}: {fault.kind.value}")
        return value

    def encode(self, shape_name: str, value: Any) -> bytes:
        """Return the document; its root is named as the shape is."""
        shape = self._service.shape(shape_name)
        return self.encode_as(shape.location_name or shape.name, shape_name, value)

    def encode_as(self, root: str, shape_name: str, value: Any) -> bytes:
        """Return the document with the root element's name given."""
        namespace = self._service.metadata.xml_namespace
        inside = self._encoders.closure(shape_name)(value)
        declared = f' xmlns="{xmltext.escape_attribute(namespace)}"' if namespace else ""
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}{declared}>{inside}</{root}>'.encode()
        )

    def encode_error(self, error: errors.AwsError, request_id: str, /) -> bytes:
        """Return the document that says what went wrong."""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<ErrorResponse><Error>'
            f"<Type>{'Receiver' if error.is_ours else 'Sender'}</Type><Code>{error.code}</Code>"
            f"<Message>{xmltext.escape(error.message)}</Message></Error>"
            f"<RequestId>{xmltext.escape(request_id)}</RequestId></ErrorResponse>"
        ).encode()


class _WithoutDoctype(ElementTree.TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """Refuse what the declaration of entities would begin with."""
        raise errors.MalformedXML("a document type declaration is not allowed")


def parse(body: bytes) -> Element:
    """Return the root of a document; raise `MalformedXML`."""
    parser = ElementTree.XMLParser(target=_WithoutDoctype())
    try:
        parser.feed(body)
        return parser.close()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise errors.MalformedXML(str(error)) from error


def decoders(service: model.ServiceModel, exempt: frozenset[str] = frozenset()) -> Decoders:
    """Return the decoders of a service; of shapes in `exempt` any value will do."""

    def scalar(parse: Callable[[str], Any]) -> walk.Maker[Decode]:
        def make(_: Decoders, shape: model.Shape) -> Decode:
            check = None if shape.name in exempt else constraints.compile_check(shape)
            return _scalar(parse, check)

        return make

    return walk.Walker(
        service,
        {
            "structure": _structure,
            "list": _list,
            "map": _map,
            "string": scalar(str),
            "character": scalar(str),
            "boolean": scalar(scalars.parse_boolean),
            "integer": scalar(scalars.parse_integer),
            "long": scalar(scalars.parse_long),
            "float": scalar(scalars.parse_float),
            "double": scalar(scalars.parse_float),
            "timestamp": scalar(scalars.parse_http_time),
            "blob": scalar(scalars.parse_blob),
        },
    )


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _grouped(parent: Element) -> dict[str, list[Element]]:
    groups: dict[str, list[Element]] = {}
    for child in parent:
        groups.setdefault(_local(child.tag), []).append(child)
    return groups


def _structure(walker: Decoders, shape: model.Shape) -> Decode:
    wire_names: dict[str, str] = {}
    attributes: dict[str, str] = {}
    for name, member in shape.members.items():
        if member.xml_attribute:
            attributes[(member.location_name or name).rpartition(":")[2]] = name
        elif not member.location:
            wire_names[_wire_name(walker, name, member)] = name
    required = [(name, wire) for wire, name in wire_names.items() if name in shape.required]

    def make(wire: str) -> tuple[str, Decode]:
        name = wire_names[wire]
        return name, walker.at(shape.members[name])

    members = walk.Lazy(make)

    def decode(elements: list[Element], path: str, faults: list[Fault]) -> dict[str, Any]:
        element = _only(elements, path, faults)
        if path.count(".") > DEPTH_MAX:
            faults.append(Fault(Kind.TOO_MANY, path[:100], None, str(DEPTH_MAX)))
            return {}
        prefix = f"{path}." if path else ""
        values: dict[str, Any] = {
            attributes[_local(key)]: text
            for key, text in element.attrib.items()
            if _local(key) in attributes
        }
        for wire, inner in _grouped(element).items():
            if wire not in wire_names:
                faults.append(Fault(Kind.UNKNOWN, prefix + wire))
                continue
            name, decode_member = members[wire]
            values[name] = decode_member(inner, prefix + wire, faults)
        faults.extend(
            Fault(Kind.MISSING, prefix + wire) for name, wire in required if name not in values
        )
        return values

    return decode


def _wire_name(walker: Decoders, name: str, member: model.Member) -> str:
    shape = walker.shape_at(member)
    if shape.flattened and shape.member is not None and shape.member.location_name:
        return shape.member.location_name
    return member.location_name or name


def _only(elements: list[Element], path: str, faults: list[Fault]) -> Element:
    if len(elements) > 1:
        faults.append(Fault(Kind.DUPLICATE, path))
    return elements[0]


def _list(walker: Decoders, shape: model.Shape) -> Decode:
    assert shape.member is not None, shape.name
    decode_item = walker.at(shape.member)
    tag = shape.member.location_name or STYLE.item
    check = constraints.compile_check(shape)

    def decode(elements: list[Element], path: str, faults: list[Fault]) -> list[Any]:
        items = elements if shape.flattened else list(_only(elements, path, faults))
        values: list[Any] = []
        for number, item in enumerate(items, 1):
            if not shape.flattened and _local(item.tag) != tag:
                faults.append(Fault(Kind.UNKNOWN, f"{path}.{_local(item.tag)}"))
            else:
                values.append(decode_item([item], f"{path}.{number}", faults))
        if check is not None:
            check(values, path, faults)
        return values

    return decode


def _map(walker: Decoders, shape: model.Shape) -> Decode:
    assert shape.key is not None, shape.name
    assert shape.value is not None, shape.name
    key_name = shape.key.location_name or "key"
    value_name = shape.value.location_name or "value"
    decode_key, decode_value = walker.at(shape.key), walker.at(shape.value)
    check = constraints.compile_check(shape)

    def decode(elements: list[Element], path: str, faults: list[Fault]) -> dict[Any, Any]:
        values: dict[Any, Any] = {}
        entries = elements if shape.flattened else list(_only(elements, path, faults))
        for entry in entries:
            parts = _grouped(entry)
            if set(parts) != {key_name, value_name}:
                faults.append(Fault(Kind.NOT_A_STRUCTURE, path))
                continue
            key = decode_key(parts[key_name], f"{path}.{key_name}", faults)
            values[key] = decode_value(parts[value_name], f"{path}.{value_name}", faults)
        if check is not None:
            check(values, path, faults)
        return values

    return decode


def _scalar(parse: Callable[[str], Any], check: Check | None) -> Decode:
    def decode(elements: list[Element], path: str, faults: list[Fault]) -> Any:
        element = _only(elements, path, faults)
        if len(element):
            faults.append(Fault(Kind.NOT_A_VALUE, path))
            return None
        try:
            value = parse(element.text or "")
        except ValueError:
            faults.append(Fault(Kind.MALFORMED, path))
            return None
        if check is not None:
            check(value, path, faults)
        return value

    return decode

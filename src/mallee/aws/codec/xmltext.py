"""Values to XML text: the encoder of the ec2, query and rest-xml protocols.

Closures walk the value, not the model, and add strings with tags made beforehand. A closure of a
shape gives the text *inside* an element; `element` puts a member's tag around it.
Text that XML cannot carry is replaced, so that no answer is ever broken.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mallee.aws import model
from mallee.aws.codec import fragment, scalars, walk
from mallee.aws.codec.fragment import Fragment

Encode = Callable[[Any], str]
Encoders = walk.Walker[Encode]


@dataclass(frozen=True, slots=True)
class Style:
    """Where the XML protocols differ."""

    item: str
    """The element of a list's item when the model names none."""
    format_time: scalars.FormatTime


def escape(text: str) -> str:
    """Return the text as the inside of an element; U+FFFD for what XML cannot carry."""
    if not text.isprintable():
        text = scalars.replace_unclean(text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\r", "&#13;")


def escape_attribute(text: str) -> str:
    """Return the text as the inside of an attribute's double quotes."""
    text = escape(text).replace('"', "&quot;")
    return text.replace("\n", "&#10;").replace("\t", "&#9;")


def encoders(service: model.ServiceModel, style: Style) -> Encoders:
    """Return the encoders of a service."""
    times: dict[str | None, Encode] = {
        None: style.format_time,
        "iso8601": style.format_time,
        "rfc822": scalars.format_http_time,
        "unixTimestamp": lambda moment: str(scalars.epoch_seconds(moment)),
    }

    def structure(walker: Encoders, shape: model.Shape) -> Encode:
        return _structure(walker, shape, style)

    def of_list(walker: Encoders, shape: model.Shape) -> Encode:
        assert shape.member is not None, shape.name
        tag = shape.member.location_name or style.item
        return _list(element(walker, tag, shape.member))

    def of_time(_: Encoders, shape: model.Shape) -> Encode:
        return times[shape.timestamp_format]

    def scalar(write: Encode) -> walk.Maker[Encode]:
        return lambda _, __: write

    return walk.Walker(
        service,
        {
            "structure": structure,
            "list": of_list,
            "map": _map,
            "string": scalar(escape),
            "character": scalar(escape),
            "boolean": scalar(scalars.format_boolean),
            "integer": scalar(scalars.format_integer),
            "long": scalar(scalars.format_integer),
            "float": scalar(scalars.format_float),
            "double": scalar(scalars.format_float),
            "timestamp": of_time,
            "blob": scalar(scalars.format_blob),
        },
    )


def element(walker: Encoders, tag: str, member: model.Member) -> Encode:
    """Return what encodes a value and puts its tag around it."""
    shape = walker.service.shape(member.shape)
    opening, closing = f"<{tag}{_namespace(member, shape)}>", f"</{tag}>"
    inside = walker.at(member)
    if shape.type in ("string", "character"):
        return _text_element(opening, closing)
    if any(inner.xml_attribute for inner in shape.members.values()):
        return _element_with_attributes(opening, closing, shape, inside)
    return lambda value: opening + inside(value) + closing


def _text_element(opening: str, closing: str) -> Encode:
    def encode(text: str) -> str:
        if text.isprintable() and "&" not in text and "<" not in text and ">" not in text:
            return opening + text + closing
        return opening + escape(text) + closing

    return encode


def _element_with_attributes(
    opening: str, closing: str, shape: model.Shape, inside: Encode
) -> Encode:
    names = {
        name: member.location_name or name
        for name, member in shape.members.items()
        if member.xml_attribute
    }

    def encode(value: Any) -> str:
        attributes = [
            f' {names[name]}="{escape_attribute(value[name])}"' for name in names if name in value
        ]
        return opening[:-1] + "".join(attributes) + ">" + inside(value) + closing

    return encode


def _namespace(member: model.Member, shape: model.Shape) -> str:
    namespace = member.xml_namespace or shape.xml_namespace
    if namespace is None:
        return ""
    name = f"xmlns:{namespace.prefix}" if namespace.prefix else "xmlns"
    return f' {name}="{escape_attribute(namespace.uri)}"'


def _structure(walker: Encoders, shape: model.Shape, style: Style) -> Encode:
    def make(name: str) -> Encode:
        member = shape.members[name]
        if member.xml_attribute or member.location is not None:
            return lambda _: ""
        inner = walker.shape_at(member)
        tag = member.location_name or name
        if not inner.flattened:
            return element(walker, tag, member)
        return _flattened(walker, tag, inner)

    members = walk.Lazy(make)

    def encode(value: Any) -> str:
        if value.__class__ is Fragment:
            return value
        try:
            return "".join(
                [members[name](inner) for name, inner in value.items() if inner is not None]
            )
        except fragment.UNFIT as error:
            raise fragment.blame(shape.name, members, value) from error

    return encode


def _flattened(walker: Encoders, tag: str, shape: model.Shape) -> Encode:
    if shape.member is not None:
        return _list(element(walker, shape.member.location_name or tag, shape.member))
    entry = _entry(walker, shape)
    return lambda value: (
        value
        if value.__class__ is Fragment
        else "".join([f"<{tag}>{entry(key, value[key])}</{tag}>" for key in value])
    )


def _list(encode_item: Encode) -> Encode:
    def encode(value: Any) -> str:
        if value.__class__ is Fragment:
            return value
        if isinstance(value, str | bytes | Mapping):
            raise TypeError("a list is wanted")
        return "".join([encode_item(item) for item in value])

    return encode


def _map(walker: Encoders, shape: model.Shape) -> Encode:
    entry = _entry(walker, shape)

    def encode(value: Any) -> str:
        if value.__class__ is Fragment:
            return value
        return "".join([f"<entry>{entry(key, item)}</entry>" for key, item in value.items()])

    return encode


def _entry(walker: Encoders, shape: model.Shape) -> Callable[[Any, Any], str]:
    assert shape.key is not None, shape.name
    assert shape.value is not None, shape.name
    encode_key = element(walker, shape.key.location_name or "key", shape.key)
    encode_value = element(walker, shape.value.location_name or "value", shape.value)
    return lambda key, value: encode_key(key) + encode_value(value)

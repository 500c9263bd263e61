"""Service models: which operations a service has, and the shapes of their inputs and outputs.

A model is botocore's description of a service without its prose (`models/*.json`, written by
`tools/refresh_models.py`; `mallee.json` is our own). The codecs compile from these values, the
pipeline finds operations here. A file is read when its service is first asked for, and a shape is
built when something first needs it: of EC2's 4,414 shapes a process touches a few hundred.
Not its business: how a protocol puts a shape into bytes.
"""

import functools
import importlib.resources
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

Kind = Literal[
    "structure",
    "list",
    "map",
    "string",
    "character",
    "integer",
    "long",
    "float",
    "double",
    "boolean",
    "timestamp",
    "blob",
]
Protocol = Literal["ec2", "query", "rest-xml", "json", "rest-json", "smithy-rpc-v2-cbor"]


class XmlNamespace(msgspec.Struct, frozen=True):
    """A namespace that a member's element declares."""

    uri: str
    prefix: str | None = None


class Member(msgspec.Struct, frozen=True, rename="camel"):
    """The place of a shape in another: as a structure's member, a list's item, a map's key."""

    shape: str
    """The name of the shape: `ServiceModel.shape` finds it."""
    location_name: str | None = None
    """The name on the wire where it differs from the member's name."""
    query_name: str | None = None
    """The name in an EC2 query, where that differs once more."""
    location: str | None = None
    """Where a REST protocol carries it: `header`, `headers`, `uri`, `querystring`, `statusCode`."""
    idempotency_token: bool = False
    flattened: bool = False
    timestamp_format: str | None = None
    xml_namespace: XmlNamespace | None = None
    xml_attribute: bool = False
    streaming: bool = False
    box: bool = False
    jsonvalue: bool = False
    host_label: bool = False


class ErrorTrait(msgspec.Struct, frozen=True, rename="camel"):
    """What an error's shape says of its code and status."""

    code: str | None = None
    http_status_code: int | None = None
    sender_fault: bool = False


class Shape(msgspec.Struct, frozen=True, rename="camel"):
    """A type: its kind, its parts, and what a value must satisfy."""

    type: Kind
    name: str = ""
    members: dict[str, Member] = {}
    """Of a structure."""
    required: tuple[str, ...] = ()
    """Members without which a structure is not complete."""
    member: Member | None = None
    """The item of a list."""
    key: Member | None = None
    value: Member | None = None
    """Of a map."""
    min: float | None = None
    """The least value of a number, the least length of a string, blob, list or map."""
    max: float | None = None
    pattern: str | None = None
    """A Java regular expression that the whole string must match."""
    enum: tuple[str, ...] = ()
    flattened: bool = False
    """The items of a list or map stand directly in the structure around them."""
    location_name: str | None = None
    timestamp_format: str | None = None
    xml_namespace: XmlNamespace | None = None
    payload: str | None = None
    """The member that is the whole body in a REST protocol."""
    streaming: bool = False
    box: bool = False
    sensitive: bool = False
    """Its values do not belong in error messages or logs."""
    union: bool = False
    """A structure with exactly one member present."""
    document: bool = False
    eventstream: bool = False
    exception: bool = False
    error: ErrorTrait | None = None

    @property
    def is_scalar(self) -> bool:
        """Whether a value is one text on the wire."""
        return self.type not in ("structure", "list", "map")


class Http(msgspec.Struct, frozen=True, rename="camel"):
    """How a REST protocol addresses an operation."""

    method: str = "POST"
    request_uri: str = "/"
    response_code: int = 200


class _Target(msgspec.Struct, frozen=True, rename="camel"):
    """An operation's input or output, as the file has it."""

    shape: str
    result_wrapper: str | None = None
    location_name: str | None = None
    xml_namespace: XmlNamespace | None = None


class _Operation(msgspec.Struct, frozen=True, rename="camel"):
    """An operation, as the file has it."""

    http: Http = Http()
    input: _Target | None = None
    output: _Target | None = None
    errors: tuple[_Target, ...] = ()


class Metadata(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a model says of its service."""

    api_version: str
    protocol: Protocol
    xml_namespace: str = ""
    service_id: str
    endpoint_prefix: str
    signing_name: str | None = None
    target_prefix: str | None = None
    json_version: str | None = None


class _File(msgspec.Struct, frozen=True):
    metadata: Metadata
    operations: dict[str, msgspec.Raw]
    shapes: dict[str, msgspec.Raw]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a client may ask of a service."""

    name: str
    http: Http
    input: Shape | None
    output: Shape | None
    input_location_name: str | None
    """The root element of a rest-xml body."""
    input_xml_namespace: XmlNamespace | None
    result_wrapper: str | None
    """The element around the output in the query protocol."""
    errors: tuple[str, ...]
    """Names of the shapes of the errors that the model foresees."""


@dataclass(frozen=True, slots=True, eq=False)
class Operations(Mapping[str, Operation]):
    """The operations of a service by name, each built when it is first looked up."""

    _model: "ServiceModel"
    _raw: dict[str, msgspec.Raw]
    _built: dict[str, Operation] = field(default_factory=dict[str, Operation])

    def __getitem__(self, name: str) -> Operation:
        operation = self._built.get(name)
        if operation is None:
            operation = self._built[name] = self._build(name)
        return operation

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def _build(self, name: str) -> Operation:
        raw = msgspec.json.decode(self._raw[name], type=_Operation)
        return Operation(
            name=name,
            http=raw.http,
            input=self._model.shape(raw.input.shape) if raw.input else None,
            output=self._model.shape(raw.output.shape) if raw.output else None,
            input_location_name=raw.input.location_name if raw.input else None,
            input_xml_namespace=raw.input.xml_namespace if raw.input else None,
            result_wrapper=raw.output.result_wrapper if raw.output else None,
            errors=tuple(error.shape for error in raw.errors),
        )


class ServiceModel:
    """A service: its protocol, version and names, its operations, its shapes.

    Not changed after it is made, save that operations and shapes are remembered once built.
    """

    __slots__ = ("_built", "_raw", "metadata", "name", "operations")

    def __init__(self, name: str, document: bytes) -> None:
        file = msgspec.json.decode(document, type=_File)
        self.name = name
        """The service's name in a signature's scope: `ec2`."""
        self.metadata = file.metadata
        self.operations: Mapping[str, Operation] = Operations(self, file.operations)
        self._raw = file.shapes
        self._built: dict[str, Shape] = {}

    @property
    def protocol(self) -> Protocol:
        """How requests and answers are written."""
        return self.metadata.protocol

    @property
    def api_version(self) -> str:
        """The version of the API that the model describes: `2016-11-15`."""
        return self.metadata.api_version

    @property
    def shape_names(self) -> tuple[str, ...]:
        """Names of all shapes."""
        return tuple(self._raw)

    def shape(self, name: str) -> Shape:
        """Return the shape of that name; raise `KeyError` when there is none."""
        shape = self._built.get(name)
        if shape is None:
            decoded = msgspec.json.decode(self._raw[name], type=Shape)
            shape = self._built[name] = msgspec.structs.replace(decoded, name=name)
        return shape

    def __repr__(self) -> str:
        return f"ServiceModel({self.name} {self.api_version})"


@functools.cache
def load(service: str) -> ServiceModel:
    """Return the model of a service (`ec2`); raise `KeyError` for another name.

    Names of services come from requests, so they are looked up and never made into paths.
    """
    if service not in services():
        raise KeyError(service)
    document = importlib.resources.files("mallee.aws.models").joinpath(f"{service}.json")
    return ServiceModel(service, document.read_bytes())


@functools.cache
def services() -> frozenset[str]:
    """Return the names of all services that have a model."""
    folder = importlib.resources.files("mallee.aws.models")
    return frozenset(
        entry.name.removesuffix(".json")
        for entry in folder.iterdir()
        if entry.name.endswith(".json")
    )

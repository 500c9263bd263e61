"""Values as whole bodies, for the protocols whose requests and answers are documents.

`json`, `rest-json`, `rest-xml` and `smithy-rpc-v2-cbor` put a shape into a body; those that also
use headers, paths and query strings give the shape of the body here and do the rest elsewhere.
"""

from typing import Any, Protocol

from mallee.aws import errors, model
from mallee.aws.codec import cborbody, jsonbody, xmlbody


class Bodies(Protocol):
    """The bodies of a service."""

    content_type: str

    def decode(self, shape_name: str, body: bytes) -> Any:
        """Return the value of a shape; raise `errors.AwsError`."""
        ...

    def encode(self, shape_name: str, value: Any) -> bytes:
        """Return the body; raise `Mismatch` when the value does not fit the model."""
        ...

    def encode_error(self, error: errors.AwsError, request_id: str, /) -> bytes:
        """Return the body that says what went wrong."""
        ...


def for_model(service: model.ServiceModel) -> Bodies:
    """Return the bodies of a service; raise `KeyError` when its protocol has none."""
    match service.protocol:
        case "json" | "rest-json":
            return jsonbody.JsonBodies(service)
        case "rest-xml":
            return xmlbody.XmlBodies(service)
        case "smithy-rpc-v2-cbor":
            return cborbody.CborBodies(service)
        case _:
            raise KeyError(service.protocol)

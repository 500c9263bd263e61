"""Bodies of the json 1.0, json 1.1 and rest-json protocols.

What stands outside the body (the target header, paths, query strings) is the business of the
service's own pipeline.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from mallee.aws import errors, model
from mallee.aws.codec import scalars, trees


def _parse_time(_: model.Shape) -> Callable[[Any], datetime]:
    return _moment


def _moment(tree: Any) -> datetime:
    """Read a time in whichever form it came: AWS's services take all three."""
    if isinstance(tree, str):
        return scalars.parse_http_time(tree)
    if isinstance(tree, bool):
        raise TypeError(tree)
    return scalars.parse_epoch(tree)


def _format_time(shape: model.Shape) -> Callable[[scalars.Moment], Any]:
    match shape.timestamp_format:
        case "iso8601":
            return scalars.format_time_millis
        case "rfc822":
            return scalars.format_http_time
        case _:
            return scalars.epoch_seconds


def _format_float(value: float) -> float | str:
    text = scalars.format_float(value)
    return text if text in ("NaN", "Infinity", "-Infinity") else float(value)


CODES = {
    "AccessDenied": "AccessDeniedException",
    "DryRunOperation": "DryRunOperationException",
    "ExpiredToken": "ExpiredTokenException",
    "IncompleteSignature": "IncompleteSignatureException",
    "InvalidAction": "UnknownOperationException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "InvalidNextToken": "InvalidNextTokenException",
    "MissingAction": "UnknownOperationException",
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "OperationNotPermitted": "OperationNotPermittedException",
    "RequestLimitExceeded": "ThrottlingException",
    "ServiceUnavailable": "ServiceUnavailableException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "Throttling": "ThrottlingException",
    "UnsupportedOperation": "UnsupportedOperationException",
}
"""What the JSON services call what the query services call otherwise."""

LEAVES = trees.Leaves(
    parse_time=_parse_time,
    format_time=_format_time,
    parse_blob=scalars.parse_blob,
    format_blob=scalars.format_blob,
    format_float=_format_float,
)


class JsonBodies:
    """The JSON bodies of a service."""

    def __init__(self, service: model.ServiceModel) -> None:
        self._decoders = trees.decoders(service, LEAVES)
        self._encoders = trees.encoders(service, LEAVES)
        self.content_type = f"application/x-amz-json-{service.metadata.json_version or '1.1'}"

    def decode(self, shape_name: str, body: bytes) -> Any:
        """Return the value; an empty body is an empty structure."""
        try:
            tree = msgspec.json.decode(body or b"{}")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise errors.SerializationException(f"The body is not JSON: {error}") from error
        return trees.read(self._decoders.closure(shape_name), tree)

    def encode(self, shape_name: str, value: Any) -> bytes:
        """Return the body."""
        return msgspec.json.encode(self._encoders.closure(shape_name)(value))

    def encode_error(self, error: errors.AwsError, _: str, /) -> bytes:
        """Return the body of an error; the request's id stands in a header."""
        return msgspec.json.encode(
            {"__type": CODES.get(error.code, error.code), "message": error.message}
        )

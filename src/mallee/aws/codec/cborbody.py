"""Bodies of the Smithy RPC v2 CBOR protocol: times and bytes are CBOR's own.

What stands outside the body (the path that names the operation) is the pipeline's business.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import cbor2

from mallee.aws import errors, model
from mallee.aws.codec import scalars, trees


def _parse_time(_: model.Shape) -> Callable[[Any], datetime]:
    return _moment


def _moment(tree: Any) -> datetime:
    if isinstance(tree, datetime) and tree.tzinfo is not None:
        return tree.astimezone(UTC)
    raise ValueError(tree)


def _format_time(_: model.Shape) -> Callable[[scalars.Moment], Any]:
    return lambda moment: cbor2.CBORTag(1, scalars.epoch_seconds(moment))


def _bytes(tree: Any) -> bytes:
    if isinstance(tree, bytes):
        return tree
    raise TypeError(tree)


def _format_float(value: float) -> float:
    if isinstance(value, bool):
        raise TypeError(value)
    return float(value)


LEAVES = trees.Leaves(
    parse_time=_parse_time,
    format_time=_format_time,
    parse_blob=_bytes,
    format_blob=_bytes,
    format_float=_format_float,
)


class CborBodies:
    """The CBOR bodies of a service."""

    content_type = "application/cbor"

    def __init__(self, service: model.ServiceModel) -> None:
        self._decoders = trees.decoders(service, LEAVES)
        self._encoders = trees.encoders(service, LEAVES)

    def decode(self, shape_name: str, body: bytes) -> Any:
        """Return the value; an empty body is an empty structure."""
        try:
            tree = cbor2.loads(body or b"\xa0")
        except (cbor2.CBORDecodeError, ValueError, TypeError, OverflowError, RecursionError) as bad:
            raise errors.SerializationException(f"The body is not CBOR: {bad}") from bad
        return trees.read(self._decoders.closure(shape_name), tree)

    def encode(self, shape_name: str, value: Any) -> bytes:
        """Return the body."""
        return cbor2.dumps(self._encoders.closure(shape_name)(value))

    def encode_error(self, error: errors.AwsError, _: str, /) -> bytes:
        """Return the body of an error; the request's id stands in a header."""
        return cbor2.dumps({"__type": error.code, "message": error.message})

"""The codec of a service: what the pipeline calls to read a request and to write its answer.

Which protocol a service speaks is its model's say; this file only picks the dialect.
Results are dictionaries with the model's member names. `None` means absent.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from mallee.aws import errors
from mallee.aws.codec.fragment import Fragment

Parameters = Sequence[tuple[str, str]]


class Codec(Protocol):
    """A query service's requests and answers."""

    content_type: str

    def decode(self, operation: str, parameters: Parameters) -> dict[str, Any]:
        """Return the request with the model's member names; raise `errors.AwsError`.

        Names of the protocol itself (`Action`, `Version`, the signature's) are passed over.
        """
        ...

    def encode(self, operation: str, result: Mapping[str, Any], request_id: str) -> bytes:
        """Return the whole answer; raise `Mismatch` when the result does not fit the model."""
        ...

    def encode_result(self, operation: str, result: Mapping[str, Any]) -> str:
        """Return the part of an answer between its envelope, the same for every request id."""
        ...

    def wrap(self, operation: str, encoded: str, request_id: str) -> bytes:
        """Return the whole answer around what `encode_result` gave."""
        ...

    def encode_shape(self, shape_name: str, value: Any) -> Fragment:
        """Encode a structure, list or map, to be put into later results in its place."""
        ...

    def encode_error(self, error: errors.AwsError, request_id: str) -> bytes:
        """Return the answer that says what went wrong; its status is `error.status`."""
        ...


def for_service(name: str) -> Codec:
    """Return the codec of the service; raise `KeyError` for a service without a model."""
    raise NotImplementedError

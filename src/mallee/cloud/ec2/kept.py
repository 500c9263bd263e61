"""What was encoded once and is shown again: as long as the records it is made of are the same.

Records are immutable, so the same objects give the same text; nobody need say that something has
changed. Called by nouns that are shown by the thousand and made of many members. Not its business:
which records a thing is made of, and how it is rendered (the noun's).
"""

import operator
from collections.abc import Callable
from typing import Any

from mallee.aws import codec
from mallee.cloud.state.records import Record

Sources = tuple[Record[Any, Any] | None, ...]
"""The records that a thing is shown from."""


class Kept:
    """Encoded values of one shape of EC2, by id. What came first goes first when they are many."""

    def __init__(self, shape: str, most_bytes: int) -> None:
        """`most_bytes`: how much text is kept."""
        self._shape = shape
        self._left = most_bytes
        self._kept: dict[str, tuple[Sources, codec.Fragment]] = {}

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._kept)

    def get(self, id: str, sources: Sources, render: Callable[[], Any]) -> codec.Fragment:
        """Return the encoded thing, rendered anew if any of its sources is another object."""
        kept = self._kept.get(id)
        if kept is not None:
            if _are_same(kept[0], sources):
                return kept[1]
            self._drop(id)
        fragment = codec.for_query_service("ec2").encode_shape(self._shape, render())
        self._left -= len(fragment)
        self._kept[id] = (sources, fragment)
        while self._left < 0:
            self._drop(next(iter(self._kept)))
        return fragment

    def _drop(self, id: str) -> None:
        self._left += len(self._kept.pop(id)[1])


def _are_same(were: Sources, are: Sources) -> bool:
    # Comparing tuples would compare records that are not the same, member by member.
    return len(were) == len(are) and all(map(operator.is_, were, are))

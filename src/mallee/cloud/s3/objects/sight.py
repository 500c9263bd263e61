"""What one request sees of stored objects: a version that was decided on is the one that is read.

Lists and tags of a stored object have a say in who may read it. Were it looked up once more after
the decision, another could have come to its place that he may not read. Made by the pipeline for
each request; used by `deciding` and `versions`. Not its business: what is decided.
"""

from mallee.walrus.records import Upload, Version
from mallee.walrus.seam import Reader

_Which = tuple[int, bytes, str | None]


class Sight:
    """The versions that a request has looked up. It is one request's, and one thread's."""

    __slots__ = ("_reader", "_seen")

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._seen: dict[_Which, Version | None] = {}

    def version(self, bucket: int, key: bytes, id: str | None) -> Version | None:
        """Return a version (None: the current one) as it was when it was first asked for."""
        which = (bucket, key, id)
        if which not in self._seen:
            self._seen[which] = self._look(which)
        return self._seen[which]

    def forget(self) -> None:
        """See anew from now on: what was seen is to be decided on once more."""
        self._seen.clear()

    def upload(self, bucket: int, key: bytes, id: str) -> Upload | None:
        """Return an upload; None when it is not there."""
        return self._reader.upload(bucket, key, id)

    def _look(self, which: _Which) -> Version | None:
        bucket, key, id = which
        if id is None:
            return self._reader.current(bucket, key)
        return self._reader.version(bucket, key, id)

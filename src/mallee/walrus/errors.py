"""What an engine says when it cannot: part of the seam, the same whichever engine it is.

Raised by every file here, and by other engines; caught by the protocol's side. Not its business:
what the client is told (`cloud.s3`).
"""


class NoSpace(Exception):
    """The disk is full, or as full as it may be."""


class Unreachable(OSError):
    """The bytes lie on another machine, which does not answer or refuses."""


class Closed(Exception):
    """The engine is closed."""


class Fenced(Closed):
    """Another machine has the store now, or may have it: nothing that is done here counts."""


class Gone(Exception):
    """A blob was removed since it was looked up: look again."""


class BucketClosed(Exception):
    """The bucket takes nothing any more: it is being deleted, or was."""


class BrokenIndex(Exception):
    """The index cannot be read; the message says what to do."""


class Corrupt(Exception):
    """A blob's bytes are not what was stored; `blob` is its id."""

    def __init__(self, blob: int, where: str) -> None:
        super().__init__(f"blob {blob:016x} {where}")
        self.blob = blob

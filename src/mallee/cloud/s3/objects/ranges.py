"""Ranges of bytes, as the header `Range` and `x-amz-copy-source-range` name them.

Pure. What is no range of one stretch of bytes is ignored, as HTTP has it: then the whole is sent.
"""

import re

from mallee.aws import errors

_RANGE = re.compile(r"bytes=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*")
_EXACT = re.compile(r"bytes=(\d{1,19})-(\d{1,19})")


def parse(header: str | None, size: int) -> tuple[int, int] | None:
    """Return (start, end) of the bytes that a header asks for; None: all of them.

    Raises `InvalidRange` when it asks for none that are there.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(size - int(last), 0), size
    elif not last:
        start, end = int(first), size
    else:
        if int(last) < int(first):
            return None
        start, end = int(first), min(int(last) + 1, size)
    if start >= end:
        raise errors.s3.InvalidRange(range=header, length=size)
    return start, end


def parse_of_source(header: str, size: int) -> tuple[int, int]:
    """Return (start, end) of the bytes of a source that are to be copied."""
    match = _EXACT.fullmatch(header)
    if match is None:
        raise errors.s3.InvalidArgument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first "
            "and last are the zero-based offsets of the first and last bytes to copy",
            argument="x-amz-copy-source-range",
            value=header[:100],
        )
    start, last = int(match[1]), int(match[2])
    if last < start or last >= size:
        raise errors.s3.InvalidArgument(
            f"Range specified is not valid for source object of size: {size}",
            argument="x-amz-copy-source-range",
            value=header,
        )
    return start, last + 1


def shown(start: int, end: int, size: int) -> str:
    """Return the header that says which bytes of how many an answer has."""
    return f"bytes {start}-{end - 1}/{size}"

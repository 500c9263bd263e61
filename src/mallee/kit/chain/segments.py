"""The files of a chain: which there are, and their lines, forward and backward.

A chain lies in one directory as *segments*, files named by the number of their first line and by
when they were begun. Lines are read as bytes, as they stand: whether they are true is proved by
`verify`. Called by the chain's writer, by who verifies, and by who searches.
"""

import calendar
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mallee.kit import files

BLOCK_BYTES = 1 << 18
LINE_BYTES_MAX = 1 << 20
"""What is longer than this without a line feed is no line of ours."""
_NAME = re.compile(r"([0-9]{15})-([0-9]{8}T[0-9]{6}Z)\.jsonl")
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Segment:
    """A file of the chain, by what its name says."""

    path: Path
    first: int
    """The number of its first line."""
    began_at: int
    """Seconds since the epoch."""


def name_of(first: int, now: float) -> str:
    """Return the name of the segment that begins now with that line."""
    return f"{first:015d}-{time.strftime(_STAMP, time.gmtime(now))}.jsonl"


def free(directory: Path, first: int, now: float) -> Segment:
    """Return a segment that is not there yet, to begin now with that line.

    One of the same name may be there: a crash can leave of a first line less than a line.
    """
    while (directory / name_of(first, now)).exists():
        now += 1
    return Segment(directory / name_of(first, now), first, int(now))


def find_all(directory: Path) -> list[Segment]:
    """Return the segments that are there, oldest first."""
    found: list[Segment] = []
    for path in directory.iterdir():
        match = _NAME.fullmatch(path.name)
        if match:
            began_at = calendar.timegm(time.strptime(match.group(2), _STAMP))
            found.append(Segment(path, int(match.group(1)), began_at))
    return sorted(found, key=lambda segment: (segment.first, segment.path.name))


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield each line and where it begins, oldest first; what has no line feed yet is one too."""
    offset = 0
    with files.open_own(path) as file:
        while line := file.readline(LINE_BYTES_MAX):
            yield offset, line
            offset += len(line)


def read_lines_backward(path: Path, end: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield each line before `end` and where it begins, newest first, without line feeds.

    `end` is where a line begins; None: the end of the file, where what has no line feed is no line.
    """
    with files.open_own(path) as file:
        position = file.seek(0, os.SEEK_END) if end is None else end
        rest = b""
        while position > 0 and len(rest) <= LINE_BYTES_MAX:
            size = min(BLOCK_BYTES, position)
            position -= size
            file.seek(position)
            data = file.read(size) + rest
            # Before the first line feed stands the end of a line that begins further up.
            begin = data.find(b"\n") + 1 if position else 0
            rest = data[:begin] if begin or not position else data
            if begin or not position:
                yield from _backward(position + begin, data[begin:].split(b"\n"))


def _backward(begin: int, parts: list[bytes]) -> Iterator[tuple[int, bytes]]:
    cursor = begin + sum(len(part) + 1 for part in parts[:-1])
    for line in reversed(parts[:-1]):
        cursor -= len(line) + 1
        yield cursor, line

"""Where a chain stands when its next writer begins: what is whole, what a crash left, what is gone.

A process that is killed leaves at most half a line; a power cut may leave blocks of nothing. Both
stand after the last line that follows the one before it. Whatever the head says was on the disk and
is not there any more was removed by somebody. Called by `writer` and `verify`; changes nothing.
"""

import hashlib
import itertools
from dataclasses import dataclass
from pathlib import Path

from mallee.kit import files
from mallee.kit.chain import lines, segments
from mallee.kit.chain.lines import BEGINNING, Place

HEAD = "head"
LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Torn:
    """Bytes at the end of a segment that are no line."""

    segment: str
    """The file's name."""
    start: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What was found."""

    place: Place
    segment: segments.Segment | None
    """Where lines may be added; None: in a new segment."""
    torn: tuple[Torn, ...] = ()
    missing: Place | None = None
    """The head, when the chain ends before it."""
    is_headless: bool = False
    """Whether there are lines and no head, which says that some were on the disk."""


def recover(directory: Path, key: bytes) -> Standing:
    """Return where the chain in the directory stands."""
    torn: list[Torn] = []
    place, within = BEGINNING, None
    for segment in reversed(segments.find_all(directory)):
        found, end = _last_good(segment, key)
        size = segment.path.stat().st_size
        if end < size:
            torn.append(_torn(segment, end, size))
        if found is not None:
            place, within = found, segment
            break
        if size == 0 and within is None and not torn:
            # Begun, and nothing written yet: the next line is its first.
            within = segment
    head = read_head(directory)
    return Standing(
        place=place,
        segment=None if torn else within,
        torn=tuple(reversed(torn)),
        missing=head if head is not None and head.number > place.number else None,
        is_headless=head is None and place.number > 0,
    )


def read_head(directory: Path) -> Place | None:
    """Return how far the chain was on the disk; None where nothing readable says it."""
    try:
        with files.open_own(directory / HEAD) as file:
            return lines.parse_place(file.read(1000).decode("ascii"))
    except (FileNotFoundError, ValueError):
        return None


def _last_good(segment: segments.Segment, key: bytes) -> tuple[Place | None, int]:
    """Return the place of the last line that follows the one before it, and where it ends.

    The first line of a segment has nobody before it in the file and is believed by its number.
    """
    backward = segments.read_lines_backward(segment.path)
    later: tuple[lines.Line, int] | None = None
    for offset, text in itertools.chain(backward, [(-1, b"")]):
        line = lines.parse(text)
        if later is not None:
            found, end = later
            is_first = offset < 0 and found.place.number == segment.first
            if is_first or (line is not None and found.follows(key, line.place.code)):
                return found.place, end
        later = (line, offset + len(text) + 1) if line is not None else None
    return None, 0


def _torn(segment: segments.Segment, start: int, size: int) -> Torn:
    digest = hashlib.sha256()
    with files.open_own(segment.path) as file:
        file.seek(start)
        while block := file.read(1 << 20):
            digest.update(block)
    return Torn(segment.path.name, start, size - start, digest.hexdigest())

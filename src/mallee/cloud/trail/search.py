"""Finding calls in the trail: newest first, a bounded piece of the files at a time.

Called for the actions that show the trail (`together`), in a thread of their own: a search reads
files and knows nothing of the store. Who may see which account's calls was decided by whoever
calls. Lines are believed as they stand; whether they are true is `mallee audit verify`'s to prove.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from mallee.cloud.trail.events import Event
from mallee.kit.chain import segments

BYTES_AT_ONCE = 16 << 20
"""How much one request may read; whoever wants more goes on from there."""
DISORDER_S = 600.0
"""Lines stand in the order in which calls ended, by a clock that may have been set back."""

_decoder = msgspec.json.Decoder(Event)


class BadPosition(Exception):
    """Nothing that a search has ever returned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which calls."""

    since: datetime
    until: datetime
    count: int
    """How many at most."""
    account: str = ""
    """Only calls of this account and about it; empty: all, and of those who have no account."""
    words: tuple[str, ...] = ()
    """What the line of every wanted call contains, word for word."""
    fits: Callable[[Event], bool] = lambda event: True


class Piece(msgspec.Struct, frozen=True):
    """What one look at one trail found."""

    found: tuple[tuple[Event, str], ...]
    """Calls, newest first, each with the position from which to go on behind it."""
    following: str = ""
    """The position to go on from; empty at the end, and where there is nothing more to find."""
    reached: datetime | None = None
    """How far back was looked, where there is something following."""


def look_back(directory: Path, wanted: Wanted, position: str) -> Piece:
    """Return the newest calls before a position.

    There may be more even if nothing was found. Raises `BadPosition`.
    """
    found: list[tuple[Event, str]] = []
    left = BYTES_AT_ONCE
    marks = [word.encode() for word in wanted.words]
    owner = b'"account":"%b"' % wanted.account.encode() if wanted.account else b""
    about = owner.replace(b"account", b"recipient")
    for segment, offset, text in _lines(directory, wanted, position):
        left -= len(text)
        place = f"{segment.path.name}:{offset}"
        if (owner in text or about in text) and all(mark in text for mark in marks):
            event = _event(text)
            if event is not None and event.at < wanted.since:
                if (wanted.since - event.at).total_seconds() > DISORDER_S:
                    return Piece(tuple(found))
            elif event is not None and event.at <= wanted.until and wanted.fits(event):
                found.append((event, place))
        if len(found) == wanted.count or left <= 0:
            last = _event(text)
            return Piece(tuple(found), place, last.at if last is not None else None)
    return Piece(tuple(found))


def _lines(
    directory: Path, wanted: Wanted, position: str
) -> Iterator[tuple[segments.Segment, int, bytes]]:
    name, end = _parse(position)
    until, since = wanted.until.timestamp(), wanted.since.timestamp() - DISORDER_S
    following: float | None = None
    for segment in reversed(segments.find_all(directory)):
        ended_at, following = following, float(segment.began_at)
        if ended_at is not None and ended_at < since:
            return
        if name and segment.path.name > name:
            continue
        stop = end if segment.path.name == name else None
        if stop is None and segment.began_at > until + DISORDER_S:
            continue
        try:
            for offset, text in segments.read_lines_backward(segment.path, stop):
                yield segment, offset, text
        except FileNotFoundError:
            # Forgotten a moment ago, as it was old.
            return


def _parse(position: str) -> tuple[str, int]:
    if not position:
        return "", 0
    name, _, offset = position.rpartition(":")
    if not name or not offset.isascii() or not offset.isdigit() or len(offset) > 15:
        raise BadPosition
    return name, int(offset)


def _event(text: bytes) -> Event | None:
    try:
        return _decoder.decode(text)
    except msgspec.DecodeError:
        # A line about the chain itself, or none of ours.
        return None

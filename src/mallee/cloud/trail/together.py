"""The trails of all front ends as one: what was asked of any of them, newest first.

Each front end writes a trail of its own (`journal`); whoever looks at his calls sees those of all,
for the one that he asks asks the others. One that does not answer is *said* to be missing, by an
event in its place, and left out for the rest of this look. A position names a place in each trail.
Called by the actions that show the trail, in a thread. Not its business: reading files (`search`).
"""

import uuid
from concurrent import futures
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from mallee.cloud.call import Call
from mallee.cloud.frontends import fellows
from mallee.cloud.frontends.fellows import Fellows
from mallee.cloud.trail import search
from mallee.cloud.trail.events import INTERNAL, Event
from mallee.cloud.trail.search import Piece, Wanted
from mallee.model.hosts.frontends import FrontEnd

PATH = "/v1/frontends/trail"
AT_ONCE = 500
"""How many calls one answer of another front end has."""
ANSWERS_MAX = 8
"""How many of its answers one request may take: what is wanted of them is chosen here."""
AWAY, UNAVAILABLE = "TrailAway", "TrailUnavailable"
"""Name and error of the event that stands for a trail that cannot be read."""
_AT_END, _LEFT_OUT = "-", "!"

_decoder = msgspec.json.Decoder(Piece)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What one front end asks of another's trail: `Wanted`, without what only code can tell."""

    since: datetime
    until: datetime
    account: str
    words: tuple[str, ...]
    position: str


@dataclass(frozen=True, slots=True)
class _Looked:
    """One trail, as far as this request goes."""

    id: str
    began_at: str
    piece: Piece
    missing: Event | None = None

    def position_behind(self, shown: int) -> str:
        """Return where to go on when so many of what was found are shown."""
        if shown == len(self.piece.found):
            return self.piece.following or _AT_END
        return self.piece.found[shown - 1][1] if shown else self.began_at


def look_back(call: Call, wanted: Wanted, position: str) -> tuple[list[Event], str]:
    """Return the newest calls before a position, and the position to go on from.

    It is empty when there is nothing more. Raises `BadPosition`.
    """
    others = call.agents.fellows
    if others is None:
        piece = search.look_back(call.trail, wanted, position)
        return [event for event, _ in piece.found], piece.following
    before = _parse(position)
    looked = _look_at_all(call, others, wanted, before)
    said = [one.missing for one in looked if one.missing is not None]
    events, positions = _merge(looked, wanted.count)
    positions |= {one.id: _LEFT_OUT for one in looked if one.missing is not None}
    positions = {**before, **positions}
    is_over = all(place in (_AT_END, _LEFT_OUT) for place in positions.values())
    # Of whom nothing is shown yet has no place: the next look begins at his end.
    places = [f"{id}={at}" for id, at in sorted(positions.items()) if at]
    following = "" if is_over else ",".join(places)
    return [*said, *events], following


def answer(directory: Path, asked: Asked) -> Piece:
    """Return what this front end's trail has for another one. Raises `BadPosition`."""
    wanted = Wanted(
        since=asked.since,
        until=asked.until,
        count=AT_ONCE,
        account=asked.account,
        words=asked.words,
    )
    return search.look_back(directory, wanted, asked.position)


def _look_at_all(
    call: Call, others: Fellows, wanted: Wanted, before: dict[str, str]
) -> list[_Looked]:
    present = call.agents.present() or frozenset()
    due = [one for one in others.others() if before.get(one.id, "") not in (_AT_END, _LEFT_OUT)]
    looked: list[_Looked] = []
    with futures.ThreadPoolExecutor(max(1, len(due))) as threads:
        asked = [
            threads.submit(_look_at, others, one, wanted, before.get(one.id, ""))
            for one in due
            if one.id in present
        ]
        place = before.get(others.own, "")
        if place not in (_AT_END, _LEFT_OUT):
            looked.append(_Looked(others.own, place, search.look_back(call.trail, wanted, place)))
        looked += [one.result() for one in asked]
    looked += [
        _left_out(one, wanted, f"{one.name} is not there") for one in due if one.id not in present
    ]
    return looked


def _look_at(others: Fellows, whom: FrontEnd, wanted: Wanted, place: str) -> _Looked:
    """Ask another front end, until there is enough of what is wanted."""
    found: tuple[tuple[Event, str], ...] = ()
    piece = Piece((), place)
    try:
        for _ in range(ANSWERS_MAX):
            piece = _ask(others, whom, wanted, piece.following)
            found += tuple(one for one in piece.found if wanted.fits(one[0]))
            if len(found) >= wanted.count or not piece.following:
                break
    except (fellows.Away, fellows.Refused, msgspec.DecodeError) as error:
        return _left_out(whom, wanted, str(error))
    return _Looked(whom.id, place, msgspec.structs.replace(piece, found=found))


def _ask(others: Fellows, whom: FrontEnd, wanted: Wanted, place: str) -> Piece:
    asked = Asked(
        since=wanted.since,
        until=wanted.until,
        account=wanted.account,
        words=wanted.words,
        position=place,
    )
    return _decoder.decode(others.ask(whom, PATH, msgspec.json.encode(asked)))


def _merge(looked: list[_Looked], count: int) -> tuple[list[Event], dict[str, str]]:
    """Return the newest events of all, and the position in each trail behind what is shown.

    What is older than a trail was looked at is not shown yet: there may be newer in it.
    """
    read = [one for one in looked if one.missing is None]
    frontiers = [one.piece.reached for one in read if one.piece.following]
    frontier = max((at for at in frontiers if at is not None), default=None)
    ranked = sorted(
        (
            (event.at, number, one)
            for one in read
            for number, (event, _) in enumerate(one.piece.found)
            if frontier is None or event.at >= frontier
        ),
        key=lambda each: (-each[0].timestamp(), each[1]),
    )
    shown = dict.fromkeys((one.id for one in read), 0)
    events: list[Event] = []
    for _, number, one in ranked[:count]:
        # Within a trail in its own order, however clocks were set.
        if number >= shown[one.id]:
            events += [event for event, _ in one.piece.found[shown[one.id] : number + 1]]
            shown[one.id] = number + 1
    return events, {one.id: one.position_behind(shown[one.id]) for one in read}


def _left_out(whom: FrontEnd, wanted: Wanted, why: str) -> _Looked:
    missing = Event(
        at=min(datetime.now(UTC), wanted.until),
        request_id=str(uuid.uuid4()),
        peer=INTERNAL,
        service="cloudtrail",
        action=AWAY,
        is_read=True,
        account=wanted.account,
        user="cloudtrail.amazonaws.com",
        kind="service",
        status=503,
        error=UNAVAILABLE,
        message=(
            f"What was asked of the front end {whom.name} ({whom.id}) is missing here: {why}. "
            "It has it in its own trail; look again when it is there."
        ),
        ms=0.0,
    )
    return _Looked(whom.id, "", Piece(()), missing)


def _parse(position: str) -> dict[str, str]:
    if not position:
        return {}
    places: dict[str, str] = {}
    for part in position.split(","):
        id, _, places[id] = part.partition("=")
    if not all(id.startswith("fe-") and place for id, place in places.items()):
        raise search.BadPosition
    return places

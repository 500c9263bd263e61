"""Whether a chain is what was written: every line true, none missing, none out of its place.

Reads all segments from the first to the last, with the key. What a line says about the chain itself
(half lines that a crash left, segments that were forgotten on purpose) is believed, since nobody
without the key could have said it. A place that was noted earlier proves that nothing was cut off
since, whoever has the key and the files by now. Changes nothing; it may be written meanwhile.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from mallee.kit import files
from mallee.kit.chain import control, lines, recovery, segments
from mallee.kit.chain.lines import BEGINNING, Line, Place

FAULTS_MAX = 100
"""How many faults are told; what comes after is only counted."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was written."""

    segment: str
    offset: int
    """Where in the file."""
    what: str


@dataclass(slots=True)
class Report:
    """What was found."""

    lines: int = 0
    segments: int = 0
    first: int = 0
    """The number of the oldest line."""
    last: Place = BEGINNING
    fault_count: int = 0
    faults: list[Fault] = field(default_factory=list[Fault])
    notes: list[str] = field(default_factory=list[str])
    """What is no fault and worth knowing."""

    @property
    def is_whole(self) -> bool:
        """Whether everything is as it was written."""
        return self.fault_count == 0


def verify(directory: Path, key: bytes, known: Iterable[Place] = ()) -> Report:
    """Return what is wrong with the chain; `known` are places that it must go through."""
    head = recovery.read_head(directory)
    expected = {place.number: place for place in known}
    if head is not None:
        expected.setdefault(head.number, head)
    found = segments.find_all(directory)
    walk = _Walk(key, expected, _torn_ends(found))
    for segment in found:
        walk.through(segment)
    walk.finish()
    if head is None and found:
        walk.report.notes.append("there is no head file: what was cut off the end is not seen")
    return walk.report


def _torn_ends(found: Iterable[segments.Segment]) -> dict[str, recovery.Torn]:
    """Return what the first lines of segments say of the ends of earlier ones."""
    torn: dict[str, recovery.Torn] = {}
    for segment in found:
        for _, text in segments.read_lines(segment.path):
            line = lines.parse(text[:-1])
            for one in _said(line).torn if line else ():
                torn[one.segment] = one
            break
    return torn


class _Walk:
    """Goes through a chain, and keeps what later lines say of earlier ones."""

    def __init__(
        self, key: bytes, known: Mapping[int, Place], torn: Mapping[str, recovery.Torn]
    ) -> None:
        self.report = Report()
        self._known = known
        self._key = key
        self._torn = torn
        self._last: Place | None = None
        self._forgot: dict[int, bytes] = {}
        self._first: tuple[Line, Fault] | None = None
        self._loose: list[Fault] = []
        """What is no line, and no line came after it yet."""

    def through(self, segment: segments.Segment) -> None:
        """Look at each line of a segment."""
        self.report.segments += 1
        name = segment.path.name
        torn = self._torn.get(name)
        if torn is not None:
            self._end(segment, torn)
        for offset, text in segments.read_lines(segment.path):
            here = Fault(name, offset, "")
            if torn is not None and offset >= torn.start:
                return
            line = lines.parse(text[:-1]) if text.endswith(b"\n") else None
            if line is not None:
                if offset == 0 and line.place.number != segment.first:
                    self._blame(here, f"line {segment.first} should stand first in this file")
                self._line(line, here)
            else:
                self._loose.append(here)

    def finish(self) -> None:
        """Judge what could only be judged at the end."""
        report = self.report
        for loose in self._loose:
            # Being written, or what a crash left and the next start will declare.
            report.notes.append(f"{loose.segment} ends within a line")
        if self._first is not None:
            self._judge_first(*self._first)
        report.last = self._last or BEGINNING
        for number in sorted(self._known):
            if number > report.last.number:
                what = f"cut off: the chain went on to line {number}, and ends here"
                self._blame(Fault("", 0, ""), what)
            elif number < report.first:
                report.notes.append(f"line {number} is older than what is kept")

    def _line(self, line: Line, here: Fault) -> None:
        report, place, last = self.report, line.place, self._last
        report.lines += 1
        for loose in self._loose:
            self._blame(loose, "this is no line of the chain")
        self._loose.clear()
        is_true = last is None or line.follows(self._key, last.code)
        if last is None:
            report.first = place.number
            self._first = (line, here)
        elif not is_true:
            self._blame(here, _what(last, place))
        if self._known.get(place.number, place) != place:
            self._blame(here, f"line {place.number} is another than the one that was noted")
        if is_true and b'"chain":' in line.signed:
            self._control(line, here)
        self._last = place

    def _control(self, line: Line, here: Fault) -> None:
        """Take in what the chain says about itself."""
        said, number = _said(line), line.place.number
        if said.chain == "forgot":
            self._forgot[said.through] = said.through_code
        if said.chain == "dropped":
            note = f"line {number}: {said.lines} lines were not kept, the disk was full"
            self.report.notes.append(note)
        if said.missing is not None:
            self._blame(here, f"when this was written, lines up to {said.missing} were gone")
        if said.headless:
            self.report.notes.append(f"line {number}: the head file was gone by then")

    def _end(self, segment: segments.Segment, torn: recovery.Torn) -> None:
        """Look at what a crash left at the end of a segment."""
        with files.open_own(segment.path) as file:
            file.seek(torn.start)
            left = file.read(torn.size + 1)
        if hashlib.sha256(left).hexdigest() != torn.sha256:
            here = Fault(torn.segment, torn.start, "")
            self._blame(here, "what a crash left here is not what the next start found")
        note = f"{torn.segment}: a crash left {torn.size} bytes that are no line"
        self.report.notes.append(note)

    def _judge_first(self, line: Line, here: Fault) -> None:
        """The first line follows the beginning, or what was forgotten on purpose."""
        before = line.place.number - 1
        code = BEGINNING.code if before == 0 else self._forgot.get(before)
        if code is None:
            self._blame(here, f"lines up to {before} are missing")
        elif not line.follows(self._key, code):
            self._blame(here, f"line {line.place.number} was changed")
        elif before:
            self.report.notes.append(f"lines up to {before} were forgotten, as they were old")

    def _blame(self, here: Fault, what: str) -> None:
        self.report.fault_count += 1
        if len(self.report.faults) < FAULTS_MAX:
            self.report.faults.append(Fault(here.segment, here.offset, what))


def _said(line: Line) -> control.Said:
    try:
        return msgspec.json.decode(line.signed + b"}", type=control.Said)
    except msgspec.DecodeError:
        # Not ours, then: its code tells.
        return control.Said()


def _what(last: Place, place: Place) -> str:
    if place.number == last.number + 1:
        return f"line {place.number} was changed"
    if place.number > last.number + 1:
        gone = f"{last.number + 1} to {place.number - 1}"
        return f"lines {gone} are missing before line {place.number}"
    return f"line {place.number} stands after line {last.number}"

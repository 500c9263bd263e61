"""What volumes and snapshots of a simulation must have, as nobody in it can know.

Every guest finds on a volume what was written last, wherever that was; a snapshot has what its
volume had when it was cut, and a volume that is made of it begins with that.
"""

from collections.abc import Callable

from mallee.cloud.blocks import needed
from mallee.cloud.state import records
from mallee.cloud.state.view import View
from tests.simulation.blocks import Gone, Shelf
from tests.simulation.laws import Broken


class Truth:
    """What was written and cut, in marks."""

    def __init__(
        self, shelf: Shelf, view: Callable[[], View], broken: Callable[[BaseException], None]
    ) -> None:
        self._shelf = shelf
        self._view = view
        self._broken = broken
        self._written: dict[str, int] = {}
        """By volume, its last mark."""
        self._cut: dict[str, int] = {}
        """By snapshot."""
        self._late: set[str] = set()
        """Snapshots that were cut where the newest write was not."""
        self._complete: set[str] = set()

    def write(self, volume_id: str, found: int) -> int:
        """Take note that a guest writes over what it found; return the mark."""
        last = self._last(volume_id)
        if found != last:
            self._broken(Broken(f"{volume_id} has the mark {found}, and last was {last}"))
        mark = self._written[volume_id] = self._shelf.write(found)
        return mark

    def make(self, volume_id: str, found: int) -> None:
        """Take note that a volume is made, and with what it begins."""
        if found != self._last(volume_id):
            last = self._last(volume_id)
            self._broken(Broken(f"{volume_id} begins with the mark {found}, and not {last}"))

    def cut(self, volume_id: str, snapshot_id: str, mark: int) -> None:
        """Take note that a volume is cut which had this mark."""
        self._cut[snapshot_id] = mark
        if mark != self._last(volume_id):
            self._late.add(snapshot_id)

    def _last(self, volume_id: str) -> int:
        if volume_id not in self._written:
            record = self._view().get(records.VOLUME, volume_id)
            origin = "" if record is None else record.doc.snapshot_id
            self._written[volume_id] = self._cut[origin] if origin else 0
        return self._written[volume_id]

    def check_complete(self, view: View) -> None:
        """What a snapshot has is what was cut."""
        for one in view.list(records.SNAPSHOT):
            if one.id in self._late:
                raise Broken(f"{one.id} is of what its volume had before")
            content = one.doc.content
            if content is None or one.id in self._complete:
                continue
            try:
                found = self._shelf.read(content)
            except Gone as error:
                raise Broken(f"{one.id} is complete without {error}") from error
            if found != self._cut[one.id]:
                raise Broken(f"{one.id} has the mark {found}, and was cut at {self._cut[one.id]}")
            self._complete.add(one.id)

    def check_blocks(self, view: View) -> None:
        """Whatever is named by anything is there."""
        for id, content in needed.contents(view):
            try:
                self._shelf.read(content)
            except Gone as error:
                raise Broken(f"{id} needs {error}") from error

"""When users, roles, keys and passwords were last used, and for what: noted for every call.

A note is a line in memory. It is written down in the store when what is written there is older than
`COARSE_S`, so that somebody who calls a thousand times a second costs one small write in a quarter
of an hour; who asks gets both together. A killed process forgets that quarter. Called by the
pipeline, by signing in, and by IAM's reports. Not its business: who was refused what (the trail).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from mallee.cloud.state import records, store
from mallee.cloud.state.records import Kind
from mallee.model.identity.uses import Use, Uses

COARSE_S = 900.0
WRITTEN_AT_ONCE = 500
"""How many records one transaction writes: writers behind it wait no longer than that."""
HELD_MAX = 100_000
"""Notes that may be held back; beyond, everything is written as soon as it can be."""

PASSWORD = "password/"
_SIGNED_IN = ("signin", "SignIn")

Moments = Mapping[tuple[str, str], float]
"""When something was last done, by service and action, in seconds since the epoch."""


@dataclass(slots=True)
class _Notes:
    account: str
    at: dict[tuple[str, str], float]


class LastUses:
    """The notes of this process. Any thread may note and read: each step is one of a dict."""

    __slots__ = ("_notes", "_region")

    def __init__(self, region: str = "") -> None:
        self._region = region
        self._notes: dict[str, _Notes] = {}

    def note(self, account: str, id: str, moment: tuple[str, str], now: float) -> None:
        """Note that the one of that id did something now: an action of a service."""
        notes = self._notes.get(id)
        if notes is None:
            notes = self._notes[id] = _Notes(account, {})
        notes.at[moment] = now

    def note_password(self, account: str, user_id: str, now: float) -> None:
        """Note that a user signed in with his password."""
        self.note(account, PASSWORD + user_id, _SIGNED_IN, now)

    def of(self, view: store.View, id: str) -> Uses:
        """Return what is known of a user, a role, a key, or `PASSWORD` and a user."""
        record = view.get(records.USES, id)
        notes = self._notes.get(id)
        known = record.doc if record else Uses()
        return _merged(known, dict(notes.at), self._region) if notes else known

    def due(self, view: store.View) -> tuple[str, ...]:
        """Return the ids whose notes are to be written."""
        is_full = sum(len(notes.at) for notes in self._notes.values()) > HELD_MAX
        found: list[str] = []
        for id, notes in self._notes.items():
            record = view.get(records.USES, id)
            services = (record.doc if record else Uses()).services
            if is_full or any(
                at - _written(services, moment) >= COARSE_S for moment, at in notes.at.items()
            ):
                found.append(id)
        return tuple(found[:WRITTEN_AT_ONCE])

    def write(self, tx: store.Tx, ids: tuple[str, ...]) -> dict[str, dict[tuple[str, str], float]]:
        """Write the notes of these ids; return what was written, for `forget`."""
        written: dict[str, dict[tuple[str, str], float]] = {}
        for id in ids:
            notes = self._notes.get(id)
            if notes is None:
                continue
            written[id] = moments = dict(notes.at)
            if not is_there(tx, id):
                continue
            record = tx.get(records.USES, id)
            if record is None:
                tx.insert(records.USES, notes.account, id, _merged(Uses(), moments, self._region))
            else:
                tx.write(record, _merged(record.doc, moments, self._region))
        return written

    def forget(self, written: Mapping[str, Moments]) -> None:
        """Forget notes that are in the store now, save where there are newer ones."""
        for id, moments in written.items():
            notes = self._notes.get(id)
            if notes is None:
                continue
            notes.at = {key: at for key, at in notes.at.items() if at > moments.get(key, 0.0)}
            if not notes.at:
                del self._notes[id]


def last(uses: Uses) -> tuple[str, Use] | None:
    """Return the service that was used last, and when."""
    return max(uses.services.items(), key=lambda item: item[1].at, default=None)


_KINDS: Mapping[str, Kind[Any, Any]] = {
    "AIDA": records.USER,
    "AROA": records.ROLE,
    "AKIA": records.ACCESS_KEY,
    PASSWORD[:4]: records.LOGIN_PROFILE,
}
"""By the first four characters of an id."""


def is_there(view: store.View | store.Tx, id: str) -> bool:
    """Tell whether what the id is of is there still."""
    kind = _KINDS.get(id[:4])
    return kind is not None and view.get(kind, id.removeprefix(PASSWORD)) is not None


def _written(services: Mapping[str, Use], moment: tuple[str, str]) -> float:
    use = services.get(moment[0])
    return use.actions.get(moment[1], 0.0) if use else 0.0


def _merged(known: Uses, moments: Moments, region: str) -> Uses:
    services = dict(known.services)
    for (service, action), at in moments.items():
        use = services.get(service) or Use(at=at, region=region)
        actions = {**use.actions, action: max(at, use.actions.get(action, 0.0))}
        services[service] = replace(use, at=max(at, use.at), actions=actions)
    return Uses(services=services)

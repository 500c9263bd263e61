"""What a host makes of its looks at the next hops to the world: open, dead, or nobody can tell.

A hop that never answered proves nothing (a tunnel, a router that is asked otherwise), so only one
that has answered before can be dead; which have, outlives the agent. The same holds of landmarks,
the addresses further out: where one has answered, one has to. Invariants: (1) the first
look that fails ends `OPEN`, but *dead* is what has failed for `DEAD_AFTER_S`: when the router
itself dies, a standby is known to be no better before the host in charge is dead; (2) open is what
was well for `OPEN_AFTER_S` since it last failed.
Called by `lookout`. Pure: looks and monotonic seconds come in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from mallee.model.network.gateways import WaySeen, WayState

DEAD_AFTER_S = 10.0
OPEN_AFTER_S = 30.0


@dataclass(frozen=True, slots=True, order=True)
class Hop:
    """Where packets to the world go first."""

    device: str
    address: str
    """IPv4 or IPv6; empty: everything is on the wire itself."""


class Look(Enum):
    """What came of one look at a hop."""

    WELL = "well"
    """It answered, or there is nobody to ask and the device has a carrier."""
    SILENT = "silent"
    """It was asked, and did not answer."""
    CUT = "cut"
    """The device has no carrier, or is switched off."""


NOBODY_ASKED: Mapping[str, bool] = {}


@dataclass(slots=True)
class Outlook:
    """What is known of a host's way to the world."""

    known: frozenset[Hop] = frozenset()
    """The hops that were well, of those that there are or were last."""
    seen: WaySeen = field(default_factory=WaySeen)
    ailing: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """By device: those of its ports that have no carrier."""
    landmarks: frozenset[str] = frozenset()
    """Those that have answered, of those that are asked."""
    _is_well: bool | None = None
    """What came of the last look; None: nothing."""
    _since: float = 0.0
    """Since when all looks came to that."""
    _has_failed: bool = False
    """Whether it has not been open since it failed."""

    def note(
        self, looks: Mapping[Hop, Look], now: float, beyond: Mapping[str, bool] = NOBODY_ASKED
    ) -> None:
        """Take in a look at all hops that the kernel would use now; none: there is no route.

        `beyond` are the landmarks that were asked by them, and whether each answered.
        """
        well = frozenset(hop for hop, look in looks.items() if look is Look.WELL)
        answered = frozenset(one for one, has_answered in beyond.items() if has_answered)
        if well:
            self.known = well | self.known.intersection(looks)
            self.landmarks = answered | self.landmarks.intersection(beyond)
            if self.landmarks and not answered:
                self._note_failing(self._why_beyond(well), now)
            else:
                self._note_well(now)
        elif self.known and (not looks or self.known.intersection(looks)):
            self._note_failing(self._why(looks), now)
        else:
            # Others than those that were well: who knows whether they ever answer.
            self._is_well, self.seen = None, WaySeen()

    def _note_well(self, now: float) -> None:
        if self._is_well is not True:
            self._is_well, self._since = True, now
        if self._has_failed and now - self._since < OPEN_AFTER_S:
            self.seen = WaySeen()
        else:
            self._has_failed, self.seen = False, WaySeen(WayState.OPEN)

    def _note_failing(self, why: str, now: float) -> None:
        if self._is_well is not False:
            self._is_well, self._since, self._has_failed = False, now, True
        is_dead = now - self._since >= DEAD_AFTER_S
        self.seen = WaySeen(WayState.DEAD, why) if is_dead else WaySeen()

    def _why(self, looks: Mapping[Hop, Look]) -> str:
        if not looks:
            hop = min(self.known)
            return (
                f"The host has no default route any more; it led by {_words(hop)}. Give it one "
                "again, or take the role gateway from it."
            )
        hop = min(self.known.intersection(looks))
        if looks[hop] is Look.CUT:
            return (
                f"{hop.device}, its way to the world, has no carrier. Plug its cable in, and see "
                "the switch's port."
            )
        ports = self.ailing.get(hop.device, ())
        beside = f"; of {hop.device} {', '.join(ports)} has no carrier" if ports else ""
        return (
            f"{hop.address}, its next hop to the world, does not answer by {hop.device}{beside}. "
            "See whether that router runs, and what is between them."
        )

    def _why_beyond(self, well: frozenset[Hop]) -> str:
        hop = min(well)
        silent = ", ".join(sorted(self.landmarks))
        return (
            f"{_words(hop)} is there, and beyond it nobody answers any more ({silent}). See where "
            "that router leads, and its own way out."
        )


def _words(hop: Hop) -> str:
    return f"{hop.device} to {hop.address}" if hop.address else hop.device

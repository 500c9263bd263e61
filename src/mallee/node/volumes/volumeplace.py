"""Looks after the place where this host's volumes lie, and says what follows from what is seen.

While the place is away volumes wait, and no new ones come here: the host has no room (`bounded`).
Asked by the keeper of volumes before each of its rounds, and by `facts`. Not its business: how a
place is looked at (`do.places`).
"""

import msgspec

from mallee.kit import logs
from mallee.kit.clock import Clock
from mallee.model.configuration.settings import Settings
from mallee.model.hosts.hosts import Capacity
from mallee.model.layout import Layout
from mallee.node.do.storage import disks, places

PROBE_EVERY_S = 60.0
"""How often a place is tried out; whether it is there is looked at each time."""

log = logs.get(__name__)


class VolumePlace:
    """The place of one agent's volumes, which stays the same while the agent runs."""

    def __init__(self, layout: Layout, settings: Settings, host_id: str, clock: Clock) -> None:
        """Choose the place; it is looked at later."""
        self._settings = settings
        self._host_id = host_id
        self._clock = clock
        self._probed_at: float | None = None
        self._room_gib: int | None = None
        self._refusal = ""
        self.problem = ""
        """Cause and cure of what is wrong; empty: nothing is."""
        self.is_there = False
        """Whether volumes may be worked on."""
        self.layout = layout
        self._is_known = True
        try:
            self.layout = self._choose(layout)
        except (places.Away, OSError) as error:
            self.problem, self._is_known = str(error), False

    def _choose(self, layout: Layout) -> Layout:
        try:
            return places.choose(layout, self._settings.volumes, self._host_id)
        except places.Taken as taken:
            # What is there is served as before; it is neither moved nor forgotten.
            self._refusal = str(taken)
            return places.located(layout)

    def look(self) -> bool:
        """Look at the place; tell whether volumes may be worked on. Blocks."""
        if not self._is_known:
            return False
        if self.layout.placed is None:
            self.problem, self.is_there = self._refusal, True
            return True
        try:
            self._look()
        except (places.Away, OSError) as error:
            if self.is_there or not self.problem:
                log.warning("the place of volumes is away", error=str(error))
            self.problem, self.is_there = str(error), False
            self._probed_at = self._room_gib = None
            return False
        self.is_there = True
        return True

    def _look(self) -> None:
        record = places.read_record(self.layout)
        used = record.directory if record is not None else self._settings.volumes.directory
        # What the settings say of another directory is not said of this one: its marker is enough.
        mount = self._settings.volumes.mount and not self._refusal
        wanted = msgspec.structs.replace(self._settings.volumes, directory=used, mount=mount)
        host_id = record.host_id if record is not None else self._host_id
        places.ensure(self.layout, wanted, host_id)
        places.check_seen_by_libvirt(self.layout)
        now = self._clock.now()
        if self._probed_at is None or now >= self._probed_at + PROBE_EVERY_S:
            places.probe(self.layout)
            self._probed_at = now
        if self._room_gib is None:
            self._room_gib = places.room_gib(self.layout)
        self.problem = self._refusal
        try:
            disks.check_room(self.layout.volumes)
        except disks.DiskFull as full:
            self.problem = self.problem or f"Volumes have no room: {full}."

    def bounded(self, capacity: Capacity) -> Capacity:
        """Return what the host can carry, with the room that volumes have in their place."""
        if self.problem or not self.is_there:
            return msgspec.structs.replace(capacity, disk_gib=0)
        disk_gib = capacity.disk_gib
        if self._room_gib is not None:
            disk_gib = max(0, self._room_gib - self._settings.capacity.reserved_disk_gib)
        most = self._settings.volumes.capacity_gib
        return msgspec.structs.replace(capacity, disk_gib=min(disk_gib, most or disk_gib))

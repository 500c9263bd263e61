"""Keeps the image cache as large as the disk allows, and true: one image a round is read through.

Runs in the agent's loop; `ImageCache` asks it for room before it fetches. What a disk lies on, or
something that is wanted needs, stays. An image that is not what its name says any more is removed
when nothing lies on it, and named when something does. Which go is `plan.eviction`'s business.
"""

import asyncio
from collections.abc import Callable

from mallee.kit import clock, logs
from mallee.model.hosts.hosts import HostWanted
from mallee.model.layout import Layout
from mallee.node.do.storage import imageuses
from mallee.node.plan.guests import instances
from mallee.node.plan.storage import eviction
from mallee.node.plan.storage.eviction import Unneeded

ROUND_S = 600.0
STRETCH_EACH_S = 1.0
"""Verifying takes no more than `Verification.STRETCH_BYTES` of the disk in that time."""

log = logs.get(__name__)


class ImageKeeper:
    """The image cache of one host. Lives in the agent's loop; `make_room` blocks."""

    def __init__(
        self, layout: Layout, wanted: Callable[[], HostWanted | None], time: clock.Clock
    ) -> None:
        """`wanted` returns what the ledger has."""
        self._layout = layout
        self._wanted = wanted
        self._clock = time
        self._verified: dict[str, float] = {}
        """When each image was read through, by name."""
        self._spoiled: dict[str, str] = {}

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences about images that are spoiled, and cannot be removed."""
        return tuple(text for _, text in sorted(self._spoiled.items()))

    def make_room(self, needed_bytes: int = 0) -> None:
        """Give up images that nobody needs, as far as the room asks for it. Raises `OSError`."""
        if not self._layout.node_images.is_dir():
            return
        now = self._clock.now()
        free = self._unneeded(now)
        for image in eviction.choose(free, imageuses.room(self._layout), now, needed_bytes):
            log.info("image given up", sha256=image.name, bytes=image.taken_bytes)
            imageuses.remove(self._layout, image.name)

    async def run(self) -> None:
        """Look after the cache until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self.make_room)
                await self._verify_one()
            except OSError as error:
                log.warning("the image cache cannot be looked after", error=str(error))
            await asyncio.sleep(ROUND_S)

    def _unneeded(self, now: float) -> list[Unneeded]:
        there = list(imageuses.cached(self._layout))
        needed = self._needed()
        for image in there:
            if image.name in needed:
                imageuses.note_use(self._layout, image.name, now)
        return [image for image in there if image.name not in needed]

    def _needed(self) -> set[str]:
        wanted = self._wanted()
        named: set[str] = set()
        if wanted is not None:
            for instance in wanted.instances:
                named.update(blob.sha256 for blob in instances.blobs_of(instance))
            named.update(one.blob.sha256 for one in wanted.volumes if one.blob is not None)
        return named | imageuses.lain_on(self._layout)

    async def _verify_one(self) -> None:
        there = [image.name for image in await asyncio.to_thread(self._cached)]
        self._verified = {name: at for name, at in self._verified.items() if name in there}
        self._spoiled = {name: text for name, text in self._spoiled.items() if name in there}
        if not there:
            return
        name = min(there, key=lambda one: (self._verified.get(one, 0.0), one))
        reading = imageuses.Verification(self._layout, name)
        while (is_true := await asyncio.to_thread(reading.go_on)) is None:
            await asyncio.sleep(STRETCH_EACH_S)
        self._verified[name] = self._clock.now()
        if is_true:
            self._spoiled.pop(name, None)
        else:
            await asyncio.to_thread(self._settle_spoiled, name)

    def _settle_spoiled(self, name: str) -> None:
        if name not in self._needed():
            log.warning("a spoiled image is removed", sha256=name)
            imageuses.remove(self._layout, name)
            return
        self._spoiled[name] = (
            f"The image {name} in {self._layout.node_images} is not what its name says: its disk "
            "has lost bytes. Instances and volumes lie on it; move their data away, terminate "
            "them, and launch anew."
        )

    def _cached(self) -> list[Unneeded]:
        return list(imageuses.cached(self._layout))

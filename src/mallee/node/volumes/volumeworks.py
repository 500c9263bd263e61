"""What is done in the background to volumes that no guest has: merging their layers, filling them.

Part of `volumes`, which tells what is due and leaves a volume alone while it is worked on. All of
it may end at any moment, and goes on another time where it was.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable

from mallee.kit import logs
from mallee.model.layout import Layout
from mallee.node import apply
from mallee.node.do.storage import volumes
from mallee.node.volumes import layeredvolumes
from mallee.node.volumes.volumekeys import VolumeKeys

AGAIN_S = 15.0
"""What could not be done, or was begun by a guest's QEMU, is looked at again so much later."""

log = logs.get(__name__)


class Works:
    """The works under way. Lives in the agent's loop."""

    def __init__(self, layout: Layout, keys: VolumeKeys, done: Callable[[], None]) -> None:
        """`done` is called when a work has come to its end, or was ended."""
        self._layout = layout
        self._keys = keys
        self._done = done
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._one_merge = asyncio.Semaphore(1)
        self._one_fill = asyncio.Semaphore(1)
        self._begins_at: dict[str, float] = {}
        """When volumes may be worked on again of which a work failed, or was begun elsewhere."""

    def __contains__(self, volume_id: str) -> bool:
        return volume_id in self._tasks

    def under_way(self) -> tuple[str, ...]:
        """Return the volumes that are worked on."""
        return tuple(self._tasks)

    def begin_merge(self, volume_id: str, number: int) -> None:
        """Take a layer down."""
        directory = volumes.directory_of(self._layout, volume_id)

        async def merge() -> None:
            key = await layeredvolumes.key_of(self._keys, directory)
            await layeredvolumes.merge_off(directory, number, key)

        self._begin(volume_id, self._one_merge, merge)

    def begin_fill(self, volume_id: str) -> None:
        """Fill a volume with what it lies on."""
        directory = volumes.directory_of(self._layout, volume_id)

        async def fill() -> None:
            key = await layeredvolumes.key_of(self._keys, directory)
            await layeredvolumes.fill_off(directory, key)

        self._begin(volume_id, self._one_fill, fill)

    def may_begin(self, volume_id: str) -> bool:
        """Tell whether it is time to begin a work on a volume, again perhaps."""
        now = asyncio.get_running_loop().time()
        self._begins_at = {id: at for id, at in self._begins_at.items() if at > now}
        return volume_id not in self._begins_at

    def put_off(self, volume_id: str) -> None:
        """Have nobody begin a work on it for a while."""
        self._begins_at[volume_id] = asyncio.get_running_loop().time() + AGAIN_S

    def end(self, volume_id: str) -> None:
        """Have the work on a volume end soon."""
        if volume_id in self._tasks:
            self._tasks[volume_id].cancel()

    async def stop(self, volume_ids: Iterable[str]) -> None:
        """Have works end now: what is half merged is hidden by what lies above."""
        ending = [self._tasks[id] for id in volume_ids if id in self._tasks]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    def _begin(
        self,
        volume_id: str,
        turn: asyncio.Semaphore,
        work: Callable[[], Coroutine[None, None, None]],
    ) -> None:
        task = asyncio.create_task(self._work(volume_id, turn, work))
        self._tasks[volume_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(volume_id, None))

    async def _work(
        self,
        volume_id: str,
        turn: asyncio.Semaphore,
        work: Callable[[], Coroutine[None, None, None]],
    ) -> None:
        try:
            async with turn:
                await work()
        except asyncio.CancelledError:
            self._begins_at.pop(volume_id, None)
            self._done()
            raise
        except apply.FAILURES as error:
            self.put_off(volume_id)
            log.warning("a volume's layers stay as they are", volume=volume_id, error=str(error))
        else:
            self._begins_at.pop(volume_id, None)
            self._done()

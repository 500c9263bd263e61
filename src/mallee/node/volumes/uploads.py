"""Brings cuts of this host's volumes to the object store, in the background.

What is wanted comes with the slice (`VolumeWanted.upload`): of each volume the oldest cut that is
not there, and what it differs from. Each is brought by a thread (`bringing`). What fails is tried
again, ever more rarely, and its cause is told. Called by `daemon` (`run`) and `sync` (`seen`,
`poke`). Not its business: when a cut may go (the cloud says so).
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mallee.kit import logs
from mallee.model.compute.instances import Reason
from mallee.model.hosts.hosts import HostWanted
from mallee.model.layout import Layout
from mallee.model.storage.blocktrees import NotATree
from mallee.model.storage.datakeys import OpenedKey
from mallee.model.storage.snapshots import SnapshotSeen, UploadWanted
from mallee.node.do.storage import layerreader, volumes
from mallee.node.do.storage.blockstore import BlockMissing, StoreAway, StoreFull, StoreRefused
from mallee.node.passes import Passes
from mallee.node.volumes import bringing
from mallee.node.volumes.bringing import Bringing, Stopped
from mallee.node.volumes.volumekeys import NoKey, VolumeKeys

AT_ONCE = 2
LOOK_AFTER_S = 1.0
FIRST_RETRY_S = 2.0
LAST_RETRY_S = 60.0
FAILURES_MAX = 3
"""So often a layer may not be readable before its snapshot is in error: who waits for it gives up
then."""

_NO_PARENT = (BlockMissing, NotATree)
_FOR_NOW = (StoreAway, StoreFull, StoreRefused, NoKey, *_NO_PARENT)
"""What is not the fault of what this host keeps."""

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """A cut that is to be brought."""

    volume_id: str
    upload: UploadWanted
    is_encrypted: bool


@dataclass(slots=True)
class _Doing:
    """A job, and how far it is."""

    job: Job
    bringing: Bringing
    task: asyncio.Task[None] | None = None
    failures: int = 0
    """How often in a row what this host keeps could not be read."""
    retry_s: float = FIRST_RETRY_S
    due_at: float = 0.0
    """Monotonic seconds; before, it is left alone."""


class Uploader:
    """Brings what is wanted. Lives in the agent's loop."""

    def __init__(
        self,
        layout: Layout,
        wanted: Callable[[], HostWanted | None],
        passes: Passes,
        keys: VolumeKeys,
    ) -> None:
        """`wanted` gives the newest slice; `keys`, those of encrypted volumes."""
        self._layout = layout
        self._directory = layout.node / "uploads"
        self._wanted = wanted
        self._passes = passes
        self._keys = keys
        self._doing: dict[str, _Doing] = {}
        self._poked = asyncio.Event()

    def poke(self) -> None:
        """Look again: something else may be wanted."""
        self._poked.set()

    def seen(self) -> dict[str, SnapshotSeen]:
        """Return what is seen of each snapshot that is to be brought."""
        return {id: one.bringing.seen for id, one in self._doing.items()}

    async def run(self) -> None:
        """Bring what is wanted until cancelled."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            while True:
                self._poked.clear()
                try:
                    await self._settle()
                except OSError as error:
                    log.error("uploads cannot be looked at", error=str(error))
                try:
                    async with asyncio.timeout(LOOK_AFTER_S):
                        await self._poked.wait()
                except TimeoutError:
                    continue
        finally:
            await _end(self._doing.values())

    async def _settle(self) -> None:
        wanted = self._wanted()
        if wanted is None:
            return
        jobs = {
            one.upload.snapshot_id: Job(one.id, one.upload, bool(one.key_id))
            for one in wanted.volumes
            if one.upload is not None
        }
        over = [id for id, one in self._doing.items() if jobs.get(id) != one.job]
        await _end([self._doing.pop(id) for id in over])
        fresh = [id for id in jobs if id not in self._doing]
        if over or fresh:
            await asyncio.to_thread(_forget_others, self._directory, set(jobs))
        for id in fresh:
            self._doing[id] = await asyncio.to_thread(self._found, jobs[id])
        self._begin()

    def _found(self, job: Job) -> _Doing:
        """Return a job with what is known of it from before."""
        path = self._directory / f"{job.upload.snapshot_id}.json"
        note = bringing.read(path, job.upload)
        seen = note.seen if note else SnapshotSeen(attempt=job.upload.attempt)
        directory = volumes.directory_of(self._layout, job.volume_id)
        is_whole = note is not None and note.is_whole
        return _Doing(job, Bringing(job.upload, directory, path, seen, is_whole))

    def _begin(self) -> None:
        free = AT_ONCE - sum(one.task is not None for one in self._doing.values())
        now = time.monotonic()
        for one in self._doing.values():
            is_due = one.task is None and not one.bringing.seen.root and now >= one.due_at
            if free > 0 and is_due:
                one.task = asyncio.create_task(self._bring(one))
                free -= 1

    async def _bring(self, doing: _Doing) -> None:
        found, id = doing.bringing, doing.job.upload.snapshot_id
        doing.due_at = time.monotonic() + doing.retry_s
        try:
            key = await self._key_of(doing.job)
            await asyncio.to_thread(found.run, self._passes, key)
        except Stopped:
            return
        except (*_FOR_NOW, *layerreader.FAILURES, ValueError) as error:
            log.warning("snapshot not brought", snapshot=id, error=str(error))
            # What the parent was said to have is not there: all is brought anew, and so healed.
            found.is_whole |= isinstance(error, _NO_PARENT)
            cause = Reason("Server.InternalError", f"{str(error).rstrip('.')}.")
            doing.failures = 0 if isinstance(error, _FOR_NOW) else doing.failures + 1
            is_failed = doing.failures >= FAILURES_MAX
            found.seen = msgspec.structs.replace(found.seen, cause=cause, is_failed=is_failed)
            doing.due_at = time.monotonic() + doing.retry_s
            doing.retry_s = min(doing.retry_s * 2, LAST_RETRY_S)
        else:
            log.info("snapshot brought", snapshot=id, root=found.seen.root)
        finally:
            doing.task = None
            self._poked.set()

    async def _key_of(self, job: Job) -> OpenedKey | None:
        return await self._keys.fetch(job.volume_id) if job.is_encrypted else None


async def _end(those: Iterable[_Doing]) -> None:
    """End uploads: each hears of it between two looks at its disk."""
    found = list(those)
    for one in found:
        one.bringing.stop.set()
    tasks = [one.task for one in found if one.task is not None]
    await asyncio.gather(*tasks, return_exceptions=True)


def _forget_others(directory: Path, wanted: set[str]) -> None:
    for path in directory.glob("*.json"):
        if path.stem not in wanted:
            path.unlink(missing_ok=True)

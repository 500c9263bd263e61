"""Carries this host's transfers: disks that come in, and files that go out.

Part of the agent beside the reconciler: told what is wanted by the ledger, it works on one transfer
after the other, tells the cloud how far each is, and tells the end until the cloud has heard it. An
agent that is killed leaves nothing behind that matters: the next one begins anew, and what was
brought already is there. Called by `daemon`. How it is done is `importing`'s and `exporting`'s.
"""

import asyncio
import hashlib
import shutil
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from mallee.aws.bundles import Key, Locked
from mallee.aws.signature.sending import Caller
from mallee.kit import logs, process
from mallee.kit.clock import Clock
from mallee.model.hosts.hosts import HostWanted
from mallee.model.images.images import Blob
from mallee.model.layout import Layout
from mallee.model.storage.datakeys import OpenedKey
from mallee.model.storage.transfers import (
    WORDS_MAX,
    DiskSeen,
    KeyAsked,
    KeyTold,
    Phase,
    TransferPass,
    TransferSeen,
    TransferWanted,
    Way,
)
from mallee.node import cloud
from mallee.node.do.storage import blockstore, disks, images, objects, sandbox
from mallee.node.passes import Passes
from mallee.node.transfers import (
    bundlemaking,
    bundling,
    exporting,
    importing,
    parts,
    restoring,
    storing,
)
from mallee.node.transfers.importing import Brought, CalledOff

LOOK_S = 0.5
RETRY_S = 5.0
FIRST_UPLOAD_RETRY_S = 1.0
LAST_UPLOAD_RETRY_S = 20.0
"""So long nobody looks again whether what was not there has been uploaded: each time twice as long,
and at most this."""
TELL_S = 1.0
RENEW_BEFORE_S = 900.0
_LATER = (blockstore.StoreAway, objects.ObjectsAway, blockstore.StoreFull)
_FINAL = (
    sandbox.Refused,
    objects.ObjectRefused,
    blockstore.StoreRefused,
    blockstore.BlockMissing,
    disks.DiskFull,
    process.TimedOut,
    process.Failed,
    OSError,
    ValueError,
)

log = logs.get(__name__)


def choose_pause(last_s: float) -> float:
    """Return after how many seconds to look for an upload again, when it was `last_s` before."""
    return min(max(FIRST_UPLOAD_RETRY_S, 2 * last_s), LAST_UPLOAD_RETRY_S)


class Door(Protocol):
    """Who wants transfers and hears of them: the cloud."""

    @property
    def address(self) -> str:
        """The host name or address at which the cloud is reached."""
        ...

    async def fetch_transfer_pass(self, id: str) -> TransferPass:
        """Return what a transfer may touch; raises `CloudAway` and `Refused`."""
        ...

    async def fetch_volume_key(self, volume_id: str) -> OpenedKey:
        """Return what a transfer's disks are sealed with; raises `CloudAway` and `Refused`."""
        ...

    async def unlock_bundle(self, id: str, asked: KeyAsked) -> KeyTold:
        """Return the key of a transfer's bundle; raises `CloudAway` and `Refused`."""
        ...

    async def send_file(self, id: str, sha256: str, path: Path) -> None:
        """Bring a file that a transfer made; raises `CloudAway` and `Refused`."""
        ...

    def read_blob(self, sha256: str, offset: int) -> AsyncIterator[bytes]:
        """Return an image's file; raises `images.SourceAway` and `images.FetchFailed`."""
        ...

    async def tell_transfer(self, id: str, seen: TransferSeen) -> None:
        """Say how far a transfer is; raises `CloudAway` and `Refused`."""
        ...


@dataclass(slots=True)
class _Told:
    """What was last seen of an attempt at a transfer, and whether the cloud knows."""

    attempt: int
    disks: list[DiskSeen] = field(default_factory=list[DiskSeen])
    end: TransferSeen | None = None
    not_before: float = 0.0
    """When it is tried again, of one that waits; in seconds since the epoch."""
    pause_s: float = 0.0
    """How long it waited last for what was not uploaded."""
    is_new: bool = True
    is_heard: bool = False

    def again(self) -> "_Told":
        """Return what is told of the attempt from here on, as it is tried again."""
        return _Told(self.attempt, pause_s=self.pause_s)

    def wait_upload(self, now: float) -> None:
        """Have it wait, longer each time."""
        self.pause_s = choose_pause(self.pause_s)
        self.not_before = now + self.pause_s

    def seen(self) -> TransferSeen:
        """Return what is to be said."""
        if self.end is not None:
            return replace(self.end, attempt=self.attempt)
        disks = tuple(self.disks)
        percent = sum(one.percent for one in disks) // max(1, len(disks))
        words = next((one.words for one in disks if one.words), "")
        return TransferSeen(
            phase=Phase.WORKING, words=words, disks=disks, percent=percent, attempt=self.attempt
        )


@dataclass(slots=True)
class TransferKeeper:
    """The transfers of one host. Lives in the agent's loop."""

    layout: Layout
    wanted: Callable[[], HostWanted | None]
    door: Door
    passes: Passes
    clock: Clock
    _told: dict[str, _Told] = field(default_factory=dict[str, _Told])
    _working: dict[tuple[str, int], threading.Event] = field(
        default_factory=dict[tuple[str, int], threading.Event]
    )

    _loop: asyncio.AbstractEventLoop = field(init=False)

    async def run(self) -> None:
        """Carry transfers until cancelled."""
        self._loop = asyncio.get_running_loop()
        # What an agent that was killed had fetched: it is fetched anew, or wanted no more.
        await asyncio.to_thread(shutil.rmtree, self._place, ignore_errors=True)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._work())
            group.create_task(self._tell())
            group.create_task(self._watch())

    @property
    def _place(self) -> Path:
        """Where files lie that are worked on."""
        return self.layout.node / "transfers"

    async def _work(self) -> None:
        while True:
            for transfer in self._due():
                await self._carry(transfer)
            await asyncio.sleep(LOOK_S)

    def _due(self) -> list[TransferWanted]:
        wanted = self.wanted()
        transfers = wanted.transfers if wanted is not None else ()
        attempts = {one.id: one.attempt for one in transfers}
        for id, told in list(self._told.items()):
            if attempts.get(id) != told.attempt:
                del self._told[id]
        now = self.clock.now()
        # One that waits hinders no other.
        found = [one for one in transfers if not self._is_over(one.id, now)]
        return found[:1]

    def _is_over(self, id: str, now: float) -> bool:
        """Tell whether nothing is to be done for it: it has ended, or waits."""
        told = self._told.get(id)
        return told is not None and (told.end is not None or now < told.not_before)

    async def _watch(self) -> None:
        """Have work end that nobody wants any more."""
        while True:
            wanted = self.wanted()
            transfers = wanted.transfers if wanted is not None else ()
            known = {(one.id, one.attempt) for one in transfers}
            for key, off in self._working.items():
                if key not in known:
                    off.set()
            await asyncio.sleep(LOOK_S)

    async def _carry(self, transfer: TransferWanted) -> None:
        """Do a transfer, or as much as can be done now."""
        before = self._told.get(transfer.id) or _Told(transfer.attempt)
        told = self._told[transfer.id] = before.again()
        key = transfer.id, transfer.attempt
        off = self._working[key] = threading.Event()
        try:
            brought = await self._do(transfer, told, off)
            done = tuple(brought.disks)
            told.end = TransferSeen(phase=Phase.DONE, disks=done, percent=100, epoch=brought.epoch)
        except CalledOff:
            log.info("transfer called off", transfer=transfer.id)
        except parts.NotYet as error:
            waits = DiskSeen(words=str(error)[:WORDS_MAX])
            told.disks = [waits] * len(transfer.disks)
            told.wait_upload(self.clock.now())
        except _LATER as error:
            log.warning("transfer waits", transfer=transfer.id, error=str(error))
            told.not_before = self.clock.now() + RETRY_S
        except _FINAL as error:
            log.warning("transfer failed", transfer=transfer.id, error=str(error))
            words = str(error)[:WORDS_MAX]
            told.end = TransferSeen(phase=Phase.FAILED, words=words, disks=tuple(told.disks))
        finally:
            told.is_new = True
            del self._working[key]

    async def _do(self, transfer: TransferWanted, told: _Told, off: threading.Event) -> Brought:
        means = importing.Means(
            work=sandbox.Work(self._place / transfer.id),
            objects=objects.Objects(
                _Held(self, transfer.id).caller, transfer.out.tags if transfer.out else {}
            ),
            access=self.passes.access,
            off=off,
            key=await self._fetch_key(transfer, told) if transfer.key_id else None,
        )

        def hear(index: int, seen: DiskSeen) -> None:
            while len(told.disks) <= index:
                told.disks.append(DiskSeen())
            if told.disks[index] != seen:
                told.disks[index] = seen
                told.is_new = True

        if transfer.way in (Way.DISKS_IN, Way.PARTS_IN):
            return await importing.bring_disks(means, transfer, hear)
        if transfer.way is Way.IMAGE_IN:
            return await restoring.restore_image(means, transfer, hear)
        if transfer.way is Way.IMAGE_OUT:
            return await storing.store_image(means, transfer, hear)
        if transfer.way is Way.BUNDLE_OUT:
            ways = self._read_blob, await self._certificate(transfer.id)
            return await bundlemaking.make_bundle(means, transfer, hear, ways)
        if transfer.way is Way.DISK_OUT:
            return await exporting.take_disk(means, transfer, hear, self._read_blob)
        if transfer.way is Way.BUNDLE_IN:

            async def unlock(locked: Locked) -> Key:
                return await self._unlock(transfer.id, locked)

            async def send(blob: Blob, path: Path) -> None:
                await self._send_file(transfer.id, blob, path)

            return await bundling.bring_bundle(means, transfer, hear, (unlock, send))
        raise sandbox.Refused(f"This host's agent cannot do this yet: {transfer.way.value}.")

    async def _fetch_key(self, transfer: TransferWanted, told: _Told) -> OpenedKey:
        """Return what the disks of a transfer are sealed with; while it is off, later."""
        try:
            key = await self.door.fetch_volume_key(transfer.id)
        except (cloud.CloudAway, cloud.Refused) as error:
            told.disks = [DiskSeen(words=str(error)[:WORDS_MAX])]
            raise objects.ObjectsAway(str(error)) from error
        if key.id != transfer.key_id:
            raise objects.ObjectsAway("the cloud gives another key than it wants")
        return key

    async def _certificate(self, id: str) -> bytes:
        """Return for whom the key of a bundle is encrypted."""
        try:
            return (await self.door.fetch_transfer_pass(id)).certificate.encode()
        except cloud.CloudAway as error:
            raise objects.ObjectsAway(str(error)) from error
        except cloud.Refused as error:
            raise sandbox.Refused(str(error)) from error

    async def _unlock(self, id: str, locked: Locked) -> Key:
        try:
            told = await self.door.unlock_bundle(id, KeyAsked(locked.key, locked.iv))
            return Key(bytes.fromhex(told.key), bytes.fromhex(told.iv))
        except cloud.CloudAway as error:
            raise objects.ObjectsAway(str(error)) from error
        except (cloud.Refused, ValueError) as error:
            raise sandbox.Refused(str(error)) from error

    async def _send_file(self, id: str, blob: Blob, path: Path) -> None:
        try:
            await self.door.send_file(id, blob.sha256, path)
        except cloud.CloudAway as error:
            raise objects.ObjectsAway(str(error)) from error
        except cloud.Refused as error:
            raise sandbox.Refused(str(error)) from error

    def _read_blob(self, blob: Blob, path: Path) -> None:
        """Fetch an image's file; to be called in another thread than the loop's."""
        asyncio.run_coroutine_threadsafe(self._write_blob(blob, path), self._loop).result()

    async def _write_blob(self, blob: Blob, path: Path) -> None:
        digest = hashlib.sha256()
        try:
            with path.open("wb") as file:
                async for piece in self.door.read_blob(blob.sha256, 0):
                    file.write(piece)
                    digest.update(piece)
        except images.SourceAway as error:
            raise objects.ObjectsAway(str(error)) from error
        except images.FetchFailed as error:
            raise sandbox.Refused(str(error)) from error
        if digest.hexdigest() != blob.sha256:
            raise sandbox.Refused("The image's file is not what it was registered as.")

    async def _tell(self) -> None:
        while True:
            for id, told in list(self._told.items()):
                if told.is_new or (told.end is not None and not told.is_heard):
                    await self._tell_one(id, told)
            await asyncio.sleep(TELL_S)

    async def _tell_one(self, id: str, told: _Told) -> None:
        is_end, told.is_new = told.end is not None, False
        try:
            await self.door.tell_transfer(id, told.seen())
        except cloud.Refused as error:
            log.warning("nobody hears of the transfer", transfer=id, error=str(error))
        except cloud.CloudAway as error:
            log.info("transfer not told", transfer=id, error=str(error))
            told.is_new = True
            return
        told.is_heard = is_end


class _Held:
    """Credentials for a transfer's objects, renewed."""

    def __init__(self, keeper: TransferKeeper, id: str) -> None:
        self._keeper = keeper
        self._id = id
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._has: TransferPass | None = None

    def caller(self) -> Caller:
        """Return credentials that are good; to be called in another thread than the loop's.

        Raises `ObjectsAway` and `ObjectRefused`.
        """
        with self._lock:
            good_until = self._keeper.clock.now() + RENEW_BEFORE_S
            if self._has is None or self._has.expires_at < good_until:
                self._has = self._fetch()
            has = self._has
        return Caller(
            host=self._keeper.door.address,
            port=has.port,
            region=has.region,
            access_key_id=has.access_key_id,
            secret_access_key=has.secret_access_key,
            token=has.token,
        )

    def _fetch(self) -> TransferPass:
        asking = self._keeper.door.fetch_transfer_pass(self._id)
        waiting = asyncio.run_coroutine_threadsafe(asking, self._loop)
        try:
            return waiting.result()
        except cloud.CloudAway as error:
            raise objects.ObjectsAway(str(error)) from error
        except cloud.Refused as error:
            raise objects.ObjectRefused(str(error)) from error

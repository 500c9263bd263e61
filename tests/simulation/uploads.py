"""Brings cuts of a simulated host to the object store, as `node.volumes.uploads`.

What the parent has is counted on, what is there already is not put again; an upload of another
epoch begins anew. How far each is lies on the machine's disk.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Protocol

from msgspec import structs

from mallee.model.storage.passes import Pass, PassRequest
from mallee.model.storage.snapshots import SnapshotSeen, UploadWanted
from mallee.node import cloud
from tests.simulation.blocks import Gone, Shelf
from tests.simulation.disks import Disk, Layers, Upload

LOOK_AFTER_S = 5.0


class Luck(Protocol):
    """The machine, as far as uploads feel it."""

    shelf: Shelf

    def pause_s(self) -> float:
        """Return how long a piece of work takes."""
        ...

    def loses(self) -> bool:
        """Tell whether a message is lost."""
        ...

    def on_fault(self, error: BaseException, /) -> None:
        """A law is broken."""
        ...


class Door(Protocol):
    """The cloud, as the machine calls it."""

    async def fetch_pass(self, asked: PassRequest) -> Pass: ...


class Uploads:
    """As `node.volumes.uploads.Uploader`, of one agent."""

    def __init__(self, disk: Disk, door: Door, luck: Luck) -> None:
        self._disk = disk
        self._door = door
        self._luck = luck
        self._poked = asyncio.Event()

    def poke(self) -> None:
        """Look again: something else may be wanted."""
        self._poked.set()

    def seen(self) -> dict[str, SnapshotSeen]:
        """Return what is seen of each snapshot that is to be brought."""
        wanted = {upload.snapshot_id: upload for _, upload in self._jobs()}
        uploads = self._disk.uploads
        return {id: one.seen for id, one in uploads.items() if wanted.get(id) == one.wanted}

    def _jobs(self) -> Iterator[tuple[str, UploadWanted]]:
        for one in self._disk.wanted.volumes if self._disk.wanted else ():
            if one.upload is not None:
                yield one.id, one.upload

    async def run(self) -> None:
        """Bring what is wanted until cancelled."""
        uploads = self._disk.uploads
        while True:
            self._poked.clear()
            wanted = {upload.snapshot_id for _, upload in self._jobs()}
            for id in uploads.keys() - wanted:
                del uploads[id]
            for volume_id, upload in [*self._jobs()]:
                await self._try(volume_id, upload)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AFTER_S):
                    await self._poked.wait()

    async def _try(self, volume_id: str, upload: UploadWanted) -> None:
        done = self._disk.uploads.get(upload.snapshot_id)
        layers = self._disk.layers(volume_id)
        if layers is None or (done is not None and done.wanted == upload and done.seen.root):
            return
        try:
            await self._bring(layers, upload)
        except (cloud.CloudAway, cloud.Refused):
            return
        except Gone as error:
            self._luck.on_fault(error)

    async def _bring(self, layers: Layers, upload: UploadWanted) -> None:
        """Bring a cut. Raises `CloudAway` and `Refused`, and `Gone` when it is not here."""
        asked = PassRequest(account=upload.account, writes_for=upload.snapshot_id)
        epoch = (await self._door.fetch_pass(asked)).epoch
        note = self._note(upload, epoch)
        if upload.cut not in layers.there:
            raise Gone(f"the cut of {upload}")
        shelf = self._luck.shelf
        there = shelf.objects.setdefault(upload.account, set())
        for mark in self._missing(layers, upload, note):
            await asyncio.sleep(self._luck.pause_s())
            if self._luck.loses():
                raise cloud.CloudAway("the object store does not answer")
            there.add(mark)
        await asyncio.sleep(self._luck.pause_s())
        note.seen = structs.replace(
            note.seen,
            root=shelf.put_root(upload.account, layers.marks[upload.cut]),
            size_bytes=layers.size_gib << 30,
        )

    def _note(self, upload: UploadWanted, epoch: int) -> Upload:
        """Return how far an upload is, if nothing of that can be gone."""
        known = self._disk.uploads.get(upload.snapshot_id)
        if known is not None and (known.wanted, known.epoch) == (upload, epoch):
            return known
        is_whole = known is not None and known.wanted == upload and known.is_whole
        seen = SnapshotSeen(attempt=upload.attempt, epoch=epoch)
        note = self._disk.uploads[upload.snapshot_id] = Upload(upload, epoch, seen, is_whole)
        return note

    def _missing(self, layers: Layers, upload: UploadWanted, note: Upload) -> Iterator[int]:
        """Yield the marks that have to be put, each as soon as it is asked for: what is there is
        left out. Raises `Gone`."""
        shelf, base = self._luck.shelf, 0
        if upload.parent is not None and not note.is_whole:
            try:
                base = shelf.read(upload.parent)
            except Gone:
                # Nobody keeps it for this: all is brought, and so it is there again.
                note.is_whole = True
            else:
                told = layers.marks[upload.base_cut] if upload.base_cut else layers.origin
                if told != base:
                    raise Gone(f"{told}, from which {upload} is told, is not {base}")
        for mark in shelf.since(layers.marks[upload.cut], base):
            if mark not in shelf.objects[upload.account]:
                yield mark

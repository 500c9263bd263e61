"""Looks at the roots of images that were registered of snapshots: what would start a guest of them.

What a disk is made of, imports and bundles are told by the host that brings it; of a snapshot
nobody has looked, and what cannot be started would be found out as a guest that never answers. So
its first blocks are read once they are in the object store: a lone root file system gets the
cloud's kernel and ramdisk, as an imported one does; of what nothing starts the image says so
(`StateReason`), and stays: its owner may know better. Called by the runner, in the process that has
the blocks.
"""

import asyncio
from dataclasses import dataclass, field

from msgspec.structs import replace

from mallee.cloud.blocks import datakeys, stored
from mallee.cloud.reconcile.images import importedimages
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.kit import clock as clocks
from mallee.kit import logs, secretbox
from mallee.model.images.images import root_mapping
from mallee.model.storage import blocktrees, partitions
from mallee.model.storage.blockobjects import PLAIN, Coder
from mallee.model.storage.blocktrees import BLOCK_BYTES, HOLE
from mallee.model.storage.partitions import Found
from mallee.model.storage.sealedblocks import Sealed
from mallee.model.storage.snapshots import Content, Snapshot
from mallee.walrus.errors import Closed, Corrupt, Gone, Unreachable
from mallee.walrus.seam import Engine

EVERY_S = 5.0
RETRY_S = 30.0

_LATER = (stored.Missing, Corrupt, Gone, Unreachable, datakeys.Locked, blocktrees.NotATree, OSError)
_log = logs.get(__name__)


def reconciler(
    opened: store.Store,
    engine: Engine,
    keys_file: secretbox.KeyFile,
    clock: clocks.Clock = clocks.SYSTEM,
) -> Reconciler:
    """Return the reconciler; its keys are the images of which nobody has looked at the root."""
    looker = _Looker(opened, engine, keys_file, clock)
    return Reconciler(
        name="roots of images", keys=looker.keys, settle=looker.settle, every_s=EVERY_S
    )


@dataclass(slots=True)
class _Looker:
    """Looks at one root after the other."""

    store: store.Store
    engine: Engine
    keys_file: secretbox.KeyFile
    clock: clocks.Clock
    _not_before: dict[str, float] = field(default_factory=dict[str, float])
    """When what could not be read is tried again, by the clock that never steps."""

    def keys(self) -> tuple[str, ...]:
        """Return the images whose roots can be looked at."""
        view, now = self.store.view, self.clock.monotonic()
        unseen = view.by(records.IMAGE, "unseen", "yes")
        self._not_before = {
            one.id: self._not_before[one.id] for one in unseen if one.id in self._not_before
        }
        return tuple(
            one.id
            for one in unseen
            if self._not_before.get(one.id, 0.0) <= now and _root_of(view, one.id) is not None
        )

    async def settle(self, id: str) -> None:
        """Look at one image's root, and write down what follows."""
        root = _root_of(self.store.view, id)
        if root is None or root.content is None:
            return
        try:
            self.keys_file.look()
            coder = self._coder(root)
            found = await asyncio.to_thread(look, self.engine, root.content, coder)
        except Closed:
            return
        except _LATER as error:
            _log.warning("root of an image not looked at", image=id, why=str(error))
            self._not_before[id] = self.clock.monotonic() + RETRY_S
            return
        await self.store.run(lambda tx: note(tx, id, found))

    def _coder(self, root: Snapshot) -> Coder:
        if root.key is None:
            return PLAIN
        return Sealed(datakeys.opened(self.store.view, self.keys_file.box, root.key))


def _root_of(view: store.View, image_id: str) -> Snapshot | None:
    """Return the snapshot of an image's root, once all of it is in the object store."""
    image = view.get(records.IMAGE, image_id)
    mapping = root_mapping(image.doc) if image is not None else None
    snapshot = view.get(records.SNAPSHOT, mapping.snapshot_id) if mapping is not None else None
    return snapshot.doc if snapshot is not None and snapshot.doc.content is not None else None


def look(engine: Engine, content: Content, coder: Coder) -> Found:
    """Return what is on a disk, as far as it says so itself. Blocks."""

    def load(name: bytes) -> bytes:
        return PLAIN.decode(name, stored.get(engine.reader, content.account, name))

    root = blocktrees.decode(load(bytes.fromhex(content.root)))

    def block(index: int) -> bytes:
        name = blocktrees.block_name(root, index, load)
        if name == HOLE:
            return bytes(BLOCK_BYTES)
        return coder.decode(name, stored.get(engine.reader, content.account, name))

    def read(offset: int, length: int) -> bytes:
        end = min(offset + length, root.size_bytes)
        if not 0 <= offset < end:
            return b""
        first, last = offset // BLOCK_BYTES, (end - 1) // BLOCK_BYTES
        data = b"".join(block(index) for index in range(first, last + 1))
        return data[offset - first * BLOCK_BYTES : end - first * BLOCK_BYTES]

    return partitions.find(read, root.size_bytes)


def note(tx: store.Tx, image_id: str, found: Found) -> None:
    """Write down what follows from what is on an image's root."""
    record = tx.get(records.IMAGE, image_id)
    if record is None or record.doc.is_seen:
        return
    doc = replace(record.doc, is_seen=True, is_root_file_system=found.is_root_file_system)
    try:
        boot_mode = importedimages.boot_mode(doc.boot_mode, found)
        kernel_id, ramdisk_id = importedimages.boot_files(tx, found)
    except importedimages.Unbootable as error:
        tx.write(record, replace(doc, state_reason=str(error)))
        return
    tx.write(record, replace(doc, boot_mode=boot_mode, kernel_id=kernel_id, ramdisk_id=ramdisk_id))

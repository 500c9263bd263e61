"""Brings one cut to the object store: reads it, puts it, writes down how far it is.

Called by `uploads`, in a thread: everything blocks. A note beside says how far it came, so that
whoever was killed goes on there; of the same upload, in the same epoch of the account's blocks,
nothing that was put can be gone.
"""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from mallee.kit import files, logs
from mallee.model.storage.blockobjects import PLAIN
from mallee.model.storage.blocktrees import BLOCK_BYTES
from mallee.model.storage.datakeys import OpenedKey
from mallee.model.storage.passes import PassRequest
from mallee.model.storage.sealedblocks import Sealed
from mallee.model.storage.snapshots import SnapshotSeen, UploadWanted
from mallee.node.do.storage import blockuploads, layerreader
from mallee.node.do.storage.blockstore import Blockstore
from mallee.node.do.storage.blockuploads import Progress
from mallee.node.passes import Passes

NOTED_AFTER_S = 2.0
"""How far an upload is, is written down and told no more often."""

log = logs.get(__name__)


class Stopped(Exception):
    """The upload is not wanted any more, or we end."""


class Note(msgspec.Struct, frozen=True):
    """What is kept of an upload over a restart."""

    upload: UploadWanted
    seen: SnapshotSeen
    progress: Progress
    is_whole: bool = False
    """Whether it looks at all that there is, whatever the parent has."""


@dataclass(slots=True)
class Bringing:
    """One upload."""

    upload: UploadWanted
    directory: Path
    """Of the volume."""
    note: Path
    seen: SnapshotSeen
    is_whole: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    _last: Progress = field(default_factory=Progress)
    _noted_at: float = 0.0

    def run(self, passes: Passes, key: OpenedKey | None) -> None:
        """Bring it. Raises `Stopped`, `blockstore`'s errors and `layerreader.FAILURES`."""
        asked = PassRequest(account=self.upload.account, writes_for=self.upload.snapshot_id)
        access = passes.access(asked)
        epoch = access().given.epoch
        parent = None if self.is_whole else self.upload.parent
        begun = self._begun(epoch)
        self.seen = msgspec.structs.replace(self.seen, epoch=epoch)
        store = Blockstore(access, PLAIN if key is None else Sealed(key.secret))
        means = blockuploads.Means(store, self._told, self._check)
        base = None if parent is None else self.upload.base_cut
        try:
            with layerreader.opened(self.directory, self.upload.cut, base, key) as source:
                name = bytes.fromhex(parent.root) if parent else None
                root = blockuploads.upload(means, source, name, begun)
                size_bytes = source.size_bytes
        finally:
            store.close()
        self._note(
            msgspec.structs.replace(
                self._seen_at(self._last),
                root=root.hex(),
                size_bytes=size_bytes,
                full_bytes=(parent.full_bytes if parent else 0)
                + self._last.more_blocks * BLOCK_BYTES,
            ),
            Progress(),
        )

    def _begun(self, epoch: int) -> Progress | None:
        """Return how far a former run of it came, if nothing of that can be gone."""
        note = read(self.note, self.upload)
        if note is None or (note.seen.epoch, note.is_whole) != (epoch, self.is_whole):
            return None
        return note.progress

    def _check(self) -> None:
        if self.stop.is_set():
            raise Stopped

    def _told(self, progress: Progress) -> None:
        self._last = progress
        now = time.monotonic()
        if now >= self._noted_at + NOTED_AFTER_S:
            self._noted_at = now
            self._note(self._seen_at(progress), progress)

    def _seen_at(self, progress: Progress) -> SnapshotSeen:
        return SnapshotSeen(
            attempt=self.upload.attempt,
            epoch=self.seen.epoch,
            done_bytes=progress.done_bytes,
            total_bytes=progress.total_bytes,
        )

    def _note(self, seen: SnapshotSeen, progress: Progress) -> None:
        """Write down how far it is, and say it; without a note it would begin anew, and no more."""
        note = Note(self.upload, seen, progress, self.is_whole)
        try:
            files.write_atomically(self.note, msgspec.json.encode(note))
        except OSError as error:
            log.warning("upload not noted", path=str(self.note), error=str(error))
        self.seen = seen


def read(path: Path, upload: UploadWanted) -> Note | None:
    """Return what was noted of the very same upload."""
    try:
        note = msgspec.json.decode(path.read_bytes(), type=Note)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        log.warning("note of an upload unreadable", path=str(path), error=str(error))
        return None
    return note if note.upload == upload else None

"""The agent's memory on disk: what the cloud wants of this host, and how far each instance got.

Written before it is acted on and read again at start, so the agent keeps its guests without the
cloud. One writer, the agent; all calls block for a sync to disk.

Invariants:
1. The generation never goes back: an older `HostWanted` is refused.
2. A file that cannot be read is put aside, never overwritten: the agent then wants nothing (and
   touches nothing) until the cloud has told it.
"""

from pathlib import Path
from typing import TypeVar

import msgspec

from mallee.kit import files, logs
from mallee.model.hosts.hosts import HostWanted
from mallee.model.layout import Layout
from mallee.node.plan.guests.progress import Progress

T = TypeVar("T")

log = logs.get(__name__)


class Ledger:
    """What is wanted of this host and how far it got; `problems` says what could not be read."""

    def __init__(self, layout: Layout) -> None:
        """Read what an earlier agent left under `layout`."""
        self._wanted_path = layout.ledger
        self._progress_directory = layout.progress
        self._progress_directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.problems: list[str] = []
        self.wanted: HostWanted | None = self._read(self._wanted_path, HostWanted)
        self.progress: dict[str, Progress] = {}
        self._unwritten: set[str] = set()
        """Instances of which the disk knows less than memory."""
        for path in sorted(self._progress_directory.glob("*.json")):
            progress = self._read(path, Progress)
            if progress is not None:
                self.progress[path.stem] = progress

    @property
    def generation(self) -> int:
        """The generation that is held; 0 before the first."""
        return 0 if self.wanted is None else self.wanted.generation

    @property
    def is_written(self) -> bool:
        """Whether an agent that begins anew would find all that was kept."""
        return not self._unwritten

    def accept(self, wanted: HostWanted) -> bool:
        """Keep a newer generation; tell whether it was one."""
        if wanted.generation <= self.generation:
            return False
        files.write_atomically(self._wanted_path, msgspec.json.encode(wanted))
        self.wanted = wanted
        return True

    def keep(self, instance_id: str, progress: Progress) -> None:
        """Keep how far an instance got. Raises `OSError`; it is then kept in memory alone, and
        written when the same is to be kept once more."""
        if self.progress.get(instance_id) == progress and instance_id not in self._unwritten:
            return
        self.progress[instance_id] = progress
        self._unwritten.add(instance_id)
        files.write_atomically(self._path(instance_id), msgspec.json.encode(progress))
        self._unwritten.discard(instance_id)

    def forget(self, instance_id: str) -> None:
        """Forget an instance of which nothing is left."""
        self._unwritten.discard(instance_id)
        if self.progress.pop(instance_id, None) is not None:
            self._path(instance_id).unlink(missing_ok=True)

    def _path(self, instance_id: str) -> Path:
        return self._progress_directory / f"{instance_id}.json"

    def _read(self, path: Path, kind: type[T]) -> T | None:
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except FileNotFoundError:
            return None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            aside = path.with_suffix(".unreadable")
            path.rename(aside)
            problem = f"{path} cannot be read ({error}); it was put aside as {aside}."
            log.error("unreadable", path=str(path), error=str(error))
            self.problems.append(problem)
            return None

"""What was cut and is not yet confirmed: written beside a volume's layers before it is told.

A cut is told to the cloud, which writes a snapshot down, or dies before it does. Until it has said
one or the other the layer stays. All calls block for a sync to disk.
"""

from pathlib import Path

import msgspec

from mallee.kit import files
from mallee.model.storage.snapshots import Cut

_FILE = "cuts.json"


def read(directory: Path) -> dict[str, Cut]:
    """Return the cuts of a volume that are not confirmed, by snapshot. Raises `OSError`."""
    path = directory / _FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Cut])
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError as error:
        raise OSError(f"{path} cannot be read: {error}") from error


def note(directory: Path, cut: Cut) -> None:
    """Remember a cut; twice is once."""
    _write(directory, {**read(directory), cut.snapshot_id: cut})


def forget(directory: Path, snapshot_ids: frozenset[str]) -> None:
    """Forget cuts of which the cloud has spoken; such as are not there: nothing."""
    known = read(directory)
    left = {id: cut for id, cut in known.items() if id not in snapshot_ids}
    if left != known:
        _write(directory, left)


def _write(directory: Path, kept: dict[str, Cut]) -> None:
    files.write_atomically(directory / _FILE, msgspec.json.encode(kept))

"""What a host has written down of migrations: whose a guest is, whatever happens to the agent.

The old host writes that it has given a guest away before it says so; the new one, what it was given
it by, before it lets it run. One small file for each instance; all calls block for a sync to disk.
"""

from pathlib import Path

import msgspec

from mallee.kit import files, logs
from mallee.model.layout import Layout

log = logs.get(__name__)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the last migration of an instance here."""

    migration_id: str
    is_coming: bool
    """Whether this is the host to which it comes."""
    proof: str = ""
    """The old host's: what it made up; the new host's: what it was given."""
    is_given: bool = False
    """Whether the guest is the new host's."""
    is_handed: bool = False
    """Whether files are being handed over, and it is not given: then the guest may run here only
    when the new host's machine has let them go."""


def read(layout: Layout, instance_id: str) -> Entry | None:
    """Return what was written down; raises `OSError` when that cannot be read: nobody may guess
    whose a guest is."""
    path = _path(layout, instance_id)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Entry)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise OSError(f"{path} cannot be read: {error}") from error


def write(layout: Layout, instance_id: str, entry: Entry) -> None:
    """Write it down, for good when this returns. Raises `OSError`."""
    path = _path(layout, instance_id)
    path.parent.mkdir(exist_ok=True, mode=0o700)
    files.write_atomically(path, msgspec.json.encode(entry))
    files.sync_directory(path.parent)


def forget(layout: Layout, instance_id: str) -> None:
    """Forget it; nothing is known: nothing."""
    _path(layout, instance_id).unlink(missing_ok=True)


def _path(layout: Layout, instance_id: str) -> Path:
    return layout.node / "migrations" / f"{instance_id}.json"

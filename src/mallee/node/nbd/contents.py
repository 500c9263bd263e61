"""What of a volume comes from the object store: noted beside its layers, and where it is served.

The agent notes a volume's content before it makes the ground that lies on it, and forgets it when
nothing does any more; the block server looks it up when QEMU asks for an export, which is called as
the volume. So neither needs the other to be there. What cannot be read is told the other way, in
one file. All calls block.
"""

from pathlib import Path

import msgspec

from mallee.kit import files
from mallee.model.layout import Layout
from mallee.model.storage.snapshots import Content

Troubles = dict[str, dict[int, str]]
"""By volume, and by block of it: why it cannot be read."""
_FILE = "content.json"


def note(directory: Path, content: Content) -> None:
    """Write down what a volume lies on; its directory is there. Twice is once."""
    if read(directory) != content:
        files.write_atomically(directory / _FILE, msgspec.json.encode(content))


def read(directory: Path) -> Content | None:
    """Return what a volume lies on; None: on nothing of the store's. Raises `OSError`."""
    path = directory / _FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Content)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise OSError(f"{path} cannot be read: {error}") from error


def forget(directory: Path) -> None:
    """Forget what a volume lay on; it is served no more. Twice is once."""
    (directory / _FILE).unlink(missing_ok=True)


def write_troubles(layout: Layout, troubles: Troubles) -> None:
    """Tell which blocks of which volumes cannot be read."""
    files.write_atomically(layout.block_troubles, msgspec.json.encode(troubles))


def read_troubles(layout: Layout) -> Troubles:
    """Return which blocks of which volumes cannot be read. Raises `OSError`."""
    try:
        return msgspec.json.decode(layout.block_troubles.read_bytes(), type=Troubles)
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError as error:
        raise OSError(f"{layout.block_troubles} cannot be read: {error}") from error

"""What of snapshots shall stay on this host, and how far that is: two files between two processes.

The agent writes down what the cloud wants pinned, the block server brings it (`pinning`) and writes
down how far it is. Neither needs the other to be there. All calls block.
"""

import msgspec

from mallee.kit import files
from mallee.model.layout import Layout
from mallee.model.storage.fastrestores import PinSeen, PinWanted

Wanted = tuple[PinWanted, ...]
Seen = dict[str, PinSeen]
"""By snapshot."""


def write_wanted(layout: Layout, wanted: Wanted) -> None:
    """Say what shall be pinned. Twice is once."""
    former = read_wanted(layout)
    fresh = {one.snapshot_id for one in wanted if one not in former}
    # A block server that was not there when it was let go has not taken back what it said.
    write_seen(layout, {id: one for id, one in read_seen(layout).items() if id not in fresh})
    if not wanted:
        # Without the file the block server need not run (`daemon`).
        layout.pins.unlink(missing_ok=True)
    elif former != wanted:
        files.write_atomically(layout.pins, msgspec.json.encode(wanted))


def read_wanted(layout: Layout) -> Wanted:
    """Return what shall be pinned. Raises `OSError`."""
    try:
        return msgspec.json.decode(layout.pins.read_bytes(), type=Wanted)
    except FileNotFoundError:
        return ()
    except msgspec.DecodeError as error:
        raise OSError(f"{layout.pins} cannot be read: {error}") from error


def write_seen(layout: Layout, seen: Seen) -> None:
    """Say how far it is. Twice is once."""
    if read_seen(layout) != seen:
        files.write_atomically(layout.pinned, msgspec.json.encode(seen))


def read_seen(layout: Layout) -> Seen:
    """Return how far it is. Raises `OSError`."""
    try:
        return msgspec.json.decode(layout.pinned.read_bytes(), type=Seen)
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError as error:
        raise OSError(f"{layout.pinned} cannot be read: {error}") from error

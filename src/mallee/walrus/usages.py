"""What every bucket holds, for a process that does not have the store open.

Called by the administration. Not its business: what the buckets are called, and whose they are.
"""

import contextlib
from pathlib import Path

from mallee.walrus import index, places
from mallee.walrus.records import Usage


def read(root: Path) -> dict[int, Usage]:
    """Return the usage by the bucket's number; one that never held anything is not there."""
    path = places.Places(root).index
    if not path.exists():
        return {}
    with contextlib.closing(index.connect(path, reads_only=True)) as connection:
        rows = connection.execute("SELECT bucket, versions, bytes FROM usage").fetchall()
    return {bucket: Usage(versions, size) for bucket, versions, size in rows}

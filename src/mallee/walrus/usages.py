"""What every bucket holds, for a process that does not have the store open.

Called by the administration. Not its business: what the buckets are called, and whose they are.
"""

import contextlib
from pathlib import Path

from mallee.walrus import index, looks, terms
from mallee.walrus.records import Usage


def read(root: Path) -> dict[int, Usage]:
    """Return the usage by the bucket's number; one that never held anything is not there."""
    path = terms.find(root).index
    if not path.exists():
        return {}
    with contextlib.closing(index.connect(path, reads_only=True)) as connection:
        if connection.execute("PRAGMA user_version").fetchone()[0] < index.FORMAT:
            # The process that has the store open is about to make it the format of now.
            return {}
        rows = connection.execute(f"SELECT bucket, {looks.USAGE} FROM usage").fetchall()
    return {bucket: Usage(*held) for bucket, *held in rows}

"""Copies of the index: what the store is opened with again when the index itself is lost.

Heads of packs and names of files tell no keys, so the index cannot be made anew from them. Once a
day a whole copy of it is put beside it. Called by `engine` in the tidier's thread. Not its
business: copies of the bytes, which never change and can be copied at any time.
"""

import contextlib
import os

from mallee.kit import files
from mallee.walrus import contents, index, places
from mallee.walrus.contents import Means
from mallee.walrus.disk import Disk
from mallee.walrus.errors import BrokenIndex
from mallee.walrus.places import Places

COPY_EVERY_S = 86_400.0


def copy_index(means: Means, now: float) -> bool:
    """Put a copy of the index in the place of the one before, if that is old; tell whether.

    Raises `NoSpace` when the copy would not leave the reserve.
    """
    where = means.places
    if _age_s(means, now) < COPY_EVERY_S:
        return False
    with places.alone(where.copying):
        if _age_s(means, now) < COPY_EVERY_S:
            return False
        contents.check_room(means, where.index.stat().st_size)
        aside = where.home / "index.copying"
        aside.unlink(missing_ok=True)
        with contextlib.closing(index.connect(where.index)) as connection:
            connection.execute("VACUUM INTO ?", (str(aside),))
        descriptor = means.disk.open(aside)
        try:
            os.fsync(descriptor)
        finally:
            means.disk.close(descriptor)
        aside.chmod(files.PRIVATE)
        means.fence.check()
        aside.replace(where.index_copy)
        files.sync_directory(where.root)
    return True


def check_index_is_there(where: Places, disk: Disk) -> None:
    """Raise `BrokenIndex` where bytes are and no index: an empty one would make them garbage."""
    if where.index.exists():
        return
    for folder in (where.packs, where.files):
        if next(disk.ids(folder), None) is not None:
            raise BrokenIndex(
                f"the index {where.index} is gone, and the objects are not: put {where.index_copy} "
                "in its place, then see what is missing: mallee buckets check"
            )


def _age_s(means: Means, now: float) -> float:
    try:
        return now - means.places.index_copy.stat().st_mtime
    except FileNotFoundError:
        return float("inf")

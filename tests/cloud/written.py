"""What lies in files that others write meanwhile."""

import contextlib
from pathlib import Path


def contents(folder: Path) -> dict[Path, bytes]:
    """Return what all files below a folder hold.

    One that is written aside has taken its place, perhaps, when it is looked at.
    """
    found: dict[Path, bytes] = {}
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file():
                found[path] = path.read_bytes()
    return found

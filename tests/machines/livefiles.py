"""Files of a cloud that goes on meanwhile: what one look has found may be gone at the next."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def paths(root: Path) -> Iterator[Path]:
    """All directories and what is in them, whatever of it goes while this looks."""
    for directory, _, names in os.walk(root):
        yield Path(directory)
        yield from (Path(directory, name) for name in names)


def contents(root: Path) -> Iterator[tuple[Path, bytes]]:
    """All files, with what is in them."""
    for path in paths(root):
        # Sockets and the like are no files, and a link may lead to nothing.
        with contextlib.suppress(FileNotFoundError):
            if path.is_file():
                yield path, path.read_bytes()

"""Directories in memory, for tests that have the disk hold on to something thousands of times and
of which none asks whether it did: on a disk they would wait for it most of their time."""

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests import ownhost


@contextmanager
def directory() -> Generator[Path]:
    """Make an empty one with a short path, which goes away."""
    path = Path(tempfile.mkdtemp(prefix="m-", dir=ownhost.MEMORY))
    try:
        yield path
    finally:
        shutil.rmtree(path)

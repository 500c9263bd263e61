"""Imports without the optional parts of a library that a small daemon does not need.

Used where a library takes megabytes for something that is never called here. Not its business:
libraries that are needed.
"""

import sys
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def without(name: str) -> Generator[None]:
    """Let imports within the block find no module of that name, as if it were not installed."""
    if name in sys.modules:
        yield
        return
    # None is how Python itself remembers that there is no such module.
    sys.modules[name] = None  # pyright: ignore[reportArgumentType]
    try:
        yield
    finally:
        del sys.modules[name]

"""Imports without the optional parts of a library that a small daemon does not need.

Used where a library takes megabytes for something that is never called here. Not its business:
libraries that are needed.
"""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager

_AUTHORITIES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""By which OpenSSL is told where they lie."""


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


@contextmanager
def without_authorities() -> Generator[None]:
    """Let imports within the block find no certificate authorities of the system: what they make to
    know servers by knows none.

    For libraries that make such a thing when they are imported, of the 140 that a system has, and
    are here always told whom to trust.
    """
    before = {name: os.environ.get(name) for name in _AUTHORITIES}
    os.environ.update(dict.fromkeys(_AUTHORITIES, os.devnull))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

"""Passwords as Argon2id keeps them: slow to guess, and never more than a few at a time.

A hash tells how it was made, so parameters may change: `verify` knows old ones too. Hashing takes
memory and tens of milliseconds of a core, which a stranger can ask for: whoever finds all places
taken for too long is told so. Call it in a thread. Not its business: which passwords are good, and
how often one may guess.
"""

import functools
import secrets
import threading
from collections.abc import Generator
from contextlib import contextmanager

import argon2
from argon2.exceptions import VerificationError

AT_ONCE = 2
"""How many are hashed at the same time."""
WAIT_S_MAX = 10.0
"""How long one waits for his turn, as of a class that signs in at once on a busy machine."""

_hasher = argon2.PasswordHasher(
    time_cost=3, memory_cost=32 * 1024, parallelism=1, type=argon2.Type.ID
)
_places = threading.BoundedSemaphore(AT_ONCE)


class Busy(Exception):
    """Too many passwords are being checked at the moment."""


def hashed(password: str) -> bytes:
    """Return the hash of a password; raise `Busy`."""
    with _place():
        return _hasher.hash(password).encode()


def verify(hash: bytes, password: str) -> bool:
    """Tell whether the hash is the password's; raise `Busy`."""
    with _place():
        try:
            return _hasher.verify(hash, password)
        except VerificationError:
            return False


@functools.cache
def nobodys() -> bytes:
    """Return a hash that is no password's: checking against it takes as long as any."""
    return hashed(secrets.token_urlsafe())


@contextmanager
def _place() -> Generator[None]:
    if not _places.acquire(timeout=WAIT_S_MAX):
        raise Busy
    try:
        yield
    finally:
        _places.release()

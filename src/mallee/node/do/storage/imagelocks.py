"""Holds a disk's file so that no QEMU writes it, and sees who does, by the locks that QEMU takes.

QEMU says by locks on single bytes of a file what it does with it and what others may not do
meanwhile (`block/file-posix.c`): byte 100 + n that it does n, byte 200 + n that nobody else may.
Whoever holds a file here shares neither writing nor resizing; a QEMU, or a program of its, that
would write is refused by itself. The locks go with the open file, whatever becomes of us.
"""

import errno
import fcntl
import struct

_DOES, _FORBIDS = 100, 200
_BOTH = _WRITES, _RESIZES = 1, 3
_FLOCK = struct.Struct("hhqqi")
_ONE_BYTE = 1


class InUse(OSError):
    """Somebody writes the file."""


def forbid_writing(descriptor: int) -> None:
    """Have nobody write an open file while it is open. Raises `InUse` when somebody does."""
    for what in _BOTH:
        _lock(descriptor, fcntl.F_RDLCK, _FORBIDS + what)
    if is_written(descriptor):
        raise InUse(errno.EBUSY, "somebody writes it")


def is_held(descriptor: int) -> bool:
    """Tell whether somebody else has an open file not be written (`forbid_writing`)."""
    return _is_locked(descriptor, _FORBIDS)


def is_written(descriptor: int) -> bool:
    """Tell whether somebody else writes an open file, or may at any moment."""
    return _is_locked(descriptor, _DOES)


def _is_locked(descriptor: int, kind: int) -> bool:
    asked = (_FLOCK.pack(fcntl.F_WRLCK, 0, kind + what, _ONE_BYTE, 0) for what in _BOTH)
    found = (_FLOCK.unpack(fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, it)) for it in asked)
    return any(it[0] != fcntl.F_UNLCK for it in found)


def _lock(descriptor: int, kind: int, at: int) -> None:
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _FLOCK.pack(kind, 0, at, _ONE_BYTE, 0))
    except OSError as error:
        raise InUse(errno.EBUSY, "somebody writes it") from error

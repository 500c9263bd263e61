"""Reads what a recipe names beside itself: files, folders, keys, passwords; never beyond it.

The builder is root, a recipe may be a stranger's: no `..`, no absolute path, no link on the way, so
that nothing of this machine gets into an image but what lies in the recipe's own folder.
"""

import contextlib
import os
import re
import stat
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

FILES_BYTES_MAX = 512 << 20
"""What one entry of `files` may bring along."""
_KEYS_BYTES_MAX = 1 << 20
_KEY = re.compile(r"(?:ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/=]{40,}(?: [^\n]*)?")


class Unreadable(Exception):
    """A file that a recipe names cannot be had; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Where a file goes, and whose it shall be; without a mode it keeps being a program or not."""

    path: str
    owner: str
    group: str
    mode: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file or directory of an image."""

    path: str
    owner: str
    group: str
    mode: int
    data: bytes | None
    """None: a directory."""


def inline(wanted: Wanted, data: bytes) -> File:
    """Return a file whose content stands in the recipe; a script is a program."""
    usual = 0o755 if data.startswith(b"#!") else 0o644
    mode = usual if wanted.mode is None else wanted.mode
    return File(path=wanted.path, owner=wanted.owner, group=wanted.group, mode=mode, data=data)


def gather(folder: Path, name: str, wanted: Wanted) -> tuple[File, ...]:
    """Return the file of that name, or all that a directory of that name holds."""
    with _opened(folder, name) as descriptor:
        found = tuple(_walk(descriptor, wanted))
    if sum(len(file.data or b"") for file in found) > FILES_BYTES_MAX:
        raise Unreadable(f"{name} is larger than {FILES_BYTES_MAX >> 20} MiB")
    return found


def read(folder: Path, name: str, bytes_max: int) -> bytes:
    """Return the content of a file below the folder."""
    with _opened(folder, name) as descriptor:
        return _content(descriptor, bytes_max, name)


def keys(folder: Path, text: str) -> tuple[str, ...]:
    """Return public keys: the text itself, or the lines of the file that it names."""
    if _KEY.fullmatch(text):
        return (text,)
    if " " in text:
        raise Unreadable(f"{text[:40]!r} is neither a public key nor a file beside the recipe")
    lines = read(folder, text, _KEYS_BYTES_MAX).decode(errors="replace").splitlines()
    found = tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    for line in found:
        if not _KEY.fullmatch(line):
            what = "a private key!" if "PRIVATE" in line else "no public key"
            raise Unreadable(f"{text} holds {what}" if line else text)
    return found


def variable(name: str) -> str:
    """Return a variable of the environment; raises `KeyError`."""
    return os.environ[name]


@contextlib.contextmanager
def _opened(folder: Path, name: str) -> Generator[int]:
    parts = Path(name).parts
    if not parts or Path(name).is_absolute() or ".." in parts:
        raise Unreadable(f"{name} is not below the recipe's folder")
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            inner = os.open(part, flags, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    except OSError as error:
        why = "a link is on the way" if error.errno == 40 else (error.strerror or "")
        raise Unreadable(f"{name}: {why}") from error
    finally:
        os.close(descriptor)


def _walk(descriptor: int, wanted: Wanted) -> Iterator[File]:
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(mode):
        yield _made(wanted, 0o755, None)
        for name in sorted(os.listdir(descriptor)):
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            inner = os.open(name, flags, dir_fd=descriptor)
            try:
                below = Wanted(
                    path=f"{wanted.path.rstrip('/')}/{name}",
                    owner=wanted.owner,
                    group=wanted.group,
                    mode=wanted.mode,
                )
                yield from _walk(inner, below)
            finally:
                os.close(inner)
        return
    usual = 0o755 if mode & stat.S_IXUSR else 0o644
    data = _content(descriptor, FILES_BYTES_MAX, wanted.path)
    yield _made(wanted, usual if wanted.mode is None else wanted.mode, data)


def _made(wanted: Wanted, mode: int, data: bytes | None) -> File:
    return File(path=wanted.path, owner=wanted.owner, group=wanted.group, mode=mode, data=data)


def _content(descriptor: int, bytes_max: int, name: str) -> bytes:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise Unreadable(f"{name} is no plain file")
    if found.st_size > bytes_max:
        raise Unreadable(f"{name} is larger than {bytes_max >> 20} MiB")
    with os.fdopen(os.dup(descriptor), "rb") as file:
        return file.read(bytes_max)

"""Whether two hosts keep their volumes on one share, proved in the share; and files handed over.

Hosts whose volumes lie in the same directory have a subdirectory each (`places`), so a file that
both reach is one host's and, by a link, the other's too. The host that has a volume makes a
*proof*: a file with a random word, which it holds by the locks that QEMU takes. The other one,
which is told the name alone, reads it, links it into its own subdirectory, writes a word of its own
by that link, and looks whether it sees the lock. So it is found out what a running guest's files
need: that both see the same bytes, past all caches, that links hold between the subdirectories, and
that locks are kept between machines. What either says is compared with what is in the file.

Whoever is root on one of the hosts may write the whole share. So no path of another host's is
followed: not out of the share, and not by any link. All calls block.
"""

import contextlib
import errno
import mmap
import os
import pwd
import re
import secrets
import stat
import threading
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mallee.kit import files
from mallee.model.layout import Layout
from mallee.node.do.storage import disks, imagelocks, layers

LET_GO_S = 5.0
"""Within this a share has to have noticed that a lock was let go."""
_LOOK_S = 0.05
_PAGE_BYTES = 4096
_WORD_BYTES = 32
_PROOF, _LINKED = "proof-", ".linked-"
_NAME = re.compile(_PROOF + "[0-9a-f]{32}")
_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\([0-7]{3})")
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECT = os.O_RDWR | os.O_DIRECT | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_FILE = frozenset({errno.EINVAL, errno.ELOOP, errno.ENXIO})
_making = threading.Lock()
"""Held until what is made is held by its lock."""


class NotShared(OSError):
    """Two hosts have no share on which files can be handed over; the message says why."""


class OtherPlace(NotShared):
    """They keep their volumes in different places, as most hosts do."""


@dataclass(slots=True)
class Proof:
    """A file by which another host is found to have this host's share; held until `let_go`."""

    name: str
    word: str
    """What is in it; the other host can have it from the file alone."""
    descriptor: int

    def holds(self, read: str, wrote: str) -> bool:
        """Tell whether a host read what is in it, and wrote what it says. Raises `OSError`."""
        return (
            secrets.compare_digest(read.encode(), self.word.encode())
            and bool(wrote)
            and (secrets.compare_digest(_read_word(self.descriptor, _PAGE_BYTES), wrote.encode()))
        )

    def let_go(self) -> None:
        """Hold it no more; twice is once."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


@contextlib.contextmanager
def proving(layout: Layout) -> Generator[Proof | None]:
    """Make a proof for one other host, which is gone in the end; None where this host's volumes lie
    in no directory that could be a share. Raises `OSError`."""
    if layout.placed is None:
        yield None
        return
    path = layout.placed.parent / f"{_PROOF}{secrets.token_hex(16)}"
    word = secrets.token_hex(_WORD_BYTES // 2)
    with contextlib.ExitStack() as stack:
        stack.callback(path.unlink, missing_ok=True)
        with _making:
            _forget_old(path.parent)
            proof = Proof(path.name, word, _make(path))
            stack.callback(proof.let_go)
            imagelocks.forbid_writing(proof.descriptor)
        _write_word(proof.descriptor, 0, word)
        yield proof


def _make(path: Path) -> int:
    descriptor = os.open(path, _DIRECT | os.O_CREAT | os.O_EXCL, files.PRIVATE)
    try:
        os.ftruncate(descriptor, 2 * _PAGE_BYTES)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _forget_old(own: Path) -> None:
    """Remove what an agent left that was killed; what is in use is held."""
    for path in (*own.glob(f"{_PROOF}*"), *own.glob(f"{_LINKED}*")):
        with contextlib.suppress(FileNotFoundError):
            if _is_left(path):
                path.unlink()


def _is_left(path: Path) -> bool:
    try:
        with files.open_own(path) as file:
            return not imagelocks.is_held(file.fileno())
    except OSError as error:
        if error.errno not in _NO_FILE:
            raise
        # A link or a pipe is no agent's proof: it is of somebody else who may write the share.
        return not path.is_dir()


@dataclass(slots=True)
class Share:
    """What another host and this one have in common, as this one found by the other's proof."""

    read: str
    wrote: str
    _theirs: int
    """The opened subdirectory of the other host."""
    _proof: int
    """The other host's proof, opened."""

    def has_let_go(self) -> bool:
        """Tell whether the share notices in time that the other host has let its proof go.

        Raises `OSError`.
        """
        ends_at = time.monotonic() + LET_GO_S
        while imagelocks.is_held(self._proof):
            if time.monotonic() > ends_at:
                return False
            time.sleep(_LOOK_S)
        return True

    def link(self, volume_id: str, numbers: Sequence[int], into: Path) -> list[Path]:
        """Have layers of a volume of the other host's be in a directory of this one's too.

        Nothing is copied: it is the same file, whoever writes it. Raises `OSError`.
        """
        about, owner = into.stat(), pwd.getpwnam(disks.QEMU_USER).pw_uid
        linked: list[Path] = []
        with _opened("volumes", self._theirs) as above, _opened(volume_id, above) as directory:
            for number in numbers:
                path = layers.path_of(into, number)
                found = os.stat(path.name, dir_fd=directory, follow_symlinks=False)
                if not stat.S_ISREG(found.st_mode) or found.st_dev != about.st_dev:
                    raise NotShared(f"{path.name} of {volume_id} is no file of the share")
                if found.st_uid != owner:
                    raise NotShared(f"{disks.QEMU_USER} has not the same number on both hosts")
                os.link(path.name, path, src_dir_fd=directory, follow_symlinks=False)
                linked.append(path)
        files.sync_directory(into)
        return linked


class Cause(msgspec.Struct, frozen=True):
    """Why nothing is handed over between this host and another one."""

    why: str
    mounted: str
    """How the share was mounted here when that was found (`_mounted`)."""


class Notes(msgspec.Struct, frozen=True):
    """What was found against the share when volumes last came from its other hosts."""

    causes: dict[str, Cause] = {}
    """By the other host's id."""


def note(layout: Layout, peer: str, why: str) -> None:
    """Keep why a share with another host will not do; empty: it does, or there is none."""
    with _making:
        before = _read_notes(layout).causes
        causes = {id: it for id, it in before.items() if id != peer}
        if why and layout.placed is not None:
            causes[peer] = Cause(why, _mounted(layout.placed))
        if causes != before:
            files.write_atomically(notes_of(layout), msgspec.json.encode(Notes(causes)))


def read_causes(layout: Layout) -> dict[str, str]:
    """Return, by the other host's id, what is known against the share as it is now.

    What was found before it was mounted anew says nothing of it, nor does what was found with a
    host that has no place in it any more. What cannot be read says nothing.
    """
    if layout.placed is None:
        return {}
    mounted, share = _mounted(layout.placed), layout.placed.parent.parent
    return {
        peer: cause.why
        for peer, cause in _read_notes(layout).causes.items()
        if cause.mounted == mounted and (share / peer).is_dir()
    }


def _mounted(place: Path) -> str:
    """Return of what device, from where and with which options a place is mounted here."""
    inmost, found = "", ""
    for line in _MOUNTS.read_text().splitlines():
        # id, parent, device, root, point, options, optional fields, -, type, source, its options
        words = line.split(" ")
        point = _ESCAPED.sub(lambda code: chr(int(code[1], 8)), words[4])
        if place.is_relative_to(point) and len(point) >= len(inmost):
            more = words[words.index("-", 6) + 1 :]
            inmost, found = point, " ".join((words[2], words[3], words[5], *more))
    return found


def _read_notes(layout: Layout) -> Notes:
    try:
        return msgspec.json.decode(notes_of(layout).read_bytes(), type=Notes)
    except (FileNotFoundError, msgspec.MsgspecError):
        return Notes()


def notes_of(layout: Layout) -> Path:
    """Return where it is kept."""
    return layout.node / "shares.json"


@contextlib.contextmanager
def looking(layout: Layout, peer: str, name: str) -> Generator[Share]:
    """Look for another host's proof in this host's place.

    Raises `OtherPlace` when it is not there, and `NotShared` when what is there will not do.
    """
    if layout.placed is None:
        raise OtherPlace("this host's volumes lie in its own directory")
    if not _NAME.fullmatch(name) or "/" in peer:
        raise NotShared(f"host {peer} names no proof")
    own = layout.placed.parent
    linked = own / f"{_LINKED}{name}"
    with contextlib.ExitStack() as stack:
        try:
            theirs = stack.enter_context(_opened(str(own.parent / peer), None))
            os.stat(name, dir_fd=theirs, follow_symlinks=False)
        except FileNotFoundError:
            raise OtherPlace(f"host {peer} keeps its volumes elsewhere") from None
        stack.callback(linked.unlink, missing_ok=True)
        try:
            linked.unlink(missing_ok=True)
            os.link(name, linked, src_dir_fd=theirs, follow_symlinks=False)
            proof = os.open(linked, _DIRECT)
            stack.callback(os.close, proof)
            read, wrote = _answer(proof)
        except NotShared:
            raise
        except OSError as error:
            raise NotShared(
                f"the share with host {peer} cannot be used by both: {error}"
            ) from error
        yield Share(read, wrote, theirs, proof)


def _answer(proof: int) -> tuple[str, str]:
    """Return what is in another host's proof, and what was written beside it."""
    if not stat.S_ISREG(os.fstat(proof).st_mode):
        raise NotShared("the other host's proof is no file")
    read = _read_word(proof, 0).decode(errors="replace")
    if not imagelocks.is_held(proof):
        raise NotShared(
            "the share does not keep locks between machines: a file that one host holds is free to "
            "the other (NFS: mount without nolock and local_lock)"
        )
    wrote = secrets.token_hex(_WORD_BYTES // 2)
    _write_word(proof, _PAGE_BYTES, wrote)
    return read, wrote


@contextlib.contextmanager
def _opened(name: str, above: int | None) -> Generator[int]:
    descriptor = os.open(name, _DIRECTORY, dir_fd=above)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _read_word(descriptor: int, at: int) -> bytes:
    # O_DIRECT, as QEMU reads when it takes a file over: what a cache still has says nothing.
    with mmap.mmap(-1, _PAGE_BYTES) as page:
        os.preadv(descriptor, [page], at)
        return bytes(page[:_WORD_BYTES])


def _write_word(descriptor: int, at: int, word: str) -> None:
    with mmap.mmap(-1, _PAGE_BYTES) as page:
        page[:_WORD_BYTES] = word.encode()
        os.pwritev(descriptor, [page], at)
    os.fsync(descriptor)

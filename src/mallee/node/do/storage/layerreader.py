"""Reads a layer of a volume, with all that it lies on, through a program that has no rights.

What is in a layer may be the doing of a guest that broke out of its QEMU, so `qemu-nbd` opens it
as QEMU's user, and we speak NBD to that. It reads beside whoever has the layers too: what a cut
and those below it have together does not change, also while they are merged. Called by
`node.uploads`. All calls block.
"""

import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from mallee.kit import process
from mallee.kit.nbd import client
from mallee.model.storage.datakeys import OpenedKey
from mallee.node.do.storage import disks, layers

DEPTH = "qemu:allocation-depth"
"""Of each stretch: which layer has it, counted from the uppermost, 1; 0: none has."""
_STARTS_S = 30.0
_LOOK_S = 0.01

FAILURES = (OSError, client.Refused, process.Failed)
"""Why nothing can be read."""


class LayerSource:
    """A layer's disk, for an upload."""

    def __init__(self, opened: client.Client, depth_max: int | None) -> None:
        """`depth_max`: what so many layers have may differ from the parent; None: all that is."""
        self._client = opened
        self._depth_max = depth_max
        self.size_bytes = opened.size_bytes

    def stretches(self) -> Iterator[tuple[int, int]]:
        """Yield offset and length of what may differ from the parent."""
        for extent in self._client.extents(DEPTH):
            if extent.flags and (self._depth_max is None or extent.flags <= self._depth_max):
                yield extent.offset, extent.length

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of the disk."""
        return self._client.read(offset, length)


@contextlib.contextmanager
def opened(
    directory: Path, number: int, base: int | None, key: OpenedKey | None
) -> Generator[LayerSource]:
    """Open a layer; what differs is what the layers above `base` have, None: all that there is.

    Raises `FAILURES`.
    """
    # Layers between may be merged from now on, which makes them fewer: too many is harmless.
    above = [one for one in layers.chain(directory, number) if base is None or one.number > base]
    with _served(layers.path_of(directory, number), key) as reader, reader:
        yield LayerSource(reader, None if base is None else len(above))


@contextlib.contextmanager
def _served(path: Path, key: OpenedKey | None) -> Generator[client.Client]:
    """Have a layer served; return its only client. It ends with that, or with us."""
    how = layers.opening(path, key)
    node = json.loads(how.file.removeprefix("json:")) if how.stdin else _plain(path)
    shared = json.dumps({**node, "read-only": True, "force-share": True})
    words = how.words if how.stdin else ()
    with tempfile.TemporaryDirectory(prefix="ml-read-") as made:
        disks.give_to_qemu(Path(made))
        socket = Path(made) / "nbd"
        argv = ("qemu-nbd", *words, "-r", "-A", "-k", str(socket), f"json:{shared}")
        with process.beside(argv, how.stdin, disks.QEMU_USER) as check:
            yield connect(socket, check)


def connect(socket: Path, check: Callable[[], None]) -> client.Client:
    """Connect to a server that is starting; `check` raises when it has ended instead.

    A socket is there for a moment before anybody listens at it. Raises `FAILURES`.
    """
    ends_at = time.monotonic() + _STARTS_S
    while True:
        try:
            return client.Client(socket, "", (DEPTH,))
        except (FileNotFoundError, ConnectionRefusedError) as error:
            check()
            if time.monotonic() > ends_at:
                raise OSError(f"nothing is served within {_STARTS_S:g} seconds") from error
            time.sleep(_LOOK_S)


def _plain(path: Path) -> dict[str, object]:
    return {"driver": "qcow2", "file": {"driver": "file", "filename": str(path)}}

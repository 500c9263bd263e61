"""A guest's machine that comes from another host: its disks written, its memory taken in.

Disks are written by a program of QEMU's as QEMU's user, while the machine waits for the rest. The
machine is made by this host's own libvirtd, of this host's own definition: libvirt is told that it
restores a saved one, and the file is a pipe into which the agent puts what comes. So another host
gets at nothing but the memory and the disks of one guest. Called by `migrating.coming`; all calls
block.
"""

import contextlib
import errno
import fcntl
import json
import os
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mallee.node.do.guests.hypervisor import HypervisorFailed
from mallee.node.do.storage import disks

STARTS_WITHIN_S = 20.0
_LOOK_S = 0.02
_PIPE = "incoming.pipe"
_SOCKET = "mirror.sock"
_INT = struct.Struct("=i")
_HEAD = struct.Struct("<16sIIIII14I")
_MAGIC, _VERSION = b"LibvirtQemudSave", 2
_PIPE_BYTES = 1 << 20


class Exports:
    """The disks of a guest that comes, as another host's QEMU writes them. `close` it."""

    def __init__(self, directory: Path, paths: Sequence[Path]) -> None:
        """`directory` is QEMU's own; raises `HypervisorFailed`."""
        self.socket = directory / _SOCKET
        self.socket.unlink(missing_ok=True)
        argv = ["qemu-storage-daemon", "--nbd-server", f"addr.type=unix,addr.path={self.socket}"]
        for index, path in enumerate(paths):
            node = {
                "driver": "qcow2",
                "node-name": f"disk{index}",
                "discard": "unmap",
                "file": {"driver": "file", "filename": str(path), "discard": "unmap"},
            }
            export = f"nbd,id=e{index},node-name=disk{index},name=disk{index},writable=on"
            argv += ["--blockdev", json.dumps(node), "--export", export]
        as_qemu = ("setpriv", f"--reuid={disks.QEMU_USER}", f"--regid={disks.QEMU_USER}")
        self._process = subprocess.Popen(
            (*as_qemu, "--clear-groups", "--pdeathsig", "KILL", *argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        ends_at = time.monotonic() + STARTS_WITHIN_S
        while not self.socket.exists():
            if self._process.poll() is not None or time.monotonic() > ends_at:
                assert self._process.stderr is not None
                self._process.kill()
                said = self._process.stderr.read().decode(errors="replace")
                self._process.wait()
                raise HypervisorFailed(f"the disks cannot be opened: {said[:500]}")
            time.sleep(_LOOK_S)

    def close(self) -> None:
        """Close the disks: all that was written is in their files. Twice is once."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(STARTS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.socket.unlink(missing_ok=True)


class Machine:
    """A machine that is being made of what comes. `take` gives its outcome."""

    def __init__(self, directory: Path, restore: Callable[[Path], None]) -> None:
        """`restore` makes a machine of a file, which blocks until it is whole."""
        self._path = directory / _PIPE
        self._restore = restore
        self._error: Exception | None = None
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._pipe = -1
        self._closing = threading.Lock()
        self._head_bytes = self._put_bytes = 0

    def open(self, xml: str) -> None:
        """Begin to take what the other QEMU sends. Raises `HypervisorFailed`."""
        self._path.unlink(missing_ok=True)
        os.mkfifo(self._path, 0o600)
        self._thread = threading.Thread(target=self._make, daemon=True)
        self._thread.start()
        text = xml.encode() + b"\0"
        head = _HEAD.pack(_MAGIC, _VERSION, len(text), 0, 0, 0, *([0] * 14))
        while True:
            try:
                pipe = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError as error:
                if error.errno != errno.ENXIO or self._over.is_set():
                    raise HypervisorFailed(f"no machine can be made: {self._error}") from error
                time.sleep(_LOOK_S)
            else:
                break
        os.set_blocking(pipe, True)
        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._pipe, self._head_bytes = pipe, len(head) + len(text)
        self.put(head + text)

    def put(self, data: bytes) -> None:
        """Take what comes next; raises `OSError` when nobody reads it."""
        view = memoryview(data)
        while view:
            count = os.write(self._pipe, view)
            self._put_bytes += count
            view = view[count:]

    def end(self) -> None:
        """Nothing more comes."""
        with self._closing:
            pipe, self._pipe = self._pipe, -1
            os.close(pipe)

    @property
    def is_reading(self) -> bool:
        """Whether QEMU itself reads: it has its disks and taps by then."""
        with self._closing:
            if self._pipe < 0:
                return False
            waiting = fcntl.ioctl(self._pipe, termios.FIONREAD, bytes(_INT.size))
        return self._put_bytes - _INT.unpack(waiting)[0] > self._head_bytes

    def take(self, timeout_s: float) -> None:
        """Wait until the machine is whole, and stands; raises `HypervisorFailed`."""
        if not self._over.wait(timeout_s):
            raise HypervisorFailed(f"no machine has come about in {timeout_s:g} s")
        if self._error is not None:
            raise HypervisorFailed(str(self._error)) from self._error

    def _make(self) -> None:
        try:
            self._restore(self._path)
        except HypervisorFailed as error:
            self._error = error
        finally:
            self._over.set()
            self._path.unlink(missing_ok=True)

"""A guest's machine that comes from another host: its disks written, its memory taken in.

Disks are written by a program of QEMU's as QEMU's user, while the machine waits for the rest. The
machine is made by this host's own libvirtd, of this host's own definition, like one that begins,
but that it waits to be told by QEMU's own protocol where its state comes from. So another host gets
at nothing but the memory and the disks of one guest. Called by `migrating`; all calls block.
"""

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mallee.model.storage.datakeys import OpenedKey
from mallee.node.do.guests import outgoing, qmp
from mallee.node.do.guests.hypervisor import HypervisorFailed
from mallee.node.do.storage import disks, layers

STARTS_WITHIN_S = 20.0
_LOOK_S = 0.02
_STATE_SOCKET = "state.sock"
_DISKS_SOCKET = "mirror.sock"
_RAW = ".raw"
"""What guests may share is no layer."""


@dataclass(frozen=True, slots=True)
class Target:
    """A disk's file that is written: a layer, or a volume that guests may share."""

    path: Path
    key: OpenedKey | None = None
    """What it is encrypted with."""


class Exports:
    """The disks of a guest that comes, as another host's QEMU writes them. `close` it."""

    def __init__(self, directory: Path, targets: Mapping[int, Target]) -> None:
        """`directory` is QEMU's own, `targets` are by the guest's count of its disks; raises
        `HypervisorFailed` and `OSError`."""
        self.socket = directory / _DISKS_SOCKET
        self.socket.unlink(missing_ok=True)
        argv = ["qemu-storage-daemon", "--nbd-server", f"addr.type=unix,addr.path={self.socket}"]
        with contextlib.ExitStack() as stack:
            kept: list[int] = []
            for index, target in targets.items():
                if target.key is not None:
                    kept.append(_in_memory(layers.passphrase_of(target.key)))
                    stack.callback(os.close, kept[-1])
                    argv += ["--object", f"secret,id=key{index},file=/dev/fd/{kept[-1]}"]
                node = _node(target.path, f"key{index}") | {"node-name": f"disk{index}"}
                export = f"nbd,id=e{index},node-name=disk{index},name=disk{index},writable=on"
                argv += ["--blockdev", json.dumps(node), "--export", export]
            as_qemu = ("setpriv", f"--reuid={disks.QEMU_USER}", f"--regid={disks.QEMU_USER}")
            self._process = subprocess.Popen(
                (*as_qemu, "--clear-groups", "--pdeathsig", "KILL", *argv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=kept,
            )
        self._wait_open()

    def _wait_open(self) -> None:
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


def _in_memory(secret: bytes) -> int:
    """Return a file that is in memory alone."""
    memory = os.memfd_create("key")
    os.write(memory, secret)
    return memory


def _node(path: Path, secret: str) -> dict[str, object]:
    if path.suffix == _RAW:
        return {"driver": "raw", "discard": "unmap", "file": layers.file_node(path)}
    return layers.node(path, secret) | {"discard": "unmap", "file": layers.file_node(path)}


class Machine:
    """A machine that stands, and takes in the state of one that runs on another host."""

    def __init__(self, monitor: qmp.Monitor, uuid: str, directory: Path) -> None:
        """It was started, and waits; `directory` is QEMU's own."""
        self._qemu = qmp.Qemu(monitor, uuid)
        self._path = directory / _STATE_SOCKET
        self.is_open = False
        """Whether it was told where its state comes from."""

    def open(self) -> socket.socket:
        """Return where it takes what the other QEMU sends, to be closed at its end.

        Raises `HypervisorFailed` and `OSError`.
        """
        self._path.unlink(missing_ok=True)
        self._qemu.ask("migrate-incoming", uri=f"unix:{self._path}")
        with contextlib.ExitStack() as stack:
            near = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            near.connect(str(self._path))
            stack.pop_all()
        self.is_open = True
        return near

    def take(self, timeout_s: float) -> None:
        """Wait until the machine is whole, and stands; raises `HypervisorFailed`."""
        ends_at = time.monotonic() + timeout_s
        # One whose state is broken ends, and answers nothing more.
        while self._qemu.ask_for(qmp.Status, "query-status").status == "inmigrate":
            if time.monotonic() > ends_at:
                raise HypervisorFailed(f"no machine has come about in {timeout_s:g} s")
            time.sleep(outgoing.LOOK_S)
        self._path.unlink(missing_ok=True)

"""A bare guest: QEMU started directly, with its console, its control socket and its deadline.

The measure that the cloud's own launches are held against, and the machine in which the tests try
the images. Every guest ends with its `with` block.
"""

import os
import re
import select
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from bench import qmp, wire

BOOT_TIMEOUT_S = 240


class Silent(Exception):
    """The guest did not say what was waited for; the message holds what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a bare guest is made of."""

    kernel: Path | None = None
    ramdisk: Path | None = None
    command_line: str = ""
    disks: tuple[tuple[Path, str], ...] = ()
    """Files and their formats; written to."""
    port: wire.Port | None = None
    memory_mib: int = 256
    vcpus: int = 1
    model: str = "q35"
    cpu: str = "max"
    accelerator: str = "tcg"
    uuid: str | None = None
    extra: tuple[str, ...] = field(default=())

    def argv(self, control: Path) -> list[str]:
        """The command line of QEMU; its serial console is standard output."""
        argv = ["qemu-system-x86_64", "-machine", f"{self.model},accel={self.accelerator}"]
        argv += ["-cpu", self.cpu, "-m", str(self.memory_mib), "-smp", str(self.vcpus)]
        argv += ["-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio"]
        argv += ["-qmp", f"unix:{control},server=on,wait=off"]
        if self.kernel:
            argv += ["-kernel", str(self.kernel), "-append", self.command_line]
        if self.ramdisk:
            argv += ["-initrd", str(self.ramdisk)]
        for path, form in self.disks:
            argv += ["-drive", f"file={path},format={form},if=virtio"]
        if self.port:
            argv += ["-netdev", f"tap,id=n,ifname={self.port.tap},script=no,downscript=no"]
            argv += ["-device", f"virtio-net-pci,netdev=n,mac={self.port.mac},romfile="]
        if self.uuid:
            argv += ["-uuid", self.uuid]
        return [*argv, *self.extra]


class Guest:
    """A running bare guest; `said` is everything that came out of its console."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self._control = folder / "qmp"
        self.said = ""
        self.started_at = time.monotonic()
        self._process = subprocess.Popen(
            machine.argv(self._control),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> "Guest":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def wait_for(self, text: str, timeout_s: float = BOOT_TIMEOUT_S) -> float:
        """Read the console until it has said `text`; return seconds since power-on.

        Raises `Silent` at the deadline or when the guest ends first.
        """
        deadline = time.monotonic() + timeout_s
        while text not in self.said:
            self._read(text, deadline)
        return time.monotonic() - self.started_at

    def wait_line(self, start: str, timeout_s: float = BOOT_TIMEOUT_S) -> str:
        """Read the console until it has said the whole of a line that begins with `start`.

        Returns that line, without its end. Raises `Silent` as `wait_for` does.
        """
        deadline = time.monotonic() + timeout_s
        line = re.compile(rf"^{re.escape(start)}[^\r\n]*(?=\r?\n)", re.MULTILINE)
        while not (said := line.search(self.said)):
            self._read(start, deadline)
        return said[0]

    def _read(self, awaited: str, deadline: float) -> None:
        """Read what comes next from the console."""
        assert self._process.stdout is not None
        left_s = max(0, deadline - time.monotonic())
        ready, _, _ = select.select([self._process.stdout], [], [], left_s)
        read = os.read(self._process.stdout.fileno(), 65536) if ready else b""
        if not read:
            raise Silent(f"waited for {awaited!r}, the guest said:\n{self.said}")
        self.said += read.decode(errors="replace")

    def type(self, text: str) -> None:
        """Type on the guest's console."""
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode())
        self._process.stdin.flush()

    def press_power_button(self) -> None:
        """Ask the guest by ACPI to power itself off."""
        qmp.execute(self._control, "system_powerdown")

    def wait_end(self, timeout_s: float = BOOT_TIMEOUT_S) -> str:
        """Wait until the guest has powered itself off; return the whole of its console."""
        output, _ = self._process.communicate(timeout=timeout_s)
        self.said += output.decode(errors="replace")
        return self.said


def wait_banner(address: str, started_at: float, timeout_s: float = BOOT_TIMEOUT_S) -> float:
    """Try the address until its SSH server says who it is; return seconds since `started_at`.

    Each try is short, because the first packets to a guest without a network are lost for good.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((address, 22), timeout=0.1) as connection:
                connection.settimeout(5)
                if connection.recv(4) == b"SSH-":
                    return time.monotonic() - started_at
        except OSError:
            # Refused at once while the guest is up without SSH: ask again, but not in a rush.
            select.select([], [], [], 0.005)
    raise Silent(f"no SSH banner from {address} within {timeout_s} s")

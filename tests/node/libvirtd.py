"""A private libvirtd for tests, started as the supervisor starts it, in namespaces of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import libvirt

from mallee.model.layout import Layout
from mallee.node.do.network import namespaces
from tests import libvirtcache

COMES_UP_WITHIN_S = 60.0
LOOK_EVERY_S = 0.02


@dataclass(slots=True)
class Libvirtd:
    """A libvirtd under `layout.root`; without KVM."""

    layout: Layout
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        argv = (sys.executable, "-m", "mallee.box.libvirtd", "--root", str(self.layout.root))
        with (self.layout.root / "libvirtd.log").open("ab") as output:
            self.process = subprocess.Popen(argv, stdout=output, stderr=output)
        ends_at = time.monotonic() + COMES_UP_WITHIN_S
        while time.monotonic() < ends_at:
            try:
                libvirt.open(self.layout.libvirt_uri).close()
                return
            except libvirt.libvirtError:
                time.sleep(LOOK_EVERY_S)
        raise AssertionError(f"libvirtd did not answer: {self.log()}")

    def log(self) -> str:
        """What it said."""
        return (self.layout.root / "libvirtd.log").read_text()

    def kill(self) -> None:
        """Kill it without warning; guests go on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def pid_of_guest(self, instance_id: str) -> int:
        """The process id of a guest's QEMU."""
        return int((self.layout.libvirt / "run/qemu" / f"{instance_id}.pid").read_text())

    def end(self) -> None:
        """Kill it and every guest that it left."""
        if self.process is not None:
            self.kill()
        for path in (self.layout.libvirt / "run/qemu").glob("i-*.pid"):
            try:
                os.kill(int(path.read_text()), signal.SIGKILL)
            except (ProcessLookupError, ValueError):
                continue


def _quiet(_: object, __: object) -> None:
    """Errors are raised; libvirt need not print them too."""


@contextmanager
def running(root: Path) -> Generator[Libvirtd]:
    """A libvirtd that is up; in the end it, its guests and its namespace are gone."""
    libvirt.registerErrorHandler(_quiet, None)
    layout = Layout(root)
    root.chmod(0o755)
    layout.node.mkdir(mode=0o711, exist_ok=True)
    namespaces.ensure(layout.hypervisor_namespace)
    daemon = Libvirtd(layout)
    try:
        libvirtcache.give(layout)
        daemon.start()
        libvirt.open(layout.libvirt_uri).getCapabilities()
        libvirtcache.keep(layout)
        yield daemon
    finally:
        daemon.end()
        namespaces.remove(layout.hypervisor_namespace)

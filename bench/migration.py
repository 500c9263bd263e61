"""A guest that goes from host to host: how long nobody hears it, against QEMU's own migration.

Theirs is a QEMU started directly, with the same memory and the same work, that migrates to another
one in a second namespace at the end of a cable, with its disk on what both share. Ours brings its
disks along, over TLS. In both a ping every 10 ms asks the guest all the while; what is measured is
the longest time between two answers: of a guest whose memory is still, and of one that writes it.
"""

import contextlib
import itertools
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path

from bench import bare, cloud, launch, qmp, report, sealed, wire
from mallee.box import client as api
from mallee.kit import process
from mallee.model.images import catalogue
from mallee.node.do.network import namespaces
from mallee.node.plan.guests import domain
from tests import labs, tinyimages
from tests.wholecloud import Cloud

LAB = """
[hosts.front]
role = "front"

[hosts.n1]

[cloud]
listen = "0.0.0.0"

[cloud.network]
public_range = "198.19.12.0/24"
egress = true
"""
PING_S = 0.01
HEARD_MIN = 100
"""So many answers come at least before and after."""
WRITE = "dd if=/dev/urandom of=/dev/shm/x bs=64k count=256 conv=notrunc"
WRITES = f"(mkdir -p /dev/shm; touch /dev/shm/on; while [ -e /dev/shm/on ]; do {WRITE}; done)"
"""Some megabytes again and again, as fast as an emulated processor makes them."""
QUIETLY = f"{WRITES} </dev/null >/dev/null 2>&1 &\n"
RESTS = "rm -f /dev/shm/on"
THERE = "bench-there"
PORT = 4444
FAR = "10.78.0.2"
NEAR = "10.78.0.1"


def measure(runs: int) -> list[report.Finding]:
    """Have both go so often, still and writing, by turns: what else the machine does hits both."""
    found: list[report.Finding] = []
    for words, work in (("whose memory is still", ""), ("that writes its memory", QUIETLY)):
        with _ours(work) as go:
            taken = [(go(), _theirs(work)) for _ in range(runs)]
        found.append(
            report.Finding(
                promise=f"a guest {words} goes to another host, not heard, against bare QEMU",
                unit="ms",
                ours=tuple(ours for ours, _ in taken),
                theirs=tuple(theirs for _, theirs in taken),
                bar_ratio_max=2.0,
            )
        )
    return found


@dataclass(slots=True)
class _Silence:
    """The longest time without an answer, by a ping that runs all the while."""

    longest_ms: float = 0.0


@contextlib.contextmanager
def _listening(address: str) -> Generator[_Silence]:
    """Ask an address all the while; at the end it is known how long it was silent at most."""
    found = _Silence()
    line = ("ping", "-n", "-D", "-i", str(PING_S), address)
    # A pipe that nobody reads would have it stand still.
    with tempfile.TemporaryFile() as said, subprocess.Popen(line, stdout=said) as asking:
        try:
            yield found
            # The first answer after the silence shall be heard too.
            time.sleep(1.0)
        finally:
            asking.send_signal(signal.SIGINT)
            asking.wait()
        said.seek(0)
        text = said.read().decode()
    heard = [float(it) for it in re.findall(r"^\[([\d.]+)\] \d+ bytes", text, re.M)]
    if len(heard) < HEARD_MIN:
        raise RuntimeError(f"{address} is not heard: {text[-500:]}")
    pairs = itertools.pairwise(heard)
    found.longest_ms = 1000 * max(after - before for before, after in pairs)


@contextlib.contextmanager
def _ours(work: str) -> Generator[Callable[[], float]]:
    """Give a function that has a guest go once, to and fro, and returns its silence."""
    with labs.up(LAB) as lab:
        running = lab.cloud
        guest = running.run(InstanceType=cloud.INSTANCE_TYPE)
        running.wait_state(guest, "running")
        address = running.instance(guest)["PublicIpAddress"]

        def go() -> float:
            running.ssh(guest, work or "true")
            with _listening(address) as silence:
                time.sleep(1.0)
                _migrate(running, guest)
            # Bare QEMU's turn shall not share the machine with its work.
            running.ssh(guest, RESTS)
            return silence.longest_ms

        go()
        yield go


def _migrate(running: Cloud, guest: str) -> None:
    def begun() -> bool:
        try:
            api.call(running.access, "mallee", "MigrateInstance", {"InstanceId": guest})
        except api.Refused as refused:
            if "try again" not in str(refused):
                raise
            return False
        return True

    def over() -> bool:
        told = api.call(running.access, "mallee", "DescribeMigration", {"InstanceId": guest})
        if "Failure" in told:
            raise RuntimeError(str(told["Failure"]))
        return told["State"] == "none"

    cloud.wait_until(begun, "the guest is on its way")
    cloud.wait_until(over, "the guest is where it goes")


def _theirs(work: str) -> float:
    """Return how long a bare guest is silent that goes from one QEMU to another."""
    [port] = wire.ports(1)
    blob = catalogue.image(tinyimages.document(), catalogue.TINY_DISK).blob
    values = {"user-data": f"#!/bin/sh\n{work}".encode()} if work else {}
    folder = contextlib.ExitStack()
    with folder, wire.wire([port], wire.Metadata(values)), _there(port):
        near, far = (
            Path(folder.enter_context(tempfile.TemporaryDirectory(prefix="m-"))) for _ in range(2)
        )
        disk = tinyimages.clone(blob, near / "disk.qcow2")
        machine = _odd(launch.machine(port, disk))
        incoming = replace(machine, extra=(*machine.extra, "-incoming", f"tcp:{FAR}:{PORT}"))
        with bare.Guest(machine, near) as guest, _waiting(incoming, far):
            guest.wait_for("mallee-tiny: user data" if work else catalogue.FIRST_LINE)
            bare.wait_banner(port.address, guest.started_at)
            with _listening(port.address) as silence:
                time.sleep(1.0)
                _send(near / "qmp")
            return silence.longest_ms


def _odd(machine: bare.Machine) -> bare.Machine:
    """Give a bare machine the memory that ours has: of another size QEMU would be heard sooner, and
    lose writes of its guest (`plan.guests.domain`)."""
    size = f"size={domain.memory_kib(machine.memory_mib, machine.accelerator)}K"
    memory = f"memory-backend-ram,id=ram,{size}"
    return replace(machine, extra=("-object", memory, "-machine", "memory-backend=ram", "-m", size))


def _send(control: Path) -> None:
    states = [{"capability": "auto-converge", "state": True}]
    qmp.execute(control, "migrate-set-capabilities", capabilities=states)
    qmp.execute(control, "migrate-set-parameters", **{"max-bandwidth": 1 << 40})
    qmp.execute(control, "migrate", uri=f"tcp:{FAR}:{PORT}")

    def over() -> bool:
        told = qmp.execute(control, "query-migrate")
        if told["status"] == "failed":
            raise RuntimeError(str(told))
        return told["status"] == "completed"

    cloud.wait_until(over, "bare QEMU has sent its guest")


@contextlib.contextmanager
def _there(port: wire.Port) -> Generator[None]:
    """A second namespace on the wire, with a tap of the same name, and a cable for memory."""
    namespaces.ensure(THERE)
    inside = ("ip", "-n", THERE)
    lines = (
        ("ip", "link", "add", "near0", "type", "veth", "peer", "name", "far0", "netns", THERE),
        ("ip", "link", "set", "near0", "master", "wire", "up"),
        ("ip", "link", "add", "near1", "type", "veth", "peer", "name", "far1", "netns", THERE),
        ("ip", "address", "add", f"{NEAR}/24", "dev", "near1"),
        ("ip", "link", "set", "near1", "up"),
        (*inside, "address", "add", f"{FAR}/24", "dev", "far1"),
        (*inside, "link", "set", "far1", "up"),
        (*inside, "link", "add", "wire", "type", "bridge"),
        (*inside, "link", "set", "wire", "up"),
        (*inside, "link", "set", "far0", "master", "wire", "up"),
        (*inside, "tuntap", "add", port.tap, "mode", "tap"),
        (*inside, "link", "set", port.tap, "master", "wire", "up"),
    )
    try:
        for line in lines:
            process.run(line)
        yield
    finally:
        namespaces.remove(THERE)


@contextlib.contextmanager
def _waiting(machine: bare.Machine, folder: Path) -> Generator[None]:
    """A machine in the second namespace that waits for what another sends."""
    line = ("ip", "netns", "exec", THERE, *machine.argv(folder / "qmp"))
    quiet = subprocess.DEVNULL
    with subprocess.Popen(line, stdin=quiet, stdout=quiet, stderr=quiet) as waiting:
        try:
            cloud.wait_until((folder / "qmp").exists, "the other QEMU is there")
            yield
        finally:
            waiting.kill()


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)

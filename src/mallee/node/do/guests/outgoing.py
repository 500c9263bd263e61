"""A running guest's QEMU on its way to another host: mirrors its disks, sends its memory.

By QEMU's own protocol, beside libvirt, which sees no more than that the guest stands for a moment:
libvirt's own way would open this host's libvirtd, which may do everything, to the other host. All
that QEMU sends goes into sockets of the agent. Called by `migrating.going`; all calls block.
What is begun is undone by `put_back`, at any moment before the guest is given away, also by another
agent than the one that began.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mallee.node.do.guests import qmp
from mallee.node.do.guests.hypervisor import HypervisorFailed

LOOK_S = 0.003
"""How often the machine is looked at while its guest stands, or is about to."""
_JOB = "going-"
_DOWNTIME_MS = 300
_RESTS_S = 10.0
"""Work that is ended waits for what it reads at most."""
_ENDS_S = 60.0
"""What QEMU has to do while its guest stands takes less; one that says nothing of it is ill."""
_UNBOUNDED = 1 << 40
_OVER = ("completed", "failed", "cancelled", "none")


@dataclass(frozen=True, slots=True)
class Memory:
    """How far the memory is."""

    status: str
    done_bytes: int
    left_bytes: int
    words: str = ""


class Job(msgspec.Struct, frozen=True, rename="kebab"):
    """Something that QEMU does beside its guest (`query-jobs`); progress has no unit."""

    id: str
    status: str
    current_progress: int
    total_progress: int


class _Sizes(msgspec.Struct, frozen=True, rename="kebab"):
    base_memory: int


class _Ram(msgspec.Struct, frozen=True):
    transferred: int = 0
    remaining: int = 0


class _Migration(msgspec.Struct, frozen=True, rename="kebab"):
    status: str = "none"
    ram: _Ram = _Ram()
    error_desc: str = ""


class _Node(msgspec.Struct, frozen=True, rename="kebab"):
    node_name: str


class _Device(msgspec.Struct, frozen=True):
    qdev: str = ""
    inserted: _Node | None = None


class Going:
    """One guest's machine; all raises `HypervisorFailed`."""

    def __init__(self, monitor: qmp.Monitor, uuid: str) -> None:
        self._qemu = qmp.Qemu(monitor, uuid)

    def size_kib(self) -> int:
        """Return how much memory the machine has."""
        return self._qemu.ask_for(_Sizes, "query-memory-size-summary").base_memory >> 10

    def rest(self) -> None:
        """End what QEMU does with disks beside its guest: it is begun anew later, where it was."""
        ends_at = time.monotonic() + _RESTS_S
        while those := self._jobs():
            for job in those:
                # One that ends just now is gone before it hears it.
                with contextlib.suppress(HypervisorFailed):
                    self._qemu.ask("job-cancel", id=job.id)
            if time.monotonic() > ends_at:
                raise HypervisorFailed(f"QEMU does not end what it does ({those[0].id[:100]}) yet")
            time.sleep(LOOK_S)

    def _jobs(self) -> list[Job]:
        return self._qemu.ask_for(list[Job], "query-jobs")

    def mirror(self, index: int, serial: str, socket: Path) -> None:
        """Begin to mirror what the guest has written of a disk to an export behind a socket."""
        node = self._node(serial)
        name = f"{_JOB}{index}"
        server = {"type": "unix", "path": str(socket)}
        self._qemu.ask(
            "blockdev-add",
            **{"node-name": name, "driver": "raw"},
            file={"driver": "nbd", "export": f"disk{index}", "server": server},
        )
        self._qemu.ask("blockdev-mirror", **{"job-id": name}, device=node, target=name, sync="top")

    def mirrors(self) -> list[Job]:
        """Return the jobs that mirror."""
        return [job for job in self._jobs() if job.id.startswith(_JOB)]

    def end_mirrors(self, *, force: bool = False) -> None:
        """End the mirrors, each when its disk is like the guest's, or at once by force."""
        for job in self.mirrors():
            self._qemu.ask("block-job-cancel", device=job.id, force=force)
        _wait(lambda: not self.mirrors(), "its mirrors")
        for node in self._qemu.ask_for(list[_Node], "query-named-block-nodes", flat=True):
            if node.node_name.startswith(_JOB):
                self._qemu.ask("blockdev-del", **{"node-name": node.node_name})

    def send_memory(self, socket: Path) -> None:
        """Begin to send what is in the machine's memory; it stops before the guest would."""
        wanted = ("pause-before-switchover", "auto-converge", "events")
        states = [{"capability": name, "state": True} for name in wanted]
        self._qemu.ask("migrate-set-capabilities", capabilities=states)
        self.allow_downtime(_DOWNTIME_MS)
        self._qemu.ask("migrate", uri=f"unix:{socket}")

    def allow_downtime(self, downtime_ms: int) -> None:
        """Let the guest stand so long while the last of its memory goes."""
        limits = {"downtime-limit": downtime_ms, "max-bandwidth": _UNBOUNDED}
        self._qemu.ask("migrate-set-parameters", **limits)

    def memory(self) -> Memory:
        """Return how far the memory is."""
        told = self._qemu.ask_for(_Migration, "query-migrate")
        return Memory(
            status=told.status,
            done_bytes=told.ram.transferred,
            left_bytes=told.ram.remaining,
            words=told.error_desc,
        )

    def send_rest(self) -> None:
        """Send the rest of a machine whose guest stands."""
        self._qemu.ask("migrate-continue", state="pre-switchover")
        _wait(self._is_over, "sending")
        seen = self.memory()
        if seen.status != "completed":
            raise HypervisorFailed(f"QEMU could not send its machine: {seen.words}")

    def put_back(self) -> None:
        """Have everything as it was before, and the guest run; nothing was begun: nothing."""
        if not self._is_over():
            self._qemu.ask("migrate_cancel")
            _wait(self._is_over, "sending")
        self.end_mirrors(force=True)
        status = self._qemu.ask_for(qmp.Status, "query-status").status
        if status in ("postmigrate", "finish-migrate", "paused"):
            self._qemu.ask("cont")

    def _is_over(self) -> bool:
        return self.memory().status in _OVER

    def _node(self, serial: str) -> str:
        """Return which node a disk's device reads and writes."""
        for found in self._qemu.ask_for(list[_Device], "query-block"):
            device = found.qdev.removesuffix("/virtio-backend")
            if found.inserted is None or not device:
                continue
            if self._qemu.ask("qom-get", path=device, property="serial") == serial:
                return found.inserted.node_name
        raise HypervisorFailed(f"the machine has no disk {serial}")


def _wait(is_over: Callable[[], bool], what: str) -> None:
    ends_at = time.monotonic() + _ENDS_S
    while not is_over():
        if time.monotonic() > ends_at:
            raise HypervisorFailed(f"QEMU does not end {what} in {_ENDS_S:g} s")
        time.sleep(LOOK_S)

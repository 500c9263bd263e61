"""A running guest's QEMU on its way to another host: mirrors its disks, sends its memory.

By QEMU's own protocol, beside libvirt, which sees no more than that the guest stands for a moment:
libvirt's own way would open this host's libvirtd, which may do everything, to the other host. All
that QEMU sends goes into sockets of the agent. Called by `migrating.going`; all calls block.
What is begun is undone by `put_back`, at any moment before the guest is given away, also by another
agent than the one that began.
"""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from mallee.node.do.guests.hypervisor import HypervisorFailed

LOOK_S = 0.003
"""How often the machine is looked at while its guest stands, or is about to."""
_JOB = "going-"
_DOWNTIME_MS = 300
_RESTS_S = 10.0
"""Work that is ended waits for what it reads at most."""
_UNBOUNDED = 1 << 40
_OVER = ("completed", "failed", "cancelled", "none")


class Monitor(Protocol):
    """What is asked of QEMU: a hypervisor's monitor."""

    def ask_monitor(self, uuid: str, command: str, arguments: Mapping[str, object]) -> Any:
        """Return QEMU's answer; raises `HypervisorFailed`."""
        ...


@dataclass(frozen=True, slots=True)
class Memory:
    """How far the memory is."""

    status: str
    done_bytes: int
    left_bytes: int
    words: str = ""


class _Sizes(msgspec.Struct, frozen=True, rename="kebab"):
    base_memory: int


class _Job(msgspec.Struct, frozen=True):
    id: str


class Going:
    """One guest's machine."""

    def __init__(self, monitor: Monitor, uuid: str) -> None:
        self._monitor = monitor
        self._uuid = uuid

    def ask(self, command: str, **arguments: object) -> Any:
        """Ask QEMU; raises `HypervisorFailed`."""
        return self._monitor.ask_monitor(self._uuid, command, arguments)

    def size_kib(self) -> int:
        """Return how much memory the machine has."""
        answer = self.ask("query-memory-size-summary")
        try:
            return msgspec.convert(answer, _Sizes).base_memory >> 10
        except msgspec.ValidationError as error:
            raise HypervisorFailed(f"QEMU does not say how much memory it has: {error}") from error

    def rest(self) -> None:
        """End what QEMU does with disks beside its guest: it is begun anew later, where it was."""
        ends_at = time.monotonic() + _RESTS_S
        while those := self._jobs():
            for job in those:
                # One that ends just now is gone before it hears it.
                with contextlib.suppress(HypervisorFailed):
                    self.ask("job-cancel", id=job)
            if time.monotonic() > ends_at:
                raise HypervisorFailed(f"QEMU does not end what it does ({those[0][:100]}) yet")
            time.sleep(LOOK_S)

    def _jobs(self) -> list[str]:
        """Return the ids of QEMU's jobs."""
        answer = self.ask("query-jobs")
        try:
            return [job.id for job in msgspec.convert(answer, list[_Job])]
        except msgspec.ValidationError as error:
            raise HypervisorFailed(f"QEMU does not say what it does: {error}") from error

    def mirror(self, index: int, serial: str, socket: Path) -> None:
        """Begin to mirror what the guest has written of a disk to an export behind a socket."""
        node = self._node(serial)
        name = f"{_JOB}{index}"
        server = {"type": "unix", "path": str(socket)}
        self.ask(
            "blockdev-add",
            **{"node-name": name, "driver": "raw"},
            file={"driver": "nbd", "export": f"disk{index}", "server": server},
        )
        self.ask("blockdev-mirror", **{"job-id": name}, device=node, target=name, sync="top")

    def mirrors(self) -> list[dict[str, Any]]:
        """Return the jobs that mirror."""
        return [job for job in self.ask("query-jobs") if str(job["id"]).startswith(_JOB)]

    def end_mirrors(self, *, force: bool = False) -> None:
        """End the mirrors, each when its disk is like the guest's, or at once by force."""
        for job in self.mirrors():
            self.ask("block-job-cancel", device=job["id"], force=force)
        while self.mirrors():
            time.sleep(LOOK_S)
        for node in self.ask("query-named-block-nodes", flat=True):
            if str(node["node-name"]).startswith(_JOB):
                self.ask("blockdev-del", **{"node-name": node["node-name"]})

    def send_memory(self, socket: Path) -> None:
        """Begin to send what is in the machine's memory; it stops before the guest would."""
        wanted = ("pause-before-switchover", "auto-converge", "events")
        states = [{"capability": name, "state": True} for name in wanted]
        self.ask("migrate-set-capabilities", capabilities=states)
        self.allow_downtime(_DOWNTIME_MS)
        self.ask("migrate", uri=f"unix:{socket}")

    def allow_downtime(self, downtime_ms: int) -> None:
        """Let the guest stand so long while the last of its memory goes."""
        limits = {"downtime-limit": downtime_ms, "max-bandwidth": _UNBOUNDED}
        self.ask("migrate-set-parameters", **limits)

    def memory(self) -> Memory:
        """Return how far the memory is."""
        told = self.ask("query-migrate")
        ram = told.get("ram", {})
        return Memory(
            status=told.get("status", "none"),
            done_bytes=ram.get("transferred", 0),
            left_bytes=ram.get("remaining", 0),
            words=told.get("error-desc", ""),
        )

    def send_rest(self) -> None:
        """Send the rest of a machine whose guest stands; raises `HypervisorFailed`."""
        self.ask("migrate-continue", state="pre-switchover")
        while (seen := self.memory()).status != "completed":
            if seen.status in _OVER:
                raise HypervisorFailed(f"QEMU could not send its machine: {seen.words}")
            time.sleep(LOOK_S)

    def put_back(self) -> None:
        """Have everything as it was before, and the guest run; nothing was begun: nothing."""
        if self.memory().status not in _OVER:
            self.ask("migrate_cancel")
            while self.memory().status not in _OVER:
                time.sleep(LOOK_S)
        self.end_mirrors(force=True)
        if self.ask("query-status")["status"] in ("postmigrate", "finish-migrate", "paused"):
            self.ask("cont")

    def _node(self, serial: str) -> str:
        """Return which node a disk's device reads and writes."""
        for found in self.ask("query-block"):
            device = str(found.get("qdev", "")).removesuffix("/virtio-backend")
            if "inserted" not in found or not device:
                continue
            if self.ask("qom-get", path=device, property="serial") == serial:
                return found["inserted"]["node-name"]
        raise HypervisorFailed(f"the machine has no disk {serial}")

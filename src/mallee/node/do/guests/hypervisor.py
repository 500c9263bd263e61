"""The seam to the machine that runs guests: what the agent may ask of it, and what it sees there.

`do.libvirt` is the real one; `tests/fakes/hypervisor.py` the one for tests; both pass the same
contract tests. A domain is known by its UUID, which follows from the instance's id
(`plan.domain.uuid_of`). All calls block: the reconciler makes them from worker threads, several at
a time. Every call raises `HypervisorFailed` with words of the cause.
"""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mallee.model.hosts.cpus import Cpu
from mallee.model.storage.datakeys import OpenedKey
from mallee.model.storage.volumes import Limits
from mallee.node.plan.guests.disks import Disk
from mallee.node.plan.guests.seen import SeenDomain


class HypervisorFailed(Exception):
    """The hypervisor refused or could not do it; the message is its own words."""


class HypervisorAway(HypervisorFailed):
    """Nobody answers at the hypervisor's socket: it is down or restarting. Try again soon."""


class QemuSilent(HypervisorFailed):
    """A guest's QEMU does not answer. What it was asked is done when it answers, or never."""


class AgentSilent(HypervisorFailed):
    """The agent in the guest has its port open, and did not answer in time."""


@dataclass(frozen=True, slots=True)
class Merge:
    """A layer, and the one below it that shall have its bytes."""

    top: Path
    base: Path
    mib_per_s: int = 0
    """How fast at most; 0: as fast as it goes."""


class Hypervisor(Protocol):
    """What the agent asks. Each call may be made twice: the second finds it done."""

    def version(self) -> str:
        """Return for example `QEMU 7.2.22, libvirt 9.0.0`."""
        ...

    def cpu(self, acceleration: str) -> Cpu | None:
        """Return what guests can be shown as a processor; None: it does not say."""
        ...

    def read(self, uuid: str) -> SeenDomain | None:
        """Return the domain, or None when it is not defined or not this cloud's."""
        ...

    def list(self) -> tuple[SeenDomain, ...]:
        """Return all domains that carry this cloud's tag."""
        ...

    def define(self, xml: str) -> None:
        """Define a domain, replacing the definition with the same UUID."""
        ...

    def start_paused(self, uuid: str) -> None:
        """Start a defined domain with its processors standing; active already: nothing."""
        ...

    def resume(self, uuid: str) -> None:
        """Let the processors of an active domain run."""
        ...

    def attach_nic(self, uuid: str, mac: str, xml: str) -> None:
        """Put a network card into an active domain; one with that MAC is there already: nothing."""
        ...

    def detach_nic(self, uuid: str, mac: str) -> None:
        """Ask an active domain's guest to let a network card go; no such card: nothing."""
        ...

    def attach_disk(
        self, uuid: str, disk: Disk, limits: Limits, key: OpenedKey | None = None
    ) -> None:
        """Put a volume into an active domain; one that has it already: nothing.

        One that is encrypted comes with its chain and its key.
        """
        ...

    def detach_disk(self, uuid: str, disk: Disk) -> None:
        """Ask an active domain's guest to let a volume go; it has none such: nothing."""
        ...

    def tear_out_disk(self, uuid: str, disk: Disk) -> None:
        """Take a volume from an active domain without its guest, to which it is a broken disk from
        then on; it has none such: nothing."""
        ...

    def resize_disk(self, uuid: str, target: str, size_bytes: int) -> None:
        """Enlarge a volume of an active domain, whose guest sees it at once."""
        ...

    def limit_disk(self, uuid: str, target: str, limits: Limits) -> None:
        """Have other limits apply to a volume of an active domain."""
        ...

    def cut_disks(
        self, uuid: str, cuts: Mapping[Disk, Path], keys: Mapping[str, OpenedKey]
    ) -> None:
        """Have an active domain write volumes into other layers from one instant on, all of them.

        Each path is an empty layer over what the disk has now; where all are written already:
        nothing. `keys` has those of encrypted volumes, by volume.
        """
        ...

    def merge_layer(self, uuid: str, disk: Disk, merge: Merge) -> bool:
        """Take a layer that an active domain reads into the one below; tell whether it goes on.

        It begins at the first call; once it is done, nothing is.
        """
        ...

    def fill_disk(self, uuid: str, disk: Disk, mib_per_s: int, *, may_begin: bool) -> bool:
        """Copy what a volume of an active domain lies on into the layer that it writes; tell
        whether that went on already.

        It is to be asked for until that layer lies on nothing, gives way to everything else that
        is asked of the disk, and begins only where it may; what was copied is not copied again.
        """
        ...

    def shut_down(self, uuid: str) -> None:
        """Press the power button; off already: nothing. Does not wait."""
        ...

    def reboot(self, uuid: str) -> None:
        """Press the power button, and start the guest again when it has powered off."""
        ...

    def reset(self, uuid: str) -> None:
        """Reset the machine as by its reset button."""
        ...

    def destroy(self, uuid: str) -> None:
        """Switch the domain off at once; off already: nothing."""
        ...

    def undefine(self, uuid: str) -> None:
        """Forget a domain that is off; unknown already: nothing."""
        ...

    def press_key(self, uuid: str) -> None:
        """Press and let go a key of an active domain that means nothing by itself."""
        ...

    def interrupt(self, uuid: str) -> None:
        """Send an active domain an interrupt that cannot be masked."""
        ...

    def ask_agent(self, uuid: str, command: str, timeout_s: int) -> str | None:
        """Return what the guest's agent answers to a command of QEMU's guest agent protocol; None
        when none has its port open. Raises `AgentSilent` when no answer comes in time."""
        ...

    def fetch_screen(self, uuid: str) -> bytes:
        """Return what the screen of an active domain shows, as PNG or PPM."""
        ...

    def open_screen(self, uuid: str) -> socket.socket:
        """Return a connection to the VNC server of an active domain; the caller closes it."""
        ...

    def ask_monitor(self, uuid: str, command: str, arguments: Mapping[str, object]) -> Any:
        """Return what an active domain's QEMU answers to a command of its own protocol."""
        ...

    def silent(self) -> tuple[str, ...]:
        """Return the ids of instances whose QEMU was asked something and has not answered yet."""
        ...

    def check_done(self, uuid: str) -> None:
        """Raise `HypervisorFailed` unless an active domain's QEMU has done all that it was asked,
        by whichever agent."""
        ...

    def watch(self, changed: Callable[[str], None]) -> None:
        """Call `changed` with an instance id whenever its domain may have changed, from any
        thread, and with an empty string when all may have (after a reconnection)."""
        ...

    def close(self) -> None:
        """Let go of the hypervisor; guests go on."""
        ...

"""Asks the QEMU of a guest by its own protocol, through a hypervisor, and reads what it answers.

A guest may have broken out of its QEMU, and that may answer anything: what is no answer is a
failure of that guest. Called by what brings guests from host to host; `monitor` is the same for
those that have libvirt's own domain.
"""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from mallee.node.do.guests.hypervisor import HypervisorFailed

T = TypeVar("T")


class Monitor(Protocol):
    """What is asked of QEMU: a hypervisor's monitor."""

    def ask_monitor(self, uuid: str, command: str, arguments: Mapping[str, object]) -> Any:
        """Return QEMU's answer; raises `HypervisorFailed`."""
        ...


class Status(msgspec.Struct, frozen=True):
    """Whether a machine runs (`query-status`)."""

    status: str


class Qemu:
    """One guest's QEMU, as it is asked."""

    def __init__(self, monitor: Monitor, uuid: str) -> None:
        self._monitor = monitor
        self._uuid = uuid

    def ask(self, command: str, **arguments: object) -> Any:
        """Ask QEMU, whose answer says nothing; raises `HypervisorFailed`."""
        return self._monitor.ask_monitor(self._uuid, command, arguments)

    def ask_for(self, type: type[T], command: str, **arguments: object) -> T:
        """Ask QEMU what is of a type; raises `HypervisorFailed`, also when it is not."""
        answer = self.ask(command, **arguments)
        try:
            return msgspec.convert(answer, type)
        except msgspec.ValidationError as error:
            raise HypervisorFailed(
                f"QEMU answered {command} with what is no answer: {error}"
            ) from error

"""Asks a running QEMU by its own protocol what libvirt has no words for.

Called by files of this folder that have a domain; libvirt's errors are its own. A guest may have
broken out of its QEMU, and that may answer anything: an answer of another shape is a refusal.
"""
# libvirt's Python module is generated and carries no types.
# pyright: reportUnknownMemberType=false, reportMissingImports=false, reportMissingTypeStubs=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from typing import Any, TypeVar

import libvirt_qemu
import msgspec

from mallee.node.do.guests.hypervisor import HypervisorFailed

_WORDS_MAX = 500

T = TypeVar("T")


class QemuRefused(HypervisorFailed):
    """QEMU did not do what it was asked; the message says what."""


class _Error(msgspec.Struct, frozen=True):
    desc: str = ""


class _Answer(msgspec.Struct, frozen=True):
    result: Any = msgspec.field(default=None, name="return")
    error: _Error | None = None


class _Node(msgspec.Struct, frozen=True):
    name: str = msgspec.field(name="node-name")


class _Job(msgspec.Struct, frozen=True):
    id: str
    status: str


def ask(domain: Any, command: str, **arguments: object) -> Any:
    """Ask QEMU; return what it answers. Raises `QemuRefused`."""
    asked = msgspec.json.encode({"execute": command, "arguments": arguments}).decode()
    raw = libvirt_qemu.qemuMonitorCommand(domain, asked, 0)
    try:
        answer = msgspec.json.decode(raw, type=_Answer)
    except msgspec.DecodeError as error:
        raise _odd(command, error) from error
    if answer.error is not None:
        raise QemuRefused(f"QEMU refused {command}: {answer.error.desc[:_WORDS_MAX]}")
    return answer.result


def ask_for(type: type[T], domain: Any, command: str, **arguments: object) -> T:
    """The same, where the answer has to be of a type."""
    answer = ask(domain, command, **arguments)
    try:
        return msgspec.convert(answer, type)
    except msgspec.ValidationError as error:
        raise _odd(command, error) from error


def nodes(domain: Any) -> frozenset[str]:
    """Return the names of all that QEMU reads and writes. Raises `QemuRefused`."""
    found = ask_for(list[_Node], domain, "query-named-block-nodes", flat=True)
    return frozenset(one.name for one in found)


def jobs(domain: Any) -> dict[str, str]:
    """Return how far each of QEMU's jobs is, by its id. Raises `QemuRefused`."""
    return {job.id: job.status for job in ask_for(list[_Job], domain, "query-jobs")}


def _odd(command: str, error: Exception) -> QemuRefused:
    return QemuRefused(f"QEMU answered {command} with what is no answer: {error}")

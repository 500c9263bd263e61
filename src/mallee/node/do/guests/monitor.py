"""Asks a running QEMU by its own protocol what libvirt has no words for.

Called by files of this folder that have a domain; libvirt's errors are its own.
"""
# libvirt's Python module is generated and carries no types.
# pyright: reportUnknownMemberType=false, reportMissingImports=false, reportMissingTypeStubs=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from typing import Any

import libvirt_qemu
import msgspec

from mallee.node.do.guests.hypervisor import HypervisorFailed


class QemuRefused(HypervisorFailed):
    """QEMU did not do what it was asked; the message says what."""


def ask(domain: Any, command: str, **arguments: object) -> Any:
    """Ask QEMU; return what it answers. Raises `QemuRefused`."""
    asked = msgspec.json.encode({"execute": command, "arguments": arguments}).decode()
    answer = msgspec.json.decode(libvirt_qemu.qemuMonitorCommand(domain, asked, 0))
    if "error" in answer:
        raise QemuRefused(f"QEMU refused {command}: {answer['error'].get('desc')}")
    return answer["return"]

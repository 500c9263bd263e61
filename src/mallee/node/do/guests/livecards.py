"""Network cards of a running domain, by libvirt: put in, and asked back.

Called by `libvirt` alone, with a domain of its connection; its errors are libvirt's own.
"""
# libvirt's Python module is generated and carries no types.
# pyright: reportUnknownMemberType=false, reportMissingImports=false, reportMissingTypeStubs=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from typing import Any

import libvirt

from mallee.node.do.guests import livedisks
from mallee.node.plan.guests import domain as domains


def attach(domain: Any, mac: str, xml: str) -> None:
    """Put a card in; one with that MAC is there already: nothing."""
    if all(nic.mac != mac for nic in domains.decode_nics(domain.XMLDesc())):
        domain.attachDeviceFlags(xml, libvirt.VIR_DOMAIN_AFFECT_LIVE)


def detach(domain: Any, mac: str) -> None:
    """Ask the guest to let a card go; there is none such: nothing."""
    if any(nic.mac == mac for nic in domains.decode_nics(domain.XMLDesc())):
        livedisks.unplug(domain, f"<interface type='ethernet'><mac address='{mac}'/></interface>")

"""Blocks of addresses in the classic network modes, as the cloud's administration shows them.

Called through the action table. Who gets which is `modes.addresses`' business. In `static` and
`system` the LAN is shown as the one block that there is.
"""

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Any

from mallee.cloud.action import Action, Read
from mallee.cloud.admin import rows
from mallee.cloud.call import Call, Request, Result
from mallee.cloud.modes import addresses
from mallee.cloud.state import records
from mallee.model.network import sharedranges
from mallee.model.network.sharedranges import SharedRange


def list_address_blocks(call: Call, request: Request) -> Result:
    """List the blocks that are in use: whose each is, its VLAN, how many addresses are used."""
    network = call.settings.network
    shared = sharedranges.of(network)
    found = [] if shared is None else list(_blocks(call, shared))
    return {
        "NetworkMode": network.mode,
        "AddressBlocks": found,
        "Total": shared.blocks if shared and shared.is_managed else len(found),
    }


def _blocks(call: Call, shared: SharedRange) -> Iterator[dict[str, Any]]:
    network = call.settings.network
    cidr = network.classic.subnet
    if not shared.is_managed:
        lent = sum(map(len, sharedranges.lent_of_lan(cidr, shared)))
        used = call.view.total(addresses.LAN)
        told = {"Cidr": str(IPv4Network(cidr)), "Used": used, "Usable": lent}
        yield {**told, "Gateway": network.classic.router} if network.classic.router else told
        return
    for one in addresses.in_use(call.view):
        block = sharedranges.block(cidr, shared.block_size, one.index)
        group = call.view.get(records.SECURITY_GROUP, one.group_id)
        yield {
            "Cidr": str(block),
            "Gateway": sharedranges.gateway(block),
            "Vlan": sharedranges.vlan(network, one.index),
            "AccountId": group.account if group else "",
            "GroupId": one.group_id,
            "GroupName": group.doc.name if group else "",
            "Used": one.used,
            "Usable": shared.per_block,
        }


ACTIONS: tuple[Action, ...] = (
    rows.of_administrators("ListAddressBlocks", Read(handle=list_address_blocks)),
)

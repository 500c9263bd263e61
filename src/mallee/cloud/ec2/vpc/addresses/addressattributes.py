"""Attributes of elastic addresses: the name that an address is asked back to.

Called through the action table. This cloud serves no reverse names, so none can be set; every
address has none, and setting it back changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.network.networks import Address

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


def reset_attribute(
    call: WriteCall, request: shapes.ResetAddressAttributeRequest
) -> shapes.ResetAddressAttributeResult:
    """Leave the address without a reverse name."""
    address = resources.one(call, records.ADDRESS, request["AllocationId"])
    return {"Address": _render(call, address)}


def _find(
    call: Call, request: shapes.DescribeAddressesAttributeRequest
) -> Iterable[Record[Address, None]]:
    asked: list[str] = request.get("AllocationIds") or []
    if asked:
        return resources.several(call, records.ADDRESS, asked)
    return sorted(call.view.list(records.ADDRESS, call.account), key=lambda it: it.id)


def _render(call: Call, address: Record[Address, None]) -> shapes.AddressAttribute:
    return {"PublicIp": address.doc.public_ip, "AllocationId": address.id}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeAddressesAttribute",
        does=Listing(
            find=_find, render=_render, member="Addresses", filters={}, max_results=(1, 1000)
        ),
        honours=frozenset({"AllocationIds", "Attribute"}),
    ),
    Action(
        service="ec2",
        name="ResetAddressAttribute",
        does=Write(handle=reset_attribute),
        honours=frozenset({"AllocationId", "Attribute"}),
    ),
)

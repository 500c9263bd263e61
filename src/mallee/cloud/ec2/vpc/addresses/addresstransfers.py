"""Transfers of elastic addresses: offered by one account, accepted by another.

Called through the action table. An offer stands for a week on the address itself; who accepts gets
the same public address as a new allocation of his, without tags. The former owner is shown for two
weeks that it was accepted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.vpc.addresses import publicpool
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.networks import Address, Handover, Transfer

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

STANDS_S = 7 * 86400.0
SHOWN_S = 14 * 86400.0
"""How long the former owner is shown that it was accepted."""
ACCOUNT_DIGITS = 12

AddressRecord = Record[Address, None]
HandoverRecord = Record[Handover, None]


def enable_transfer(
    call: WriteCall, request: shapes.EnableAddressTransferRequest
) -> shapes.EnableAddressTransferResult:
    """Offer an address to another account; offered again, the offer is that one's."""
    address = resources.one(call, records.ADDRESS, request["AllocationId"])
    account = request["TransferAccountId"]
    is_account = account.isascii() and account.isdecimal() and len(account) == ACCOUNT_DIGITS
    if not is_account or account == call.account:
        raise errors.InvalidParameterValue(
            f"Value ({account}) for parameter TransferAccountId is invalid. It is another "
            f"account's id of {ACCOUNT_DIGITS} digits."
        )
    if address.doc.pool_id:
        raise errors.OperationNotPermitted(
            f"The address {address.doc.public_ip} is of the pool {address.doc.pool_id}, and stays "
            "with the account to which that gave it."
        )
    offer = Transfer(account=account, expires_at=call.now + STANDS_S)
    address = call.tx.write(address, replace(address.doc, transfer=offer))
    return {"AddressTransfer": _render(call, address)}


def disable_transfer(
    call: WriteCall, request: shapes.DisableAddressTransferRequest
) -> shapes.DisableAddressTransferResult:
    """Take an offer back."""
    address = resources.one(call, records.ADDRESS, request["AllocationId"])
    if not _is_offered(call, address):
        raise errors.InvalidTransferNotFound(address.doc.public_ip)
    shown = _render(call, address)
    call.tx.write(address, replace(address.doc, transfer=None))
    return {"AddressTransfer": {**shown, "AddressTransferStatus": "disabled"}}


def accept_transfer(
    call: WriteCall, request: shapes.AcceptAddressTransferRequest
) -> shapes.AcceptAddressTransferResult:
    """Take an address that is offered, and that nothing has."""
    public_ip = request["Address"]
    for address in call.tx.by(records.ADDRESS, "public-ip", public_ip):
        offer = address.doc.transfer
        if offer is not None and offer.account == call.account and _is_offered(call, address):
            break
    else:
        raise errors.InvalidTransferNotFound(public_ip)
    if address.doc.association_id is not None:
        raise errors.AddressTransferConflict(
            f"The address {public_ip} is associated with something of its owner's."
        )
    call.tx.release(publicpool.SPACE, public_ip)
    call.tx.delete(address)
    given = Handover(
        id=address.id,
        public_ip=public_ip,
        account=call.account,
        offered_until=offer.expires_at,
        accepted_at=call.now,
    )
    call.tx.insert(records.HANDOVER, address.account, given.id, given)
    id = ids.make("eipalloc", call.entropy(ids.ID_BYTES))
    call.tx.claim(publicpool.SPACE, public_ip, id)
    made = Address(
        id=id,
        public_ip=public_ip,
        made_by=call.principal.issuer_id,
        tags=tagset.of_new(request, records.ADDRESS.name),
    )
    call.tx.insert(records.ADDRESS, call.account, id, made)
    return {
        "AddressTransfer": {
            "PublicIp": public_ip,
            "AllocationId": id,
            "TransferAccountId": call.account,
            "TransferOfferAcceptedTimestamp": call.now,
            "AddressTransferStatus": "accepted",
        }
    }


def _is_offered(call: Call, address: AddressRecord) -> bool:
    offer = address.doc.transfer
    return offer is not None and offer.expires_at > call.now


def is_forgotten(handover: Handover, now: float) -> bool:
    """Tell whether it was accepted so long ago that nobody is shown it any more."""
    return handover.accepted_at + SHOWN_S <= now


def _find(
    call: Call, request: shapes.DescribeAddressTransfersRequest
) -> Iterable[AddressRecord | HandoverRecord]:
    asked: list[str] = request.get("AllocationIds") or []
    over = {
        it.id: it
        for it in call.view.list(records.HANDOVER, call.account)
        if not is_forgotten(it.doc, call.now)
    }
    if asked:
        left = [id for id in asked if id not in over]
        offered = resources.several(call, records.ADDRESS, left)
        accepted = [over[id] for id in dict.fromkeys(asked) if id in over]
    else:
        offered = call.view.list(records.ADDRESS, call.account)
        accepted = list(over.values())
    found = [*(it for it in offered if _is_offered(call, it)), *accepted]
    return sorted(found, key=lambda it: it.id)


def _shown(call: Call, found: AddressRecord | HandoverRecord) -> shapes.AddressTransfer:
    if not isinstance(found.doc, Handover):
        return _render(call, resources.one(call, records.ADDRESS, found.id))
    return {
        "PublicIp": found.doc.public_ip,
        "AllocationId": found.id,
        "TransferAccountId": found.doc.account,
        "TransferOfferExpirationTimestamp": found.doc.offered_until,
        "TransferOfferAcceptedTimestamp": found.doc.accepted_at,
        "AddressTransferStatus": "accepted",
    }


def _render(call: Call, address: AddressRecord) -> shapes.AddressTransfer:
    offer = address.doc.transfer
    assert offer is not None, "only what is offered is shown"
    return {
        "PublicIp": address.doc.public_ip,
        "AllocationId": address.id,
        "TransferAccountId": offer.account,
        "TransferOfferExpirationTimestamp": offer.expires_at,
        "AddressTransferStatus": "pending",
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="EnableAddressTransfer",
        does=Write(handle=enable_transfer),
        honours=frozenset({"AllocationId", "TransferAccountId"}),
    ),
    Action(
        service="ec2",
        name="DisableAddressTransfer",
        does=Write(handle=disable_transfer),
        honours=frozenset({"AllocationId"}),
    ),
    Action(
        service="ec2",
        name="AcceptAddressTransfer",
        does=Write(handle=accept_transfer),
        honours=frozenset({"Address"}),
        creates=(records.ADDRESS.name,),
    ),
    Action(
        service="ec2",
        name="DescribeAddressTransfers",
        does=Listing(find=_find, render=_shown, member="AddressTransfers", filters={}),
        honours=frozenset({"AllocationIds"}),
    ),
)

"""Network interfaces: made by users, by launches and for NAT gateways; each in one subnet.

Called by `launch`, `natgateways` and through the action table. Shown in `interfacelisting`, changed
in `interfaceattributes` and `interfaceaddresses`, attached in `interfaceattachments`. Its claims
(private addresses and prefixes, `mac`, a lent `public-ip`) are held under the interface's id.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Presumes, Write
from mallee.cloud.call import Result, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.instances import release
from mallee.cloud.ec2.vpc.addresses import publicpool
from mallee.cloud.ec2.vpc.groups import securitygroups
from mallee.cloud.ec2.vpc.interfaces import interfaceaddresses, interfacelisting, privateips
from mallee.cloud.ec2.vpc.interfaces.interfaceaddresses import Wish
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network import classic
from mallee.model.network.networks import Interface, Subnet

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MACS = "mac"
"""Claim space of hardware addresses, unique in the whole cloud."""
MAC_PREFIX = b"\x02"
"""Locally administered, unicast."""

InterfaceRecord = Record[Interface, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInterface:
    """What an interface shall be."""

    instance_id: str | None
    subnet: Record[Subnet, None]
    group_ids: tuple[str, ...]
    wish: Wish = interfaceaddresses.NOTHING
    wants_public_ip: bool = False
    device_index: int = 0
    description: str = ""
    delete_on_termination: bool = True
    requester: str = ""
    tags: dict[str, str] = field(default_factory=dict[str, str])


def create(call: WriteCall, new: NewInterface) -> InterfaceRecord:
    """Make an interface with its addresses; raise when an address is not to be had."""
    if new.wants_public_ip:
        privateips.check_lends_public(new.subnet)
    id = ids.make("eni", call.entropy(ids.ID_BYTES))
    primary = new.wish.primary_ip
    holder = privateips.Holder.of(id, new.group_ids)
    private_ip = (
        privateips.take(call, new.subnet, holder, primary)
        if primary
        else privateips.take_any(call, new.subnet, holder)
    )
    interface = Interface(
        id=id,
        vpc_id=new.subnet.doc.vpc_id,
        subnet_id=new.subnet.id,
        mac=_take_mac(call, id, private_ip),
        private_ip=private_ip,
        group_ids=new.group_ids,
        instance_id=new.instance_id,
        attachment_id=new_attachment(call) if new.instance_id else "",
        device_index=new.device_index,
        delete_on_termination=new.delete_on_termination,
        attached_at=call.now,
        description=new.description,
        public_ip=publicpool.take_any(call, id) if new.wants_public_ip else None,
        wants_public_ip=new.wants_public_ip,
        requester=new.requester,
        tags=new.tags,
    )
    record = call.tx.insert(records.INTERFACE, call.account, id, interface)
    return interfaceaddresses.add(call, record, new.wish)


def new_attachment(call: WriteCall) -> str:
    """Return the id of an attachment to be."""
    return ids.make("eni-attach", call.entropy(ids.ID_BYTES))


def _take_mac(call: WriteCall, owner: str, private_ip: str) -> str:
    """Claim a hardware address: any, unless the settings say which goes with the address."""
    paired = classic.macs(call.settings.network.classic).get(private_ip)
    if paired is not None:
        call.tx.claim(MACS, paired, owner)
        return paired
    while True:
        mac = (MAC_PREFIX + call.entropy(5)).hex(":")
        if call.tx.owner_of(MACS, mac) is None:
            call.tx.claim(MACS, mac, owner)
            return mac


def lend_public_ip(call: WriteCall, interface: InterfaceRecord) -> InterfaceRecord:
    """Lend it a public address if it wants one and has none; raise when the pool is empty."""
    if not interface.doc.wants_public_ip or interfacelisting.public_ip(call.tx, interface):
        return interface
    address = publicpool.take_any(call, interface.id)
    return call.tx.write(interface, replace(interface.doc, public_ip=address))


def set_groups(
    call: WriteCall, interface: InterfaceRecord, group_ids: list[str]
) -> InterfaceRecord:
    """Let the interface wear exactly these groups; hosts follow within moments."""
    worn = securitygroups.to_wear(call, interface.doc.vpc_id, group_ids)
    of_block = privateips.group_of(call.tx, interface)
    if of_block and of_block not in worn:
        raise errors.UnsupportedOperation(
            f"The address {interface.doc.private_ip} of {interface.id} is of the network of the "
            f"security group {of_block}, as the network mode of this cloud has it: the interface "
            "goes on wearing that group, whichever others it wears."
        )
    return call.tx.write(interface, replace(interface.doc, group_ids=worn))


def create_network_interface(
    call: WriteCall, request: shapes.CreateNetworkInterfaceRequest
) -> shapes.CreateNetworkInterfaceResult:
    """Make an interface that is attached to nothing yet."""
    subnet = resources.one(call, records.SUBNET, request["SubnetId"])
    new = NewInterface(
        instance_id=None,
        subnet=subnet,
        group_ids=securitygroups.to_wear(call, subnet.doc.vpc_id, request.get("Groups") or ()),
        wish=interfaceaddresses.parse(request, subnet),
        description=request.get("Description", ""),
        delete_on_termination=False,
        tags=tagset.of_new(request, records.INTERFACE.name),
    )
    interface = create(call, new)
    shown = interfacelisting.render(call, interface)
    return {"NetworkInterface": shown, "ClientToken": request.get("ClientToken")}


def delete_network_interface(
    call: WriteCall, request: shapes.DeleteNetworkInterfaceRequest
) -> Result:
    """Delete an interface that is attached to nothing."""
    interface = resources.one(call, records.INTERFACE, request["NetworkInterfaceId"])
    if interface.doc.instance_id is not None or interface.doc.requester:
        raise errors.InvalidParameterValue(
            f"Network interface '{interface.id}' is currently in use."
        )
    delete(call.tx, interface)
    return {}


def delete(tx: store.Tx, interface: InterfaceRecord) -> None:
    """Take an interface away with all that it holds; elastic addresses stay their account's."""
    for address in tx.by(records.ADDRESS, "interface", interface.id):
        release.dissociate(tx, address)
    tx.release_owner(interface.id)
    current = tx.get(records.INTERFACE, interface.id)
    assert current is not None
    tx.delete(current)


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateNetworkInterface",
        presumes=Presumes.GIVEN_ADDRESSES,
        does=Write(handle=create_network_interface),
        honours=frozenset({"SubnetId", "Description", "Groups", *interfaceaddresses.HONOURS}),
        creates=(records.INTERFACE.name,),
    ),
    Action(
        service="ec2",
        name="DeleteNetworkInterface",
        does=Write(handle=delete_network_interface),
        honours=frozenset({"NetworkInterfaceId"}),
    ),
)

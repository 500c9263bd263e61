"""Mode `system`: what the LAN's DHCP server gave an interface becomes its address.

The host's agent asks the server and reports what it got (`InstanceSeen.leases`); that is claimed
when it is heard, and with the claim the interface comes into its network and the guest runs. An
address that cannot be an interface's ends the launch with the cause. Called by `hearing`, in the
transaction that stores a report, and by the reconciler of instances.
"""

from ipaddress import IPv4Address

from msgspec.structs import replace

from mallee.cloud.modes import addresses
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.compute.instances import Instance, InstanceSeen
from mallee.model.network import sharedranges
from mallee.model.network.modes import LeaseSeen
from mallee.model.network.networks import Interface, Subnet

InstanceRecord = Record[Instance, InstanceSeen]
Reader = store.View | store.Tx


def note(tx: store.Tx, instance: InstanceRecord, seen: InstanceSeen) -> None:
    """Give interfaces the addresses that were leased for them, as far as they can have them."""
    for lease in seen.leases:
        found = _own(tx, instance, lease)
        if found is None or found[0].doc.private_ip == lease.private_ip:
            continue
        interface, subnet = found
        if _why_not(tx, subnet.doc, interface.id, lease.private_ip):
            continue
        space = addresses.claim_space(subnet.doc, lease.private_ip)
        if interface.doc.private_ip:
            tx.release(space, interface.doc.private_ip)
        tx.claim(space, lease.private_ip, interface.id)
        tx.write(interface, replace(interface.doc, private_ip=lease.private_ip))


def conflict(view: Reader, instance: InstanceRecord) -> str:
    """Return why an interface of the instance cannot have what was leased for it; empty: it can."""
    for lease in instance.seen.leases if instance.seen is not None else ():
        found = _own(view, instance, lease)
        if found is not None:
            interface, subnet = found
            why = _why_not(view, subnet.doc, interface.id, lease.private_ip)
            if why:
                return f"The LAN's DHCP server gave {interface.id} the address {why}"
    return ""


def _own(
    view: Reader, instance: InstanceRecord, lease: LeaseSeen
) -> tuple[Record[Interface, None], Record[Subnet, None]] | None:
    interface = view.get(records.INTERFACE, lease.interface_id)
    if interface is None or interface.doc.instance_id != instance.id:
        return None
    subnet = view.get(records.SUBNET, interface.doc.subnet_id)
    shared = subnet.doc.shared if subnet is not None else None
    if subnet is None or shared is None or shared.kind != "system":
        return None
    return interface, subnet


def _why_not(view: Reader, subnet: Subnet, interface_id: str, text: str) -> str:
    """Return the address and what is wrong with it; empty: nothing is."""
    shared = subnet.shared
    assert shared is not None, "only subnets of the LAN come here"
    try:
        number = int(IPv4Address(text))
    except ValueError:
        return f"{text[:80]!r}, which is none."
    if not any(number in span for span in sharedranges.lent_of_lan(subnet.cidr, shared)):
        return f"{text}, which is not of network.classic.subnet {subnet.cidr}."
    if addresses.is_hosts(view, text):
        return f"{text}, which is a host's."
    owner = view.owner_of(addresses.claim_space(subnet, text), text)
    if owner not in (None, interface_id):
        return f"{text}, which {owner} has."
    return ""

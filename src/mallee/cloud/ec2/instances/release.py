"""What an instance gives back: its lent public address at stop, everything when it is gone.

Called by `power` when a stop is wanted, and by the cloud's reconciler when a guest is off or gone.
Room on hosts is not its business (`placement`). Every function may be called twice.
"""

import msgspec

from mallee.cloud.ec2.vpc.addresses import publicpool
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.compute.instances import Instance, InstanceSeen
from mallee.model.network.networks import Address, Interface


def after_stop(tx: store.Tx, instance: Record[Instance, InstanceSeen]) -> None:
    """Give lent public addresses back to the pool; elastic ones stay with their interfaces."""
    for interface in tx.by(records.INTERFACE, "instance", instance.id):
        give_back_lent(tx, interface)


def after_termination(tx: store.Tx, instance: Record[Instance, InstanceSeen]) -> None:
    """Delete the interfaces that end with it, with all their claims; the others are free again."""
    for interface in tx.by(records.INTERFACE, "instance", instance.id):
        if not interface.doc.delete_on_termination:
            detach(tx, interface)
            continue
        for address in tx.by(records.ADDRESS, "interface", interface.id):
            dissociate(tx, address)
        tx.release_owner(interface.id)
        tx.delete(interface)


def detach(tx: store.Tx, interface: Record[Interface, None]) -> Record[Interface, None]:
    """Take an interface from its instance; it keeps its addresses but for a lent one."""
    for address in tx.by(records.ADDRESS, "interface", interface.id):
        tx.write(address, msgspec.structs.replace(address.doc, instance_id=None))
    doc = msgspec.structs.replace(
        interface.doc,
        instance_id=None,
        attachment_id="",
        device_index=0,
        delete_on_termination=False,
        wants_public_ip=False,
    )
    return give_back_lent(tx, tx.write(interface, doc))


def give_back_lent(tx: store.Tx, interface: Record[Interface, None]) -> Record[Interface, None]:
    """Give the interface's lent public address back to the pool."""
    if interface.doc.public_ip is None:
        return interface
    tx.release(publicpool.SPACE, interface.doc.public_ip)
    return tx.write(interface, msgspec.structs.replace(interface.doc, public_ip=None))


def dissociate(tx: store.Tx, address: Record[Address, None]) -> Record[Address, None]:
    """Take an elastic address from its interface; it stays its account's."""
    doc = msgspec.structs.replace(
        address.doc, interface_id=None, instance_id=None, private_ip=None, association_id=None
    )
    return tx.write(address, doc)

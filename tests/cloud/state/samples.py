"""Small records for tests of the store: VPCs for their shortness, instances for what is seen."""

from msgspec.structs import replace

from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.compute.instances import Instance, InstanceSeen
from mallee.model.network.networks import Vpc

ACCOUNT = "000000000001"
VpcRecord = Record[Vpc, None]
InstanceRecord = Record[Instance, InstanceSeen]


def doc(id: str, cidr: str = "10.0.0.0/16") -> Vpc:
    """Return a VPC's document."""
    return Vpc(id=id, cidr=cidr, link_index=0)


def insert(tx: store.Tx, id: str, cidr: str = "10.0.0.0/16") -> VpcRecord:
    """Insert a VPC."""
    return tx.insert(records.VPC, ACCOUNT, id, doc(id, cidr))


def newest(tx: store.Tx | store.View, id: str) -> VpcRecord:
    """Return the VPC, which must be there."""
    found = tx.get(records.VPC, id)
    assert found is not None
    return found


def insert_instance(tx: store.Tx, id: str, host: str = "host-1") -> InstanceRecord:
    """Insert an instance."""
    doc = Instance(
        id=id,
        reservation_id="r-1",
        launch_index=0,
        image_id="ami-1",
        type_name="t3.nano",
        vcpus=1,
        memory_mib=512,
        disk_gib=1,
        zone="us-east-1a",
        host_id=host,
        vpc_id="vpc-1",
        subnet_id="subnet-1",
        interface_ids=(),
        launched_at=0.0,
        wanted_since=0.0,
    )
    return tx.insert(records.INSTANCE, ACCOUNT, id, doc)


def instance(tx: store.Tx | store.View, id: str) -> InstanceRecord:
    """Return the instance, which must be there."""
    found = tx.get(records.INSTANCE, id)
    assert found is not None
    return found


def tagged(doc: Instance, value: str = "a name") -> Instance:
    """Return the document with a tag."""
    return replace(doc, tags={"Name": value})


def on_host(doc: Instance, host: str) -> Instance:
    """Return the document with another host."""
    return replace(doc, host_id=host)

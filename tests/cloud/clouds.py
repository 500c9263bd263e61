"""A small cloud in a store, for tests of what decides over it: hosts, a VPC, images, instances."""

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from mallee.cloud.hosts.placing import placement
from mallee.cloud.state import records, store
from mallee.cloud.state.records import HostSeen, Record
from mallee.model.compute.instances import Instance, InstanceSeen, Phase
from mallee.model.hosts.hosts import Capacity, Host, HostFacts
from mallee.model.identity.accounts import Account
from mallee.model.images.images import Blob, Image
from mallee.model.network.networks import (
    Address,
    Direction,
    Interface,
    Rule,
    SecurityGroup,
    Subnet,
    Vpc,
)
from tests.handclock import NOW, HandClock

ACCOUNT = "000000000001"
ZONE = "us-east-1a"
INTERNAL_BLOB = Blob(sha256="ab" * 32, size_bytes=1, format="qcow2")


def open_store(root: Path, clock: HandClock) -> Iterator[store.Store]:
    """Open a store with an account, a VPC, a subnet, a group and an image."""
    opened = store.Store.open(f"sqlite:///{root}/state.db", clock=clock)
    opened.transact(_found)
    yield opened
    opened.close()


def _found(tx: store.Tx) -> None:
    account = Account(id=ACCOUNT, name="admin", is_cloud_admin=True, created_at=NOW)
    tx.insert(records.ACCOUNT, ACCOUNT, ACCOUNT, account)
    tx.insert(records.VPC, ACCOUNT, "vpc-1", Vpc(id="vpc-1", cidr="172.31.0.0/16", link_index=1))
    subnet = Subnet(id="subnet-1", vpc_id="vpc-1", cidr="172.31.0.0/20", zone=ZONE)
    tx.insert(records.SUBNET, ACCOUNT, subnet.id, subnet)
    add_group(tx, "sg-1", source="sg-2")
    add_group(tx, "sg-2")
    image = Image(
        id="ami-1", name="tiny", kind="machine", location="l", blob=INTERNAL_BLOB, created_at=NOW
    )
    tx.insert(records.IMAGE, ACCOUNT, image.id, image)


def add_group(tx: store.Tx, id: str, source: str | None = None) -> None:
    """Add a security group, with a rule that lets in the members of another."""
    rules = ()
    if source is not None:
        rules = (Rule(id=f"sgr-{id}", direction=Direction.INGRESS, protocol="-1", group_id=source),)
    group = SecurityGroup(id=id, vpc_id="vpc-1", name=f"name-{id}", description="", rules=rules)
    tx.insert(records.SECURITY_GROUP, ACCOUNT, id, group)


def add_host(
    tx: store.Tx, id: str, capacity: Capacity | None = None, is_silent: bool = False
) -> Record[Host, HostSeen]:
    """Add a host that has reported what it can carry."""
    host = Host(id=id, name=f"name-{id}", zone=ZONE, certificate_serial="1", joined_at=NOW)
    facts = HostFacts(
        capacity=capacity or Capacity(16, 16384, 100),
        acceleration="tcg",
        acceleration_reason="",
        hypervisor="QEMU",
        agent_version="0",
    )
    seen = HostSeen(facts=facts, heard_at=NOW, is_silent=is_silent)
    return tx.observe(tx.insert(records.HOST, "", id, host), seen)


def silence(tx: store.Tx, id: str, is_silent: bool = True) -> None:
    """Let a host fall silent, or speak again."""
    host = tx.get(records.HOST, id)
    assert host is not None
    assert host.seen is not None
    tx.observe(host, replace(host.seen, is_silent=is_silent))


def launch(tx: store.Tx, number: int, **changes: object) -> str:
    """Launch an instance as RunInstances does; return its id."""
    id = f"i-{number}"
    host_id = placement.reserve(
        tx,
        placement.Reservation(zone=ZONE, instance_ids=(id,), vcpus=1, memory_mib=512, disk_gib=2),
    )[id]
    interface = Interface(
        id=f"eni-{number}",
        vpc_id="vpc-1",
        subnet_id="subnet-1",
        mac=f"02:00:00:00:00:{number:02x}",
        private_ip=f"172.31.0.{number + 10}",
        group_ids=("sg-1",),
        instance_id=id,
        attached_at=tx.now,
        public_ip=f"203.0.113.{number + 10}",
    )
    tx.insert(records.INTERFACE, ACCOUNT, interface.id, interface)
    tx.claim("mac", interface.mac, interface.id)
    tx.claim("private-ip/subnet-1", interface.private_ip, interface.id)
    tx.claim("public-ip", f"203.0.113.{number + 10}", interface.id)
    instance = Instance(
        id=id,
        reservation_id=f"r-{number}",
        launch_index=0,
        image_id="ami-1",
        type_name="t3.nano",
        vcpus=1,
        memory_mib=512,
        disk_gib=2,
        zone=ZONE,
        host_id=host_id,
        vpc_id="vpc-1",
        subnet_id="subnet-1",
        interface_ids=(interface.id,),
        launched_at=tx.now,
        wanted_since=tx.now,
        key_name="my-key",
        public_key="ssh-ed25519 AAAA my-key",
    )
    tx.insert(records.INSTANCE, ACCOUNT, id, replace(instance, **changes))
    return id


def see(tx: store.Tx, id: str, phase: Phase, **facts: object) -> None:
    """Report of an instance's present launch."""
    instance = get(tx, id)
    seen = InstanceSeen(launch=instance.doc.launch, phase=phase)
    tx.observe(instance, replace(seen, **facts))


def get(view: store.View | store.Tx, id: str) -> Record[Instance, InstanceSeen]:
    """Return an instance that must be there."""
    found = view.get(records.INSTANCE, id)
    assert found is not None
    return found


def add_address(tx: store.Tx, id: str, public_ip: str, interface_id: str) -> None:
    """Associate an elastic address with an interface."""
    interface = tx.get(records.INTERFACE, interface_id)
    assert interface is not None
    address = Address(
        id=id,
        public_ip=public_ip,
        interface_id=interface_id,
        instance_id=interface.doc.instance_id,
        association_id="eipassoc-1",
    )
    tx.insert(records.ADDRESS, ACCOUNT, id, address)
    tx.claim("public-ip", public_ip, id)

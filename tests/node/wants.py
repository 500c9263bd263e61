"""Wanted instances and hosts for tests of the agent's compute half."""

from msgspec.structs import replace

from mallee.model.compute.instances import MetadataOptions, Power
from mallee.model.hosts.hosts import (
    HostWanted,
    InstanceWanted,
    InterfaceWanted,
    SubnetWanted,
    VpcWanted,
)
from mallee.model.images.images import Blob, DirectBoot

DISK = Blob("d" * 64, 1 << 20, "qcow2")
BOOT = DirectBoot(
    Blob("a" * 64, 1 << 20, "kernel"), Blob("b" * 64, 1 << 20, "ramdisk"), "console=ttyS0"
)


def make_instance(number: int = 1, **changes: object) -> InstanceWanted:
    """Instance `number`, wanted running, with one interface."""
    wanted = InstanceWanted(
        id=f"i-{number:017x}",
        account_id="000000000001",
        power=Power.RUNNING,
        launch=1,
        reboots=0,
        force_stop=False,
        vcpus=1,
        memory_mib=256,
        disk=DISK,
        disk_gib=1,
        boot=BOOT,
        interface_ids=(f"eni-{number:06x}00000000000",),
        metadata_options=MetadataOptions(),
        metadata={},
        user_data=b"",
    )
    return replace(wanted, **changes)


def make_interface(number: int = 1) -> InterfaceWanted:
    """The interface of instance `number`."""
    ip = f"172.31.0.{10 + number}"
    return InterfaceWanted(
        id=f"eni-{number:06x}00000000000",
        instance_id=f"i-{number:017x}",
        vpc_id="vpc-00000000000000000",
        subnet_id="subnet-00000000000000000",
        device_index=0,
        mac=f"02:00:00:00:00:{number:02x}",
        private_ip=ip,
        public_ip=None,
        group_ids=(),
        hostname=f"ip-{ip.replace('.', '-')}",
    )


def make_host(generation: int, *instances: InstanceWanted) -> HostWanted:
    """A host that shall carry these instances and their interfaces."""
    interfaces = tuple(make_interface(int(one.id[2:], 16)) for one in instances)
    vpc = VpcWanted(
        id="vpc-00000000000000000",
        cidr="172.31.0.0/16",
        link_index=0,
        subnets=(SubnetWanted("subnet-00000000000000000", "172.31.0.0/20"),),
        groups=(),
        interfaces=interfaces,
    )
    return HostWanted(
        generation=generation,
        region="us-east-1",
        zone="us-east-1a",
        public_range="203.0.113.0/24",
        private_range="172.31.0.0/16",
        egress=False,
        vpcs=(vpc,),
        instances=instances,
    )

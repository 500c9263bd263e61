"""Botocore's waiters come to their end over every row that they ask.

A waiter of a row that is new needs a line in `WAITED`: what makes the thing as the waiter expects
it, and how it is named then.
"""

from collections.abc import Callable
from typing import Any

import botocore.session
import pytest

from mallee.cloud import actions
from tests.cloud.ec2 import makers
from tests.cloud.ec2.asking import launch_one
from tests.cloud.ec2.world import IMAGE_ID, FakeHost

Asked = dict[str, Any]
Maker = Callable[[Any, FakeHost], Asked]

MODEL = botocore.session.get_session().get_waiter_model("ec2")
ROWS = frozenset(row.name for row in actions.TABLE.values() if row.service == "ec2")
OVER_ROWS = sorted(name for name in MODEL.waiter_names if MODEL.get_waiter(name).operation in ROWS)
AT_ONCE = {"Delay": 0.1, "MaxAttempts": 100}


def _instance(call: str | None = None) -> Maker:
    """An instance that runs, or something was done with it."""

    def make(ec2: Any, host: FakeHost) -> Asked:
        ids = [launch_one(ec2)["InstanceId"]]
        host.settle()
        if call is not None:
            getattr(ec2, call)(InstanceIds=ids)
            host.settle()
        return {"InstanceIds": ids}

    return make


def _nat_gateway(ec2: Any) -> list[str]:
    made = ec2.create_nat_gateway(**makers.MAKERS["CreateNatGateway"](ec2))
    return [made["NatGateway"]["NatGatewayId"]]


def _deleted_nat_gateway(ec2: Any, host: FakeHost) -> Asked:
    ids = _nat_gateway(ec2)
    ec2.delete_nat_gateway(NatGatewayId=ids[0])
    return {"NatGatewayIds": ids}


def _peering(ec2: Any) -> str:
    made = ec2.create_vpc_peering_connection(**makers.MAKERS["CreateVpcPeeringConnection"](ec2))
    return made["VpcPeeringConnection"]["VpcPeeringConnectionId"]


def _deleted_peering(ec2: Any, host: FakeHost) -> Asked:
    id = _peering(ec2)
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=id)
    return {"VpcPeeringConnectionIds": [id]}


def _gateway(ec2: Any, host: FakeHost) -> Asked:
    made = ec2.create_internet_gateway()["InternetGateway"]
    return {"InternetGatewayIds": [made["InternetGatewayId"]]}


def _interface(ec2: Any, host: FakeHost) -> Asked:
    made = ec2.create_network_interface(SubnetId=makers.subnet(ec2))["NetworkInterface"]
    return {"NetworkInterfaceIds": [made["NetworkInterfaceId"]]}


def _key_pair(ec2: Any, host: FakeHost) -> Asked:
    ec2.create_key_pair(KeyName="waited-for", KeyType="ed25519")
    return {"KeyNames": ["waited-for"]}


def _group(ec2: Any) -> str:
    return ec2.create_security_group(GroupName="waited-for", Description="w")["GroupId"]


def _group_elsewhere(ec2: Any, host: FakeHost) -> Asked:
    named = {"GroupId": _group(ec2), "VpcId": makers.vpc(ec2)}
    ec2.associate_security_group_vpc(**named)
    return {"Filters": [{"Name": "group-id", "Values": [named["GroupId"]]}]}


def _group_back(ec2: Any, host: FakeHost) -> Asked:
    named = {"GroupId": _group(ec2), "VpcId": makers.vpc(ec2)}
    ec2.associate_security_group_vpc(**named)
    ec2.disassociate_security_group_vpc(**named)
    return {"Filters": [{"Name": "group-id", "Values": [named["GroupId"]]}]}


def _volume(ec2: Any, host: FakeHost) -> str:
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    id = ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
    host.settle()
    return id


def _deleted_volume(ec2: Any, host: FakeHost) -> Asked:
    id = _volume(ec2, host)
    ec2.delete_volume(VolumeId=id)
    host.settle()
    return {"VolumeIds": [id]}


def _used_volume(ec2: Any, host: FakeHost) -> Asked:
    instance, volume = launch_one(ec2)["InstanceId"], _volume(ec2, host)
    ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
    host.settle()
    return {"VolumeIds": [volume]}


def _usage_report(ec2: Any, host: FakeHost) -> Asked:
    made = ec2.create_image_usage_report(**makers.MAKERS["CreateImageUsageReport"](ec2))
    return {"ReportIds": [made["ReportId"]]}


WAITED: dict[str, Maker] = {
    "ImageAvailable": lambda ec2, host: {"ImageIds": [IMAGE_ID]},
    "ImageExists": lambda ec2, host: {"ImageIds": [IMAGE_ID]},
    "ImageUsageReportAvailable": _usage_report,
    "InstanceExists": _instance(),
    "InstanceRunning": _instance(),
    "InstanceStatusOk": _instance(),
    "InstanceStopped": _instance("stop_instances"),
    "InstanceTerminated": _instance("terminate_instances"),
    "InternetGatewayExists": _gateway,
    "KeyPairExists": _key_pair,
    "NatGatewayAvailable": lambda ec2, host: {"NatGatewayIds": _nat_gateway(ec2)},
    "NatGatewayDeleted": _deleted_nat_gateway,
    "NetworkInterfaceAvailable": _interface,
    "SecurityGroupExists": lambda ec2, host: {"GroupIds": [_group(ec2)]},
    "SecurityGroupVpcAssociationAssociated": _group_elsewhere,
    "SecurityGroupVpcAssociationDisassociated": _group_back,
    "SubnetAvailable": lambda ec2, host: {"SubnetIds": [makers.subnet(ec2)]},
    "SystemStatusOk": _instance(),
    "VolumeAvailable": lambda ec2, host: {"VolumeIds": [_volume(ec2, host)]},
    "VolumeDeleted": _deleted_volume,
    "VolumeInUse": _used_volume,
    "VpcAvailable": lambda ec2, host: {"VpcIds": [makers.vpc(ec2)]},
    "VpcExists": lambda ec2, host: {"VpcIds": [makers.vpc(ec2)]},
    "VpcPeeringConnectionDeleted": _deleted_peering,
    "VpcPeeringConnectionExists": lambda ec2, host: {"VpcPeeringConnectionIds": [_peering(ec2)]},
}

NEVER = {
    "BundleTaskComplete": "a host has to answer first: `images/test_bundleinstances.py`",
    "ConversionTaskCancelled": "a host has to answer first: `images/test_conversions.py`",
    "ConversionTaskCompleted": "a host has to answer first: `images/test_conversions.py`",
    "ConversionTaskDeleted": "such a task has no state `deleted`, in EC2's model or here",
    "ExportTaskCancelled": "a host has to answer first: `images/test_exportinstances.py`",
    "ExportTaskCompleted": "a host has to answer first: `images/test_exportinstances.py`",
    "PasswordDataAvailable": "no guest here is Windows, and no other has a password",
    "SnapshotCompleted": "a host has to answer first: tried where hosts are real",
    "SnapshotImported": "a host has to answer first: `images/test_imports.py`",
    "StoreImageTaskComplete": "a host has to answer first: `images/test_storing.py`",
}


def test_every_waiter_of_a_row_is_tried() -> None:
    assert set(OVER_ROWS) - NEVER.keys() <= WAITED.keys()


@pytest.mark.parametrize("name", [name for name in OVER_ROWS if name not in NEVER])
def test_a_waiter_comes_to_its_end(alice: Any, host: FakeHost, name: str) -> None:
    asked = WAITED[name](alice, host)
    waiter = alice.get_waiter(botocore.xform_name(name))
    waiter.wait(**asked, WaiterConfig=AT_ONCE)
    assert MODEL.get_waiter(name).operation in ROWS

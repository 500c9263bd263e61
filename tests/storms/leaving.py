"""Customers look for what they were promised, and give everything back, when a storm is over."""

import time
from typing import Any

import botocore.exceptions

from tests.simulation.laws import Broken
from tests.storms.customers import Customer

PATIENCE_S = 300.0


def check_objects(customer: Customer, objects: dict[str, bytes]) -> None:
    """Every object that was taken is there, to the last byte."""
    s3 = customer.calm_client("s3")
    for key, body in objects.items():
        found = s3.get_object(Bucket=customer.bucket, Key=key)["Body"].read()
        if found != body:
            raise Broken(f"the object {key} is not what it was: {len(found)} of {len(body)} bytes")


def leave(customer: Customer) -> None:
    """Give everything back; what is in use is asked for again a while later."""
    ec2 = customer.calm_client("ec2")
    deadline = time.monotonic() + PATIENCE_S
    while left := _give_back(ec2):
        if time.monotonic() > deadline:
            raise Broken(f"these cannot be given back: {left}")
        time.sleep(0.5)
    s3 = customer.calm_client("s3")
    for one in s3.list_objects_v2(Bucket=customer.bucket).get("Contents", []):
        s3.delete_object(Bucket=customer.bucket, Key=one["Key"])


def _give_back(ec2: Any) -> list[str]:
    """Ask for the end of everything; return what is still there."""
    left: list[str] = []
    for some in ec2.describe_instances()["Reservations"]:
        for one in some["Instances"]:
            if one["State"]["Name"] != "terminated":
                left += _ask(ec2.terminate_instances, InstanceIds=[one["InstanceId"]])
                left.append(one["InstanceId"])
    for one in ec2.describe_addresses()["Addresses"]:
        if "AssociationId" in one:
            _ask(ec2.disassociate_address, AssociationId=one["AssociationId"])
        left += _ask(ec2.release_address, AllocationId=one["AllocationId"])
    for one in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]:
        left += _ask(ec2.delete_snapshot, SnapshotId=one["SnapshotId"])
    for one in ec2.describe_volumes()["Volumes"]:
        if one["State"] != "deleting":
            left += _ask(ec2.delete_volume, VolumeId=one["VolumeId"])
    return left


def _ask(call: Any, **asked: Any) -> list[str]:
    """Ask; return why it was refused."""
    try:
        call(**asked)
    except botocore.exceptions.ClientError as error:
        return [f"{asked}: {error.response['Error']['Code']}"]
    return []

"""Flow logs as their users see them: what is taken, refused, shown, and told to hosts."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from mallee.cloud.hosts.slices import slices
from mallee.cloud.state import records
from mallee.model.hosts import hosts
from mallee.model.network.flowlogs import DEFAULT_FIELDS, FlowLogSeen, Traffic
from mallee.model.storage.buckets import Bucket
from tests.cloud.ec2 import makers
from tests.cloud.ec2.world import IMAGE_ID, LOG_BUCKET, FakeHost, World

INTO = {"LogDestinationType": "s3", "LogDestination": f"arn:aws:s3:::{LOG_BUCKET}"}


def create(ec2: Any, id: str, kind: str = "VPC", **more: Any) -> dict[str, Any]:
    """Ask for a log of everything of one resource."""
    request = {"ResourceIds": [id], "ResourceType": kind, "TrafficType": "ALL", **INTO, **more}
    return ec2.create_flow_logs(**request)


def code(ec2: Any, id: str, kind: str = "VPC", **more: Any) -> str:
    """The error that a request is refused with."""
    with pytest.raises(ClientError) as refused:
        create(ec2, id, kind, **more)
    error: Any = refused.value
    return str(error.response["Error"]["Code"])


def test_a_log_is_shown_as_it_was_asked_for(alice: Any) -> None:
    vpc = makers.vpc(alice)
    made = create(
        alice,
        vpc,
        TrafficType="REJECT",
        LogDestination=f"arn:aws:s3:::{LOG_BUCKET}/net/flows",
        LogFormat="${version} ${action}  ${traffic-path}",
        MaxAggregationInterval=60,
        DestinationOptions={
            "FileFormat": "plain-text",
            "HiveCompatiblePartitions": True,
            "PerHourPartition": True,
        },
    )
    assert made["Unsuccessful"] == []
    (shown,) = alice.describe_flow_logs(FlowLogIds=made["FlowLogIds"])["FlowLogs"]
    assert shown.pop("CreationTime")
    assert shown == {
        "DeliverLogsStatus": "SUCCESS",
        "FlowLogId": made["FlowLogIds"][0],
        "FlowLogStatus": "ACTIVE",
        "ResourceId": vpc,
        "TrafficType": "REJECT",
        "LogDestinationType": "s3",
        "LogDestination": f"arn:aws:s3:::{LOG_BUCKET}/net/flows/",
        "LogFormat": "${version} ${action} ${traffic-path}",
        "Tags": [],
        "MaxAggregationInterval": 60,
        "DestinationOptions": {
            "FileFormat": "plain-text",
            "HiveCompatiblePartitions": True,
            "PerHourPartition": True,
        },
    }
    alice.delete_flow_logs(FlowLogIds=made["FlowLogIds"])
    assert alice.describe_flow_logs()["FlowLogs"] == []


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"LogDestinationType": "cloud-watch-logs"}, "UnsupportedOperation"),
        ({"LogDestinationType": "kinesis-data-firehose"}, "UnsupportedOperation"),
        ({"LogGroupName": "group"}, "UnsupportedOperation"),
        ({"DeliverLogsPermissionArn": "arn:aws:iam::1:role/r"}, "UnsupportedOperation"),
        ({"DestinationOptions": {"FileFormat": "parquet"}}, "UnsupportedOperation"),
        ({"MaxAggregationInterval": 61}, "InvalidParameterValue"),
        ({"LogFormat": "version"}, "InvalidParameterValue"),
        ({"LogFormat": "${version} ${colour}"}, "InvalidParameterValue"),
        ({"LogFormat": "${version} ${version}"}, "InvalidParameterValue"),
        ({"LogDestination": "arn:aws:sqs:::queue"}, "InvalidParameterValue"),
        ({"LogDestination": f"arn:aws:s3:::{LOG_BUCKET}/AWSLogs/"}, "InvalidParameterValue"),
        ({"LogDestination": f"arn:aws:s3:::{LOG_BUCKET}//a"}, "InvalidParameterValue"),
        ({"LogDestination": "arn:aws:s3:::../../etc"}, "InvalidParameterValue"),
        (
            {"LogDestination": f"arn:aws:s3:::{LOG_BUCKET}/" + "\U0001f600" * 200},
            "InvalidParameterValue",
        ),
    ],
)
def test_what_cannot_be_is_refused(alice: Any, more: dict[str, Any], error: str) -> None:
    assert code(alice, makers.vpc(alice), **more) == error
    assert alice.describe_flow_logs()["FlowLogs"] == []


def test_other_resources_have_no_logs(alice: Any) -> None:
    assert code(alice, "tgw-0123456789abcdef0", "TransitGateway") == "UnsupportedOperation"
    assert code(alice, makers.vpc(alice), "Subnet") == "InvalidSubnetId.Malformed"
    assert code(alice, "vpc-0123456789abcdef0") == "InvalidVpcID.NotFound"
    with pytest.raises(ClientError, match=r"InvalidFlowLogId\.NotFound"):
        alice.delete_flow_logs(FlowLogIds=["fl-0123456789abcdef0"])


def problems(made: dict[str, Any]) -> list[str]:
    """The codes of what could not be made."""
    return [one["Error"]["Code"] for one in made["Unsuccessful"]]


def test_a_resource_has_few_logs_and_no_two_alike(alice: Any) -> None:
    vpc = makers.vpc(alice)
    assert len(create(alice, vpc)["FlowLogIds"]) == 1
    assert problems(create(alice, vpc)) == ["FlowLogAlreadyExists"]
    assert len(create(alice, vpc, TrafficType="ACCEPT")["FlowLogIds"]) == 1
    assert problems(create(alice, vpc, TrafficType="REJECT")) == ["FlowLogsLimitExceeded"]


def test_a_bucket_must_be_there_and_let_logs_be_delivered(alice: Any, world: World) -> None:
    vpc = makers.vpc(alice)
    nowhere = {"LogDestination": "arn:aws:s3:::no-such-bucket"}
    assert problems(create(alice, vpc, **nowhere)) == ["LogDestinationNotFound"]
    bucket = Bucket(name="logs-of-bob", number=2, created_at=0.0)
    bob = world.accounts["bob"]
    world.store.transact(lambda tx: tx.insert(records.BUCKET, bob, bucket.name, bucket))
    into = {"LogDestination": f"arn:aws:s3:::{bucket.name}"}
    assert problems(create(alice, vpc, **into)) == ["LogDestinationPermissionIssue"]
    _allow(world, bucket.name, world.accounts["bob"])
    assert problems(create(alice, vpc, **into)) == ["LogDestinationPermissionIssue"]
    _allow(world, bucket.name, world.accounts["alice"])
    assert len(create(alice, vpc, **into)["FlowLogIds"]) == 1


def _allow(world: World, bucket: str, account: str) -> None:
    """Let logs of an account be delivered, as AWS's manual writes it."""
    policy = f"""{{"Version": "2012-10-17", "Statement": [{{
        "Effect": "Allow", "Principal": {{"Service": "delivery.logs.amazonaws.com"}},
        "Action": "s3:PutObject", "Resource": "arn:aws:s3:::{bucket}/AWSLogs/{account}/*",
        "Condition": {{
            "StringEquals": {{
                "aws:SourceAccount": "{account}", "s3:x-amz-acl": "bucket-owner-full-control"
            }},
            "ArnLike": {{"aws:SourceArn": "arn:aws:logs:us-east-1:{account}:*"}}
        }}}}]}}"""

    def change(tx: Any) -> None:
        record = tx.get(records.BUCKET, bucket)
        tx.write(record, replace(record.doc, policy=policy))

    world.store.transact(change)


def test_a_failed_delivery_is_shown(alice: Any, world: World) -> None:
    (id,) = create(alice, makers.vpc(alice))["FlowLogIds"]

    def fail(tx: Any) -> None:
        tx.observe(tx.get(records.FLOW_LOG, id), FlowLogSeen("Access error"))

    world.store.transact(fail)
    failed = [{"Name": "deliver-log-status", "Values": ["FAILED"]}]
    (shown,) = alice.describe_flow_logs(Filter=failed)["FlowLogs"]
    assert (shown["DeliverLogsStatus"], shown["DeliverLogsErrorMessage"]) == (
        "FAILED",
        "Access error",
    )


def test_hosts_are_told_of_interfaces_that_they_carry(
    alice: Any, world: World, host: FakeHost
) -> None:
    made = alice.run_instances(ImageId=IMAGE_ID, MinCount=1, MaxCount=1)["Instances"][0]
    interface = made["NetworkInterfaces"][0]["NetworkInterfaceId"]
    (of_subnet,) = create(alice, made["SubnetId"], "Subnet", TrafficType="REJECT")["FlowLogIds"]
    (of_interface,) = create(alice, interface, "NetworkInterface")["FlowLogIds"]
    create(alice, makers.vpc(alice))
    (vpc,) = slices.host_wanted(world.store.view, host.id, world.settings).vpcs
    told = {log.id: log for log in vpc.flow_logs}
    assert told.keys() == {of_subnet, of_interface}
    assert told[of_subnet].traffic is Traffic.REJECT
    assert all(log.interface_ids == (interface,) for log in told.values())
    assert told[of_interface].fields == DEFAULT_FIELDS
    assert told[of_interface].account_id == world.accounts["alice"]
    assert told[of_interface].zone_id == "use1-az1"


def test_each_interface_is_in_the_zone_of_its_subnet(
    alice: Any, world: World, host: FakeHost
) -> None:
    FakeHost(world, "shed", hosts.Capacity(1, 1, 1), "us-east-1b")
    (near,) = alice.describe_subnets()["Subnets"]
    far = alice.create_default_subnet(AvailabilityZone="us-east-1b")["Subnet"]["SubnetId"]
    gateway = alice.create_nat_gateway(SubnetId=far, ConnectivityType="private")["NatGateway"]
    (address,) = gateway["NatGatewayAddresses"]
    asked = {"ImageId": IMAGE_ID, "SubnetId": near["SubnetId"], "MinCount": 1, "MaxCount": 1}
    (made,) = alice.run_instances(**asked)["Instances"]
    create(alice, near["VpcId"])
    (vpc,) = slices.host_wanted(world.store.view, host.id, world.settings).vpcs
    (log,) = vpc.flow_logs
    told = {id: log.zone_of(id) for id in log.interface_ids}
    assert told == {
        made["NetworkInterfaces"][0]["NetworkInterfaceId"]: "use1-az1",
        address["NetworkInterfaceId"]: "use1-az2",
    }

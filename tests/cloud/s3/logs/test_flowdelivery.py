"""Lines of flow logs arrive in their bucket in AWS's order of keys, at least once."""

import gzip
import json
import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from typing import Any

import pytest

from mallee.cloud.s3.logs import flowdelivery
from mallee.model.network.flowlogs import Parcel
from tests.cloud.s3 import running

WITHIN_S = 240.0
BEGAN = int(datetime(2026, 3, 4, 5, 6, tzinfo=UTC).timestamp())
LINE = "2 000000000001 eni-1 - - - - - - - 1 2 - NODATA"


@pytest.fixture(scope="module")
def cloud() -> Generator[running.RunningS3]:
    """A cloud with a bucket for logs, that waits for nobody's minute."""
    patch = pytest.MonkeyPatch()
    patch.setattr(flowdelivery.deliver, "__kwdefaults__", {"gather_s": 0.0})
    patch.setattr(flowdelivery, "LOOK_EVERY_S", 0.1)
    with running.fresh() as made:
        yield made
    patch.undo()


@pytest.fixture
def bucket(cloud: running.RunningS3, request: pytest.FixtureRequest) -> str:
    name = request.node.name.replace("_", "-").partition("[")[0][5:63].strip("-")
    cloud.s3().create_bucket(Bucket=name)
    return name


def make_log(cloud: running.RunningS3, bucket: str, folder: str = "", **options: Any) -> str:
    """A flow log of an interface of its own."""
    ec2 = cloud.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    made = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    made = ec2.create_flow_logs(
        ResourceIds=[made["NetworkInterfaceId"]],
        ResourceType="NetworkInterface",
        TrafficType="ALL",
        LogDestinationType="s3",
        LogDestination=f"arn:aws:s3:::{bucket}{folder}",
        DestinationOptions=options,
    )
    (id,) = made["FlowLogIds"]
    return str(id)


def put(cloud: running.RunningS3, log: str, token: str, text: str = LINE) -> None:
    """Lines as a host brings them."""
    inbox = cloud.layout.flow_inbox
    inbox.mkdir(exist_ok=True)
    aside = cloud.layout.cloud / "aside"
    aside.write_bytes(gzip.compress(f"{text}\n".encode()))
    aside.rename(inbox / f"host-1~{Parcel(log, BEGAN, token * 16).name}")


def wait(look: Callable[[], Any]) -> Any:
    """What is there in the end."""
    deadline = time.monotonic() + WITHIN_S
    while not (found := look()):
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.1)
    return found


def keys(cloud: running.RunningS3, bucket: str) -> list[str]:
    listed = cloud.s3().list_objects_v2(Bucket=bucket).get("Contents", ())
    return [one["Key"] for one in listed]


def account(cloud: running.RunningS3) -> str:
    return str(cloud.admin["account_id"])


def test_lines_of_a_minute_are_one_object_with_a_head(
    cloud: running.RunningS3, bucket: str
) -> None:
    log = make_log(cloud, bucket)
    put(cloud, log, "a")
    (key,) = wait(lambda: keys(cloud, bucket))
    own = account(cloud)
    name, unique = key.rsplit("_", 1)
    assert name == (
        f"AWSLogs/{own}/vpcflowlogs/us-east-1/2026/03/04/"
        f"{own}_vpcflowlogs_us-east-1_{log}_20260304T0506Z"
    )
    assert len(unique) == len("01234567.log.gz")
    body = cloud.s3().get_object(Bucket=bucket, Key=key)["Body"].read()
    head, line = gzip.decompress(body).decode().splitlines()
    assert head.startswith("version account-id interface-id srcaddr")
    assert line == LINE
    assert wait(lambda: not list(cloud.layout.flow_inbox.iterdir()))
    # What is brought again makes the same object again.
    put(cloud, log, "a")
    assert wait(lambda: not list(cloud.layout.flow_inbox.iterdir()))
    assert keys(cloud, bucket) == [key]


@pytest.mark.parametrize(
    ("options", "between"),
    [
        ({"PerHourPartition": True}, "AWSLogs/{own}/vpcflowlogs/us-east-1/2026/03/04/05/"),
        (
            {"HiveCompatiblePartitions": True},
            "AWSLogs/aws-account-id={own}/aws-service=vpcflowlogs/aws-region=us-east-1/"
            "year=2026/month=03/day=04/",
        ),
        (
            {"HiveCompatiblePartitions": True, "PerHourPartition": True},
            "AWSLogs/aws-account-id={own}/aws-service=vpcflowlogs/aws-region=us-east-1/"
            "year=2026/month=03/day=04/hour=05/",
        ),
    ],
)
def test_folders_are_as_asked_for(
    cloud: running.RunningS3, options: dict[str, bool], between: str
) -> None:
    bucket = "folders-" + "-".join(sorted(options)).lower()
    cloud.s3().create_bucket(Bucket=bucket)
    put(cloud, make_log(cloud, bucket, "/a/b", **options), "b")
    (key,) = wait(lambda: keys(cloud, bucket))
    assert key.startswith("a/b/" + between.format(own=account(cloud)))


def test_a_bucket_that_refuses_is_told_of_and_tried_again(
    cloud: running.RunningS3, bucket: str
) -> None:
    log = make_log(cloud, bucket)
    statement = {
        "Effect": "Deny",
        "Principal": {"Service": "delivery.logs.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cloud.s3().put_bucket_policy(Bucket=bucket, Policy=policy)
    put(cloud, log, "c")

    def shown() -> str:
        (one,) = cloud.client("ec2").describe_flow_logs(FlowLogIds=[log])["FlowLogs"]
        return str(one.get("DeliverLogsErrorMessage", ""))

    assert wait(shown) == "Access error"
    assert keys(cloud, bucket) == []
    cloud.s3().delete_bucket_policy(Bucket=bucket)
    assert len(wait(lambda: keys(cloud, bucket))) == 1
    assert wait(lambda: not shown())


def test_lines_of_a_log_that_is_gone_are_forgotten(cloud: running.RunningS3, bucket: str) -> None:
    log = make_log(cloud, bucket)
    cloud.client("ec2").delete_flow_logs(FlowLogIds=[log])
    put(cloud, log, "d")
    assert wait(lambda: not list(cloud.layout.flow_inbox.iterdir()))
    assert keys(cloud, bucket) == []

"""Routes of a transit gateway's table come into a bucket as AWS's file, where they may."""

import json
import time
from collections.abc import Generator
from typing import Any

import pytest

from mallee.cloud.s3.logs import routedelivery
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.transit import hubs
from tests.cloud.ec2.transit.hubs import Hub
from tests.cloud.kms.people import stranger
from tests.cloud.s3 import running

WITHIN_S = 240.0


@pytest.fixture(scope="module")
def cloud() -> Generator[running.RunningS3]:
    patch = pytest.MonkeyPatch()
    patch.setattr(routedelivery, "LOOK_EVERY_S", 0.1)
    with running.fresh() as made:
        yield made
    patch.undo()


@pytest.fixture(scope="module")
def hub(cloud: running.RunningS3) -> Hub:
    made = hubs.make(cloud.client("ec2"))
    cloud.client("ec2").create_transit_gateway_route(
        TransitGatewayRouteTableId=made.table, DestinationCidrBlock="10.99.0.0/16", Blackhole=True
    )
    return made


def export(cloud: running.RunningS3, hub: Hub, bucket: str, **filters: list[str]) -> str:
    """Export the routes; return where they will be."""
    asked: Any = [{"Name": name, "Values": values} for name, values in filters.items()]
    answer = cloud.client("ec2").export_transit_gateway_routes(
        TransitGatewayRouteTableId=hub.table, S3Bucket=bucket, Filters=asked
    )
    return answer["S3Location"]


def fetch(cloud: running.RunningS3, location: str, owner: dict[str, str] | None = None) -> Any:
    """What the file holds in the end."""
    s3 = cloud.s3(owner)
    bucket, _, key = location.removeprefix("s3://").partition("/")
    deadline = time.monotonic() + WITHIN_S
    while key not in [one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]:
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.1)
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def test_routes_come_as_a_file(cloud: running.RunningS3, hub: Hub) -> None:
    cloud.s3().create_bucket(Bucket="all-routes")
    location = export(cloud, hub, "all-routes")
    account = cloud.admin["account_id"]
    start = "s3://all-routes/VPCTransitGateway/TransitGatewayRouteTables/"
    assert location.startswith(f"{start}{account}_us-east-1_{hub.table}_")
    assert location.endswith("Z.json")
    file = fetch(cloud, location)
    assert file["filter"] == []
    found = {one["destinationCidrBlock"]: one for one in file["routes"]}
    assert found.keys() == {"10.10.0.0/16", "10.11.0.0/16", "10.99.0.0/16"}
    assert found["10.10.0.0/16"] == {
        "destinationCidrBlock": "10.10.0.0/16",
        "transitGatewayAttachments": [
            {
                "resourceId": hub.vpcs[0].vpc,
                "transitGatewayAttachmentId": hub.attachments[0],
                "resourceType": "vpc",
            }
        ],
        "type": "propagated",
        "state": "active",
    }
    assert found["10.99.0.0/16"]["state"] == "blackhole"


def test_filters_choose_routes_and_are_told(cloud: running.RunningS3, hub: Hub) -> None:
    cloud.s3().create_bucket(Bucket="some-routes")
    file = fetch(cloud, export(cloud, hub, "some-routes", **{"type": ["static"]}))
    assert file["filter"] == [{"name": "type", "values": ["static"]}]
    assert [one["destinationCidrBlock"] for one in file["routes"]] == ["10.99.0.0/16"]
    ask = cloud.client("ec2").export_transit_gateway_routes
    named: Any = {"TransitGatewayRouteTableId": hub.table, "S3Bucket": "some-routes"}
    unknown = [{"Name": "colour", "Values": ["red"]}]
    assert refusal(ask, **named, Filters=unknown) == "InvalidParameterValue"


def say(
    cloud: running.RunningS3, bucket: str, effect: str, owner: dict[str, str] | None = None
) -> None:
    """Give a bucket a policy about what transit gateways write."""
    statement = {
        "Effect": effect,
        "Principal": {"Service": "transitgateway.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"StringEquals": {"aws:SourceAccount": cloud.admin["account_id"]}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cloud.s3(owner).put_bucket_policy(Bucket=bucket, Policy=document)


def test_a_bucket_must_let_them_in(cloud: running.RunningS3, hub: Hub) -> None:
    ask = cloud.client("ec2").export_transit_gateway_routes
    table: Any = {"TransitGatewayRouteTableId": hub.table}
    assert refusal(ask, **table, S3Bucket="no-such-bucket") == "InvalidParameterValue"
    cloud.s3().create_bucket(Bucket="shut")
    say(cloud, "shut", "Deny")
    assert refusal(ask, **table, S3Bucket="shut") == "OperationNotPermitted"
    assert "Contents" not in cloud.s3().list_objects_v2(Bucket="shut")


def test_anothers_bucket_must_ask_for_them(cloud: running.RunningS3, hub: Hub) -> None:
    other = stranger(cloud).key
    cloud.s3(other).create_bucket(Bucket="foreign")
    ask: Any = cloud.client("ec2").export_transit_gateway_routes
    named: Any = {"TransitGatewayRouteTableId": hub.table, "S3Bucket": "foreign"}
    assert refusal(ask, **named) == "OperationNotPermitted"
    say(cloud, "foreign", "Allow", other)
    assert fetch(cloud, ask(**named)["S3Location"], other)["routes"]
    his: Any = cloud.client("ec2", other).export_transit_gateway_routes
    assert refusal(his, **named) == "InvalidRouteTableID.NotFound"


def test_what_waits_outlives_the_cloud(
    cloud: running.RunningS3, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.s3().create_bucket(Bucket="later")
    with monkeypatch.context() as patch:
        patch.setattr(routedelivery, "LOOK_EVERY_S", 3600.0)
        cloud.restart()
        location = export(cloud, hub, "later")
    assert "Contents" not in cloud.s3().list_objects_v2(Bucket="later")
    cloud.restart()
    assert len(fetch(cloud, location)["routes"]) == 3

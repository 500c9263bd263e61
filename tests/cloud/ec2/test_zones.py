"""Regions, zones, account attributes and instance types: what there is, and what still fits."""

from typing import Any

import pytest

from mallee.cloud.ec2 import zones
from mallee.model.compute import instancetypes
from mallee.model.hosts import hosts
from tests.cloud.ec2.asking import launch, refusal
from tests.cloud.ec2.world import FakeHost, World


def test_this_cloud_is_one_region(alice: Any) -> None:
    (region,) = alice.describe_regions()["Regions"]
    assert region["RegionName"] == "us-east-1"
    assert alice.describe_regions(RegionNames=["us-east-1"], AllRegions=True)["Regions"]
    assert refusal(alice.describe_regions, RegionNames=["mars-1"]) == "InvalidParameterValue"
    wanted = [{"Name": "region-name", "Values": ["eu-*"]}]
    assert alice.describe_regions(Filters=wanted)["Regions"] == []


@pytest.mark.parametrize(
    ("name", "region", "id"),
    [
        ("us-east-1a", "us-east-1", "use1-az1"),
        ("ap-southeast-2c", "ap-southeast-2", "apse2-az3"),
        ("us-gov-west-1b", "us-gov-west-1", "usgw1-az2"),
        ("PARTI00", "us-east-1", "PARTI00"),
    ],
)
def test_zone_ids_are_formed_as_aws_forms_them(name: str, region: str, id: str) -> None:
    assert zones.id_of(name, region) == id


def test_zones_are_those_of_the_settings_and_of_hosts(alice: Any, world: World) -> None:
    FakeHost(world, "shed", hosts.Capacity(1, 1, 1), "us-east-1b")
    shown = alice.describe_availability_zones()["AvailabilityZones"]
    assert [(it["ZoneName"], it["ZoneId"], it["State"]) for it in shown] == [
        # Where no host is nothing can be had.
        ("us-east-1a", "use1-az1", "unavailable"),
        ("us-east-1b", "use1-az2", "available"),
    ]
    (one,) = alice.describe_availability_zones(ZoneIds=["use1-az2"])["AvailabilityZones"]
    assert one["ZoneName"] == "us-east-1b"
    ask = alice.describe_availability_zones
    assert refusal(ask, ZoneNames=["us-east-1z"]) == "InvalidParameterValue"


def test_verbose_shows_what_still_fits(alice: Any, world: World) -> None:
    FakeHost(world, "hut", hosts.Capacity(4, 1024, 1000), "us-east-1a")
    launch(alice, 2)
    answer = alice.describe_availability_zones(ZoneNames=["verbose"])
    table = {it["ZoneName"]: it["State"] for it in answer["AvailabilityZones"]}
    assert list(table)[:2] == ["us-east-1a", "|- vm types"]
    assert table["|- vm types"].split() == ["free", "/", "max", "cpu", "ram", "disk"]
    assert table["|- m1.small"].split() == ["0002", "/", "0004", "1", "256", "5"]
    assert table["|- m1.xlarge"].split()[:3] == ["0000", "/", "0001"]


def test_account_attributes_are_true(alice: Any, world: World) -> None:
    FakeHost(world, "hut", hosts.Capacity(3, 65536, 1000), "us-east-1a")
    shown = {
        it["AttributeName"]: it["AttributeValues"][0]["AttributeValue"]
        for it in alice.describe_account_attributes()["AccountAttributes"]
    }
    assert shown["supported-platforms"] == "VPC"
    assert shown["default-vpc"] == alice.describe_vpcs()["Vpcs"][0]["VpcId"]
    assert shown["max-instances"] == "3"
    assert shown["vpc-max-elastic-ips"] == "253"
    one = alice.describe_account_attributes(AttributeNames=["default-vpc"])
    assert len(one["AccountAttributes"]) == 1


def test_types_are_those_of_eucalyptus_and_of_aws(alice: Any) -> None:
    pages = alice.get_paginator("describe_instance_types").paginate()
    shown = {it["InstanceType"]: it for page in pages for it in page["InstanceTypes"]}
    assert len(shown) == len(instancetypes.PRESETS)
    sizes = {
        name: (it["VCpuInfo"]["DefaultVCpus"], it["MemoryInfo"]["SizeInMiB"])
        for name, it in shown.items()
    }
    assert sizes["m1.small"] == (1, 256)
    assert sizes["t2.micro"] == (1, 1024)
    assert sizes["m5.4xlarge"] == (16, 65536)
    assert sizes["r5.large"] == (2, 16384)


def test_types_are_found_and_paged(alice: Any) -> None:
    def found(name: str, *values: str) -> list[str]:
        wanted = [{"Name": name, "Values": list(values)}]
        answer = alice.describe_instance_types(Filters=wanted)
        return sorted(it["InstanceType"] for it in answer["InstanceTypes"])

    assert found("instance-type", "c5.?xlarge") == ["c5.2xlarge", "c5.4xlarge", "c5.9xlarge"]
    assert found("memory-info.size-in-mib", "512") == [
        "m1.large",
        "m1.medium",
        "t2.nano",
        "t3.nano",
        "t3a.nano",
    ]
    assert len(found("current-generation", "false")) == 8
    assert found("bare-metal", "true") == []
    ask = alice.describe_instance_types
    assert refusal(ask, InstanceTypes=["z9.huge"]) == "InvalidInstanceType"
    first = ask(MaxResults=5)
    assert len(first["InstanceTypes"]) == 5
    assert first["NextToken"]


def test_every_type_is_offered_in_every_zone(alice: Any, world: World) -> None:
    FakeHost(world, "shed", hosts.Capacity(1, 1, 1), "us-east-1b")
    ask = alice.describe_instance_type_offerings
    shown = ask(LocationType="availability-zone")["InstanceTypeOfferings"]
    assert len(shown) == 2 * len(instancetypes.PRESETS)
    wanted = [{"Name": "instance-type", "Values": ["m1.small"]}]
    shown = ask(Filters=wanted)["InstanceTypeOfferings"]
    assert [(it["InstanceType"], it["Location"]) for it in shown] == [("m1.small", "us-east-1")]
    assert refusal(ask, LocationType="outpost") == "InvalidParameterValue"

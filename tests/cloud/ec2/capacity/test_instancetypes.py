"""Types as the administration makes and changes them, and as users find and launch them."""

import random
import time
from typing import Any

import pytest

from mallee.cloud.hosts.slices import slices
from mallee.model.compute import instancetypes
from mallee.model.hosts import hosts
from tests.cloud.ec2.asking import described, launch_one, refusal, refused
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.world import FakeHost, World
from tests.cloud.signing import Answer, Sender


class Types:
    """The administration's calls about types, as a user of either account makes them."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_all(self) -> Answer:
        return self._sender.ask("mallee", "ListInstanceTypes")

    def ask(self, verb: str, name: str, **sizes: int | bool | str) -> Answer:
        given = {key: str(value).lower() for key, value in sizes.items()}
        return self._sender.ask("mallee", f"{verb}InstanceType", TypeName=name, **given)

    def create(self, name: str, vcpus: int, memory_mib: int, **more: int | bool) -> None:
        made = self.ask("Create", name, Vcpus=vcpus, MemoryMib=memory_mib, **more)
        assert made.status == 200, made.text


@pytest.fixture
def types(administration: Administration) -> Types:
    return Types(administration.sender)


def names(client: Any, **asked: Any) -> list[str]:
    pages = client.get_paginator("describe_instance_types").paginate(**asked)
    return [it["InstanceType"] for page in pages for it in page["InstanceTypes"]]


def sizes(instance: Any) -> tuple[str, int]:
    return instance["InstanceType"], instance["CpuOptions"]["CoreCount"]


def test_a_type_made_here_is_launched_offered_and_counted(
    types: Types, bob: Any, host: FakeHost
) -> None:
    types.create("lab.small", 3, 700, DiskGib=9)
    assert "lab.small" in names(bob)
    (shown,) = bob.describe_instance_types(InstanceTypes=["lab.small"])["InstanceTypes"]
    assert shown["VCpuInfo"]["DefaultVCpus"] == 3
    assert shown["MemoryInfo"]["SizeInMiB"] == 700
    offered = bob.describe_instance_type_offerings(
        Filters=[{"Name": "instance-type", "Values": ["lab.*"]}]
    )["InstanceTypeOfferings"]
    assert [it["InstanceType"] for it in offered] == ["lab.small"]
    made = launch_one(bob, InstanceType="lab.small")
    assert sizes(made) == ("lab.small", 3)
    rows = bob.describe_availability_zones(ZoneNames=["verbose"])["AvailabilityZones"]
    table = {it["ZoneName"]: it["State"].split() for it in rows}
    assert table["|- lab.small"] == ["0020", "/", "0021", "3", "700", "9"]


def test_no_change_of_a_type_touches_an_instance(types: Types, bob: Any, host: FakeHost) -> None:
    types.create("lab.small", 2, 512)
    made = launch_one(bob, InstanceType="lab.small")
    host.settle()
    assert types.ask("Modify", "lab.small", Vcpus=7).status == 200
    assert described(bob, made["InstanceId"])["CpuOptions"]["CoreCount"] == 2
    assert launch_one(bob, InstanceType="lab.small")["CpuOptions"]["CoreCount"] == 7
    assert types.ask("Delete", "lab.small").status == 200
    ids = [made["InstanceId"]]
    bob.stop_instances(InstanceIds=ids)
    host.settle()
    bob.start_instances(InstanceIds=ids)
    host.settle()
    assert sizes(described(bob, made["InstanceId"])) == ("lab.small", 2)
    again = {"InstanceType": "lab.small", "ImageId": made["ImageId"], "MinCount": 1, "MaxCount": 1}
    code, message = refused(bob.run_instances, **again)
    assert code == "InvalidParameterValue"
    assert "lab.small" in message


def test_a_preset_is_changed_removed_and_reset(types: Types, bob: Any, host: FakeHost) -> None:
    assert types.ask("Modify", "m1.small", MemoryMib=384).element("State") == "changed"
    (shown,) = bob.describe_instance_types(InstanceTypes=["m1.small"])["InstanceTypes"]
    assert shown["MemoryInfo"]["SizeInMiB"] == 384
    assert types.ask("Modify", "m1.small", MemoryMib=256).element("State") == "preset"
    assert types.ask("Delete", "m1.small").code == "DeleteConflict", "launches fall back to it"
    assert types.ask("Delete", "c5.large").status == 200
    ask = bob.describe_instance_types
    assert refusal(ask, InstanceTypes=["c5.large"]) == "InvalidInstanceType"
    assert "c5.large" not in names(bob)
    listed = types.list_all().text
    assert "<TypeName>c5.large</TypeName>" in listed
    assert "<State>removed</State>" in listed
    assert types.ask("Reset", "c5.large").element("State") == "preset"
    assert "c5.large" in names(bob)


def test_a_name_is_one_type_and_has_a_form(types: Types) -> None:
    types.create("lab.small", 1, 256)
    twice = types.ask("Create", "lab.small", Vcpus=1, MemoryMib=256)
    assert (twice.status, twice.code) == (409, "EntityAlreadyExists")
    assert types.ask("Create", "m1.small", Vcpus=1, MemoryMib=256).code == "EntityAlreadyExists"
    for name in ("small", "Lab.small", "lab.", "lab.small/x", "<b>.x", "a." + "b" * 99):
        assert types.ask("Create", name, Vcpus=1, MemoryMib=256).status == 400, name
    for bad in ({"Vcpus": 0}, {"MemoryMib": 1}, {"DiskGib": 0}, {"Vcpus": 10**9}):
        asked = {"Vcpus": 1, "MemoryMib": 256, **bad}
        assert types.ask("Create", "lab.large", **asked).status == 400, bad
    for verb in ("Modify", "Delete", "Reset"):
        assert types.ask(verb, "lab.huge").code == "NoSuchResource"
    assert types.ask("Reset", "lab.small").code == "NoSuchResource", "it is no preset"


def test_another_account_changes_no_types(administration: Administration, bob: Any) -> None:
    theirs = Types(administration.bob)
    before = names(bob)
    for verb in ("Create", "Modify", "Delete", "Reset"):
        sizes = {"Vcpus": 1, "MemoryMib": 256} if verb == "Create" else {}
        answer = theirs.ask(verb, "m1.large", **sizes)
        assert (answer.status, answer.code) == (403, "AccessDenied")
    assert theirs.list_all().status == 403
    assert names(bob) == before


def found(client: Any, **requirements: Any) -> list[str]:
    wanted = {"VCpuCount": {"Min": 0}, "MemoryMiB": {"Min": 0}, **requirements}
    pages = client.get_paginator("get_instance_types_from_instance_requirements").paginate(
        ArchitectureTypes=["x86_64"],
        VirtualizationTypes=["hvm"],
        InstanceRequirements=wanted,
        PaginationConfig={"PageSize": 7},
    )
    return [it["InstanceType"] for page in pages for it in page["InstanceTypes"]]


def test_requirements_are_compared_with_the_types_there_are(types: Types, bob: Any) -> None:
    types.create("lab.small", 3, 768)
    types.create("lab.burst", 3, 768, IsBurstable=True)
    three = {"Min": 3, "Max": 3}
    assert found(bob, VCpuCount=three) == ["lab.small"]
    assert found(bob, VCpuCount=three, BurstablePerformance="included") == [
        "lab.burst",
        "lab.small",
    ]
    assert found(bob, VCpuCount=three, BurstablePerformance="required") == ["lab.burst"]
    assert found(bob, AllowedInstanceTypes=["c5.*2xlarge"]) == [
        "c5.12xlarge",
        "c5.2xlarge",
    ]
    assert "c5.large" not in found(bob, ExcludedInstanceTypes=["c5.*"])
    assert found(bob, InstanceGenerations=["previous"], VCpuCount={"Min": 4}) == ["c1.xlarge"]
    ratio = {"Min": 8, "Max": 8}
    assert all(name.startswith("r") for name in found(bob, MemoryGiBPerVCpu=ratio))
    assert found(bob, MemoryGiBPerVCpu=ratio)
    assert found(bob, BareMetal="required") == []
    assert found(bob, BareMetal="included") == found(bob)
    assert found(bob, AcceleratorCount={"Min": 1}) == []
    assert found(bob, AcceleratorCount={"Max": 0}) == found(bob)


def test_requirements_that_nobody_can_know_are_refused(bob: Any) -> None:
    ask = bob.get_instance_types_from_instance_requirements
    plain = {"VCpuCount": {"Min": 1}, "MemoryMiB": {"Min": 1}}
    both = {"ArchitectureTypes": ["x86_64"], "VirtualizationTypes": ["hvm"]}
    for unknown in (
        {"CpuManufacturers": ["intel"]},
        {"OnDemandMaxPricePercentageOverLowestPrice": 20},
        {"BaselineEbsBandwidthMbps": {"Min": 1}},
    ):
        code, message = refused(ask, InstanceRequirements={**plain, **unknown}, **both)
        assert code == "UnsupportedOperation"
        assert next(iter(unknown)) in message
    crossed = {**plain, "VCpuCount": {"Min": 4, "Max": 2}}
    assert refusal(ask, InstanceRequirements=crossed, **both) == "InvalidParameterValue"
    listed = {**plain, "AllowedInstanceTypes": ["a*"], "ExcludedInstanceTypes": ["b*"]}
    assert refusal(ask, InstanceRequirements=listed, **both) == "InvalidParameterCombination"
    arm = {**both, "ArchitectureTypes": ["arm64"]}
    assert ask(InstanceRequirements=plain, **arm)["InstanceTypes"] == []


def test_requirements_agree_with_the_numbers_that_are_described(bob: Any) -> None:
    seed = time.time_ns()
    chance = random.Random(seed)
    for _ in range(20):
        vcpus = sorted(chance.choices((1, 2, 3, 4, 8, 16, 48, 96), k=2))
        memory = sorted(chance.choices((256, 512, 4096, 16384, 65536), k=2))
        wanted = found(
            bob,
            VCpuCount={"Min": vcpus[0], "Max": vcpus[1]},
            MemoryMiB={"Min": memory[0], "Max": memory[1]},
            BurstablePerformance="included",
        )
        expected = sorted(
            kind.name
            for kind in instancetypes.PRESETS
            if vcpus[0] <= kind.vcpus <= vcpus[1] and memory[0] <= kind.memory_mib <= memory[1]
        )
        assert wanted == expected, seed


def test_room_is_measured_by_the_type_as_it_is_now(types: Types, bob: Any, world: World) -> None:
    FakeHost(world, "shed", hosts.Capacity(4, 4096, 1000), "us-east-1a")
    assert types.ask("Modify", "m1.small", Vcpus=4).status == 200
    launch_one(bob)
    code, message = refused(
        bob.run_instances, ImageId="ami-00000000000000001", MinCount=1, MaxCount=1
    )
    assert code == "InsufficientInstanceCapacity"
    assert "vcpus (needs 4, 0 of 4 free)" in message


def speeds(world: World, instance_id: str, host: FakeHost) -> list[tuple[int, int]]:
    """How fast the host is told that the instance's interfaces may be."""
    told = slices.host_wanted(world.store.view, host.id, world.settings)
    return [
        (one.speed.sends_bps, one.speed.receives_bps)
        for vpc in told.vpcs
        for one in vpc.interfaces
        if one.instance_id == instance_id
    ]


def test_interfaces_are_as_fast_as_their_type(
    types: Types, bob: Any, host: FakeHost, world: World
) -> None:
    types.create("lab.fast", 1, 512, NetworkMbps=2500)
    made = launch_one(bob, InstanceType="lab.fast")["InstanceId"]
    assert speeds(world, made, host) == [(2_500_000_000, 2_500_000_000)]
    free = launch_one(bob, InstanceType="m1.small")["InstanceId"]
    assert speeds(world, free, host) == [(0, 0)]
    assert types.ask("Modify", "lab.fast", NetworkMbps=100).status == 200
    assert speeds(world, made, host) == [(2_500_000_000, 2_500_000_000)]
    host.settle()
    bob.stop_instances(InstanceIds=[made])
    host.settle()
    bob.modify_instance_attribute(InstanceId=made, InstanceType={"Value": "lab.fast"})
    assert speeds(world, made, host) == [(100_000_000, 100_000_000)]
    assert types.ask("Modify", "lab.fast", NetworkMbps=-1).status == 400


def test_bandwidth_is_described_and_asked_for(types: Types, bob: Any) -> None:
    types.create("lab.fast", 1, 512, NetworkMbps=2500)
    types.create("lab.slow", 1, 512, NetworkMbps=100)
    types.create("lab.free", 1, 512)
    (fast,) = bob.describe_instance_types(InstanceTypes=["lab.fast"])["InstanceTypes"]
    assert fast["NetworkInfo"]["NetworkPerformance"] == "2.5 Gigabit"
    (card,) = fast["NetworkInfo"]["NetworkCards"]
    assert card["BaselineBandwidthInGbps"] == card["PeakBandwidthInGbps"] == 2.5
    (free,) = bob.describe_instance_types(InstanceTypes=["lab.free"])["InstanceTypes"]
    assert "BaselineBandwidthInGbps" not in free["NetworkInfo"]["NetworkCards"][0]
    wanted = [{"Name": "network-info.network-performance", "Values": ["100 Megabit"]}]
    assert names(bob, Filters=wanted) == ["lab.slow"]
    found = bob.get_instance_types_from_instance_requirements(
        ArchitectureTypes=["x86_64"],
        VirtualizationTypes=["hvm"],
        InstanceRequirements={
            "VCpuCount": {"Min": 1},
            "MemoryMiB": {"Min": 1},
            "NetworkBandwidthGbps": {"Min": 1},
            "AllowedInstanceTypes": ["lab.*"],
        },
    )["InstanceTypes"]
    assert [it["InstanceType"] for it in found] == ["lab.fast", "lab.free"]

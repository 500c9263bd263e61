"""Elastic addresses: taken, moved, kept over stops, given back; the pool is finite."""

from typing import Any

import pytest

from mallee.model.configuration.settings import Network, Settings
from tests.cloud.ec2.asking import described, launch, launch_one, refusal, refused
from tests.cloud.ec2.world import FakeHost, World

NOBODY = "eipalloc-0123456789abcdef0"


@pytest.fixture
def running(alice: Any, host: FakeHost) -> str:
    made = launch_one(alice)["InstanceId"]
    host.settle()
    return made


def address_of(client: Any, id: str) -> dict[str, Any]:
    return client.describe_addresses(AllocationIds=[id])["Addresses"][0]


def test_an_allocated_address_is_nobodys(alice: Any) -> None:
    made = alice.allocate_address(
        Domain="vpc",
        TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": [{"Key": "a", "Value": "b"}]}],
    )
    assert made["PublicIp"].startswith("203.0.113.")
    shown = address_of(alice, made["AllocationId"])
    assert shown["PublicIp"] == made["PublicIp"]
    assert shown["Tags"] == [{"Key": "a", "Value": "b"}]
    assert "AssociationId" not in shown


def test_a_certain_address_can_be_had_once(alice: Any, bob: Any) -> None:
    alice.allocate_address(Address="203.0.113.77")
    assert refusal(bob.allocate_address, Address="203.0.113.77") == "InvalidIPAddress.InUse"
    for stranger in ("203.0.113.0", "203.0.113.1", "203.0.113.255", "192.0.2.1"):
        assert refusal(alice.allocate_address, Address=stranger) == "InvalidAddress.NotFound"
    assert refusal(alice.allocate_address, Address="x") == "InvalidAddress.Malformed"


def test_an_associated_address_is_the_instances(
    alice: Any, host: FakeHost, running: str, world: World
) -> None:
    lent = described(alice, running)["PublicIpAddress"]
    made = alice.allocate_address()
    done = alice.associate_address(AllocationId=made["AllocationId"], InstanceId=running)
    shown = described(alice, running)
    assert shown["PublicIpAddress"] == made["PublicIp"]
    assert shown["NetworkInterfaces"][0]["Association"]["IpOwnerId"] != "amazon"
    address = address_of(alice, made["AllocationId"])
    assert address["AssociationId"] == done["AssociationId"]
    assert address["InstanceId"] == running
    assert address["PrivateIpAddress"] == shown["PrivateIpAddress"]
    assert lent not in world.store.view.held("public-ip")


def test_an_instance_keeps_its_own_over_stop_and_start(
    alice: Any, host: FakeHost, running: str
) -> None:
    made = alice.allocate_address()
    alice.associate_address(PublicIp=made["PublicIp"], InstanceId=running)
    alice.stop_instances(InstanceIds=[running])
    host.settle()
    assert described(alice, running)["PublicIpAddress"] == made["PublicIp"]
    alice.start_instances(InstanceIds=[running])
    host.settle()
    assert described(alice, running)["PublicIpAddress"] == made["PublicIp"]


def test_a_disassociated_instance_is_lent_another(alice: Any, running: str, host: FakeHost) -> None:
    made = alice.allocate_address()
    done = alice.associate_address(AllocationId=made["AllocationId"], InstanceId=running)
    alice.disassociate_address(AssociationId=done["AssociationId"])
    shown = described(alice, running)
    assert shown["PublicIpAddress"] != made["PublicIp"]
    assert shown["NetworkInterfaces"][0]["Association"]["IpOwnerId"] == "amazon"
    assert "AssociationId" not in address_of(alice, made["AllocationId"])


def test_an_address_moves_unless_that_is_forbidden(alice: Any, host: FakeHost) -> None:
    first, second = (instance["InstanceId"] for instance in launch(alice, 2))
    made = alice.allocate_address()
    mine = {"AllocationId": made["AllocationId"]}
    once = alice.associate_address(**mine, InstanceId=first)
    again = alice.associate_address(**mine, InstanceId=first)
    assert again["AssociationId"] == once["AssociationId"]
    code = refusal(alice.associate_address, **mine, InstanceId=second, AllowReassociation=False)
    assert code == "Resource.AlreadyAssociated"
    interface = described(alice, second)["NetworkInterfaces"][0]["NetworkInterfaceId"]
    alice.associate_address(**mine, NetworkInterfaceId=interface)
    assert described(alice, second)["PublicIpAddress"] == made["PublicIp"]
    assert described(alice, first)["PublicIpAddress"] != made["PublicIp"]


def test_a_second_address_takes_the_place_of_the_first(alice: Any, running: str) -> None:
    first, second = alice.allocate_address(), alice.allocate_address()
    alice.associate_address(AllocationId=first["AllocationId"], InstanceId=running)
    mine = {"AllocationId": second["AllocationId"], "InstanceId": running}
    code = refusal(alice.associate_address, **mine, AllowReassociation=False)
    assert code == "Resource.AlreadyAssociated"
    alice.associate_address(**mine)
    assert described(alice, running)["PublicIpAddress"] == second["PublicIp"]
    assert "AssociationId" not in address_of(alice, first["AllocationId"])


def test_an_address_in_use_is_not_released(alice: Any, running: str) -> None:
    made = alice.allocate_address()
    alice.associate_address(AllocationId=made["AllocationId"], InstanceId=running)
    release = {"AllocationId": made["AllocationId"]}
    assert refusal(alice.release_address, **release) == "InvalidIPAddress.InUse"
    alice.disassociate_address(PublicIp=made["PublicIp"])
    alice.release_address(**release)
    assert refusal(alice.release_address, **release) == "InvalidAllocationID.NotFound"
    alice.allocate_address(Address=made["PublicIp"])


def test_a_terminated_instance_leaves_its_elastic_address_to_its_account(
    alice: Any, host: FakeHost, running: str
) -> None:
    made = alice.allocate_address()
    alice.associate_address(AllocationId=made["AllocationId"], InstanceId=running)
    alice.terminate_instances(InstanceIds=[running])
    host.settle()
    shown = address_of(alice, made["AllocationId"])
    assert "InstanceId" not in shown
    assert "AssociationId" not in shown
    code = refusal(alice.associate_address, AllocationId=made["AllocationId"], InstanceId=running)
    assert code == "InvalidInstanceID"


class TestPool:
    """A /29 has five addresses."""

    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(network=Network(public_range="203.0.113.0/29"))

    def test_the_pool_is_used_up_and_refilled(self, alice: Any, bob: Any) -> None:
        made = [alice.allocate_address() for _ in range(5)]
        assert len({it["PublicIp"] for it in made}) == 5
        code, message = refused(bob.allocate_address)
        assert code == "InsufficientAddressCapacity"
        assert "203.0.113.0/29" in message
        alice.release_address(AllocationId=made[0]["AllocationId"])
        assert bob.allocate_address()["PublicIp"] == made[0]["PublicIp"]


class TestListedPool:
    """Of the range those alone are lent that the settings list."""

    @pytest.fixture
    def settings(self) -> Settings:
        listed = ("192.168.3.1-192.168.3.3", "192.168.3.9")
        return Settings(network=Network("192.168.3.0/24", public_addresses=listed))

    def test_what_is_not_listed_is_nobodys(self, alice: Any) -> None:
        assert refusal(alice.allocate_address, Address="192.168.3.4") == "InvalidAddress.NotFound"
        chosen = alice.allocate_address(Address="192.168.3.9")["PublicIp"]
        made = {alice.allocate_address()["PublicIp"] for _ in range(3)}
        assert {chosen, *made} == {f"192.168.3.{last}" for last in (1, 2, 3, 9)}
        code, message = refused(alice.allocate_address)
        assert code == "InsufficientAddressCapacity"
        assert "4 addresses" in message


def test_an_address_is_released_in_its_own_network_border_group(alice: Any) -> None:
    made = alice.allocate_address()
    release = {"AllocationId": made["AllocationId"]}
    elsewhere = {"NetworkBorderGroup": "us-west-2-lax-1"}
    assert refusal(alice.release_address, **release, **elsewhere) == "InvalidAddress.NotFound"
    alice.release_address(**release, NetworkBorderGroup=made["NetworkBorderGroup"])
    assert refusal(alice.release_address, **release) == "InvalidAllocationID.NotFound"


def test_contradictions_are_refused(alice: Any, running: str) -> None:
    made = alice.allocate_address()
    both = {"AllocationId": made["AllocationId"], "PublicIp": made["PublicIp"]}
    ask = alice.associate_address
    assert refusal(ask, **both, InstanceId=running) == "InvalidParameterCombination"
    mine = {"AllocationId": made["AllocationId"]}
    assert refusal(ask, **mine) == "InvalidParameterCombination"
    assert refusal(ask, InstanceId=running) == "MissingParameter"
    other = {"InstanceId": running, "PrivateIpAddress": "172.31.0.99"}
    assert refusal(ask, **mine, **other) == "InvalidParameterValue"
    assert refusal(alice.allocate_address, Domain="standard") == "InvalidParameterValue"
    assert refusal(alice.release_address) == "MissingParameter"
    assert refusal(alice.disassociate_address) == "MissingParameter"


def test_addresses_of_others_are_not_there(alice: Any, bob: Any, running: str) -> None:
    made = alice.allocate_address()
    done = alice.associate_address(AllocationId=made["AllocationId"], InstanceId=running)
    by_id, by_ip = {"AllocationId": made["AllocationId"]}, {"PublicIp": made["PublicIp"]}
    assert refusal(bob.release_address, **by_id) == "InvalidAllocationID.NotFound"
    assert refusal(bob.release_address, **by_ip) == "InvalidAddress.NotFound"
    association = {"AssociationId": done["AssociationId"]}
    assert refusal(bob.disassociate_address, **association) == "InvalidAssociationID.NotFound"
    assert bob.describe_addresses()["Addresses"] == []
    mine = bob.allocate_address()["AllocationId"]
    code = refusal(bob.associate_address, AllocationId=mine, InstanceId=running)
    assert code == "InvalidInstanceID.NotFound"
    code = refusal(bob.describe_addresses, PublicIps=[made["PublicIp"]])
    assert code == "InvalidAddress.NotFound"


def test_filters_find_addresses(alice: Any, running: str) -> None:
    free, used = alice.allocate_address(), alice.allocate_address()
    alice.associate_address(AllocationId=used["AllocationId"], InstanceId=running)
    wanted = [{"Name": "instance-id", "Values": ["i-*"]}]
    found = alice.describe_addresses(Filters=wanted)["Addresses"]
    assert [it["PublicIp"] for it in found] == [used["PublicIp"]]
    found = alice.describe_addresses(PublicIps=[free["PublicIp"]])["Addresses"]
    assert [it["AllocationId"] for it in found] == [free["AllocationId"]]

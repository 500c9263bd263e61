"""Elastic addresses on running guests: they come, move, stay over a stop, and go."""

import socket
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from tests import wholecloud
from tests.machines import guests
from tests.machines.guests import Guest, Pair
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

FELT_S = 120.0


@pytest.fixture
def elastic(cloud: Cloud) -> Iterator[dict[str, str]]:
    """An allocated address; gone after the law."""
    made = cloud.ec2.allocate_address(Domain="vpc")
    yield made
    for found in cloud.ec2.describe_addresses()["Addresses"]:
        if "AssociationId" in found:
            cloud.ec2.disassociate_address(AssociationId=found["AssociationId"])
        cloud.ec2.release_address(AllocationId=found["AllocationId"])


def who_answers(cloud: Cloud, address: str) -> str:
    """The instance that answers SSH at an address."""
    return cloud.ssh_to(address, "/etc/mallee/imds meta-data/instance-id")


def is_silent(address: str) -> bool:
    """Whether nobody takes a connection to SSH at an address."""
    try:
        socket.create_connection((address, 22), timeout=1.0).close()
    except OSError:
        return True
    return False


def associate(cloud: Cloud, elastic: dict[str, str], guest: Guest) -> str:
    """Associate the address; return the association's id."""
    return cloud.ec2.associate_address(AllocationId=elastic["AllocationId"], InstanceId=guest.id)[
        "AssociationId"
    ]


def test_an_elastic_address_replaces_the_lent_one(
    cloud: Cloud, pair: Pair, elastic: dict[str, str]
) -> None:
    lent = cloud.instance(pair.one.id)["PublicIpAddress"]
    association = associate(cloud, elastic, pair.one)
    assert cloud.instance(pair.one.id)["PublicIpAddress"] == elastic["PublicIp"]
    assert who_answers(cloud, elastic["PublicIp"]) == pair.one.id
    assert guests.read(cloud, pair.one, "meta-data/public-ipv4") == [elastic["PublicIp"]]
    wholecloud.wait_until(lambda: is_silent(lent), FELT_S, "the lent address to fall silent")

    with pytest.raises(ClientError) as refused:
        cloud.ec2.release_address(AllocationId=elastic["AllocationId"])
    assert guests.code_of(refused) == "InvalidIPAddress.InUse"

    cloud.ec2.disassociate_address(AssociationId=association)
    another = cloud.instance(pair.one.id)["PublicIpAddress"]
    assert another != elastic["PublicIp"]
    assert who_answers(cloud, another) == pair.one.id
    wholecloud.wait_until(
        lambda: is_silent(elastic["PublicIp"]), FELT_S, "the elastic address to fall silent"
    )


def test_an_elastic_address_moves_to_another_guest(
    cloud: Cloud, pair: Pair, elastic: dict[str, str]
) -> None:
    associate(cloud, elastic, pair.one)
    assert who_answers(cloud, elastic["PublicIp"]) == pair.one.id
    associate(cloud, elastic, pair.other)
    # Who lost it is not left without an address, and gets it at the moment of the move.
    assert who_answers(cloud, cloud.instance(pair.one.id)["PublicIpAddress"]) == pair.one.id
    assert who_answers(cloud, elastic["PublicIp"]) == pair.other.id


def test_an_elastic_address_survives_stop_and_start(
    cloud: Cloud, pair: Pair, elastic: dict[str, str]
) -> None:
    associate(cloud, elastic, pair.other)
    guests.stop(cloud, pair.other.id)
    assert cloud.instance(pair.other.id)["PublicIpAddress"] == elastic["PublicIp"]
    assert is_silent(elastic["PublicIp"])
    guests.start(cloud, pair.other.id)
    assert who_answers(cloud, elastic["PublicIp"]) == pair.other.id


def test_a_released_address_is_nobodys(cloud: Cloud, pair: Pair, elastic: dict[str, str]) -> None:
    cloud.ec2.disassociate_address(AssociationId=associate(cloud, elastic, pair.one))
    cloud.ec2.release_address(AllocationId=elastic["AllocationId"])
    with pytest.raises(ClientError) as unknown:
        cloud.ec2.describe_addresses(AllocationIds=[elastic["AllocationId"]])
    assert guests.code_of(unknown) == "InvalidAllocationID.NotFound"
    with pytest.raises(ClientError) as refused:
        associate(cloud, elastic, pair.one)
    assert guests.code_of(refused) == "InvalidAllocationID.NotFound"

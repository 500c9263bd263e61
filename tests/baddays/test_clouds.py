"""Two clouds on one machine: the same private range, public ranges of their own, nothing shared.

The second one's public range is as small as can be, so that its pool is soon empty too.
"""

import subprocess
from collections.abc import Iterator

import botocore.exceptions
import pytest

from mallee.box import client as api
from tests import wholecloud
from tests.baddays import places, traces
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

SMALL = "192.0.2.240/29"


@pytest.fixture
def other() -> Iterator[Cloud]:
    """A second cloud."""
    with wholecloud.fresh(places.settings(SMALL)) as running:
        yield running


def test_an_empty_pool_is_said_with_its_cure_and_nothing_is_launched(other: Cloud) -> None:
    taken: list[str] = []
    words = ""
    while not words and len(taken) < 8:
        try:
            taken.append(other.ec2.allocate_address(Domain="vpc")["AllocationId"])
        except botocore.exceptions.ClientError as error:
            words = str(error)
    assert "InsufficientAddressCapacity" in words
    assert SMALL in words
    assert "Release an elastic address" in words
    with pytest.raises(botocore.exceptions.ClientError, match="InsufficientAddressCapacity"):
        other.run()
    assert other.ec2.describe_instances()["Reservations"] == []
    for one in taken:
        other.ec2.release_address(AllocationId=one)


def test_two_clouds_share_nothing_and_the_end_of_one_leaves_the_other(
    cloud: Cloud, guest: str, other: Cloud
) -> None:
    before = traces.life_of(cloud, guest)
    subnet = other.ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    same = cloud.instance(guest)["PrivateIpAddress"]
    neighbour = other.run(SubnetId=subnet, PrivateIpAddress=same)
    assert other.ssh(neighbour, "hostname") == cloud.ssh(guest, "hostname")
    assert traces.domains(other) == [neighbour]
    assert neighbour not in traces.domains(cloud)
    stranger = api.Access(
        endpoint=other.access.endpoint,
        region=cloud.access.region,
        account_id=cloud.access.account_id,
        access_key_id=cloud.access.access_key_id,
        secret_access_key=cloud.access.secret_access_key,
    )
    with pytest.raises(botocore.exceptions.ClientError, match="AuthFailure"):
        other.client("ec2", stranger).describe_instances()

    other.close()
    assert traces.processes(other) == []
    assert traces.namespaces(other) == []
    assert not other.layout.root.exists()
    routes = subprocess.run(["ip", "route"], capture_output=True, text=True, check=True).stdout
    assert SMALL not in routes
    assert other.layout.host_link not in routes
    assert traces.life_of(cloud, guest) == before
    traces.wait_works(cloud, guest)

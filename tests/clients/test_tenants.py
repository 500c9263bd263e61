"""A tenant who knows every id of another still finds nothing and reaches nothing, by any filter."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mallee.cloud import actions
from mallee.cloud.action import Action, Listing
from tests.cloud import samples
from tests.cloud.ec2.ipam import plans
from tests.cloud.ec2.ipam.plans import REGION
from tests.cloud.thingnames import NAMES
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

LISTINGS = [
    row
    for row in actions.TABLE.values()
    if row.service == "ec2" and isinstance(row.does, Listing) and row.does.filters
]


@pytest.fixture(scope="module")
def owned(cloud: Cloud) -> Iterator[list[str]]:
    """What is told of a running guest and its surroundings, as far as it is nobody else's."""
    instance = cloud.run(
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": "secret", "Value": "project-x"}]}
        ]
    )
    address = cloud.ec2.allocate_address()
    association = cloud.ec2.associate_address(
        AllocationId=address["AllocationId"], InstanceId=instance
    )
    shown = cloud.instance(instance)
    interface = shown["NetworkInterfaces"][0]
    yield [
        instance,
        interface["NetworkInterfaceId"],
        interface["Attachment"]["AttachmentId"],
        interface["MacAddress"],
        shown["SubnetId"],
        shown["VpcId"],
        shown["SecurityGroups"][0]["GroupId"],
        address["AllocationId"],
        address["PublicIp"],
        association["AssociationId"],
        "project-x",
    ]
    cloud.terminate(instance)
    cloud.ec2.release_address(AllocationId=address["AllocationId"])


@pytest.fixture(scope="module")
def intruder(cloud: Cloud) -> Any:
    """A client of another account, which has a group and nothing else."""
    return cloud.client("ec2", cloud.account("intruder"))


@pytest.fixture(scope="module")
def as_intruder(intruder: Any) -> tuple[Any, dict[str, str]]:
    """The intruder, and what he has himself, by the kind of thing: he looks through his own."""
    (subnet, *_) = intruder.describe_subnets()["Subnets"]
    own = {"subnet": subnet["SubnetId"], "vpc": subnet["VpcId"]}
    return intruder, {**own, **plans.everything(intruder)}


def needed(row: Action, own: dict[str, str]) -> dict[str, Any]:
    """What a listing needs to be asked at all, the intruder's own as far as he has it."""
    sample = samples.request("ec2", row.name)
    regions = {name: REGION for name in sample if name.endswith("Region")}
    mine = {name: own[NAMES[name]] for name in sample if NAMES.get(name) in own}
    return {**sample, **regions, **mine}


@pytest.mark.parametrize("row", LISTINGS, ids=[row.name for row in LISTINGS])
def test_no_filter_finds_things_of_another(
    as_intruder: tuple[Any, dict[str, str]], cloud: Cloud, owned: list[str], row: Action
) -> None:
    assert isinstance(row.does, Listing)
    intruder, own = as_intruder
    found: list[str] = []
    for name in [*row.does.filters, "tag-value", "tag:secret"]:
        values = [*owned, cloud.access.account_id, "*"]
        request = {**needed(row, own), "Filters": [{"Name": name, "Values": values}]}
        try:
            answer = str(intruder._make_api_call(row.name, request))
        except ClientError as refused:
            answer = str(refused)
        found += [thing for thing in owned if re.search(rf"{re.escape(thing)}\b", answer)]
    assert found == []


def test_the_filters_would_find_the_owners_own(cloud: Cloud, owned: list[str]) -> None:
    wanted = [{"Name": "tag:secret", "Values": ["project-*"]}]
    assert owned[0] in str(cloud.ec2.describe_instances(Filters=wanted))


def test_a_rule_cannot_name_a_group_of_another(
    cloud: Cloud, owned: list[str], intruder: Any
) -> None:
    theirs = next(thing for thing in owned if thing.startswith("sg-"))
    mine = intruder.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    for pair in (
        {"GroupId": theirs},
        {"GroupId": theirs, "UserId": cloud.access.account_id},
        {"GroupName": "open", "UserId": cloud.access.account_id},
    ):
        permission = {"IpProtocol": "-1", "UserIdGroupPairs": [pair]}
        with pytest.raises(ClientError) as refused:
            intruder.authorize_security_group_ingress(GroupId=mine, IpPermissions=[permission])
        assert "NotFound" in str(refused.value) or "InvalidParameterValue" in str(refused.value)
    assert theirs not in str(intruder.describe_security_groups())


def test_a_guest_of_another_is_beyond_every_power(
    cloud: Cloud, owned: list[str], intruder: Any
) -> None:
    instance = owned[0]
    for action in ("stop", "start", "reboot", "terminate"):
        with pytest.raises(ClientError) as refused:
            getattr(intruder, f"{action}_instances")(InstanceIds=[instance])
        assert "InvalidInstanceID.NotFound" in str(refused.value)
    with pytest.raises(ClientError) as silent:
        intruder.get_console_output(InstanceId=instance)
    assert "InvalidInstanceID.NotFound" in str(silent.value)
    cloud.ssh(instance, "true")

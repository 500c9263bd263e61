"""Every row of EC2 fits the service model, and names what its requests are about."""

from typing import Any

import pytest

from mallee.aws import model
from mallee.cloud.action import Action, Listing
from mallee.cloud.call import Call, Principal
from mallee.cloud.ec2 import table
from mallee.cloud.state import store
from mallee.cloud.state.index import Index
from mallee.model.configuration.settings import Settings

EC2 = model.load("ec2")
ACCOUNT = "123456789012"
GENERIC = {"Filters", "MaxResults", "NextToken", "DryRun", "ClientToken"}


def row(name: str) -> Action:
    return next(action for action in table.ACTIONS if action.name == name)


def has(shape: model.Shape | None, path: str) -> bool:
    """Whether the shape has a member at a dotted path, through lists."""
    if shape is None:
        return False
    if shape.member is not None:
        return has(EC2.shape(shape.member.shape), path)
    name, _, rest = path.partition(".")
    member = shape.members.get(name)
    return member is not None and (not rest or has(EC2.shape(member.shape), rest))


@pytest.mark.parametrize("action", table.ACTIONS, ids=lambda action: action.name)
def test_what_a_row_honours_is_in_the_model(action: Action) -> None:
    operation = EC2.operations[action.name]
    unknown = [path for path in action.honours if not has(operation.input, path)]
    assert unknown == []


@pytest.mark.parametrize("action", table.ACTIONS, ids=lambda action: action.name)
def test_a_listing_fills_a_list_of_the_model(action: Action) -> None:
    if isinstance(action.does, Listing):
        assert has(EC2.operations[action.name].output, action.does.member)


@pytest.mark.parametrize("action", table.ACTIONS, ids=lambda action: action.name)
def test_required_parameters_are_honoured(action: Action) -> None:
    asked = EC2.operations[action.name].input
    required = set(asked.required) if asked else set[str]()
    honoured = {path.partition(".")[0] for path in action.honours}
    assert required - honoured - GENERIC == set()


@pytest.mark.parametrize(
    ("name", "request_", "about"),
    [
        ("StopInstances", {"InstanceIds": ["i-1", "i-2"]}, ["instance/i-1", "instance/i-2"]),
        ("CreateKeyPair", {"KeyName": "k"}, ["key-pair/*", "key-pair/k"]),
        ("CreateTags", {"Resources": ["vpc-1", "zz-1"]}, ["vpc/vpc-1"]),
        (
            "RunInstances",
            {
                "ImageId": "emi-1",
                "NetworkInterfaces": [{"SubnetId": "subnet-1", "Groups": ["sg-1"]}],
            },
            [
                "instance/*",
                "network-interface/*",
                "volume/*",
                "image/ami-1",
                "subnet/subnet-1",
                "security-group/sg-1",
            ],
        ),
        ("GetConsoleOutput", {"InstanceId": "i-1"}, ["instance/i-1"]),
        ("GetConsoleScreenshot", {"InstanceId": "i-1"}, ["instance/i-1"]),
    ],
)
def test_a_request_is_about_what_it_names(
    name: str, request_: dict[str, Any], about: list[str]
) -> None:
    found = find(name, request_)
    assert [arn.partition(":ec2:us-east-1:")[2].rpartition(":")[2] for arn in found] == about
    accounts = {arn.split(":")[4] for arn in found if ":image/" not in arn}
    assert accounts == {ACCOUNT}


def test_what_names_nothing_is_about_everything() -> None:
    assert find("DisassociateAddress", {"PublicIp": "203.0.113.9"}) == ("*",)
    assert row("DescribeInstances").resources is None


def find(name: str, request: dict[str, Any]) -> tuple[str, ...]:
    who = Principal(
        account=ACCOUNT,
        user_id="AIDA",
        user_name="admin",
        arn="",
        access_key_id="",
        is_cloud_admin=False,
    )
    call = Call(
        principal=who,
        action=name,
        request_id="",
        now=0.0,
        settings=Settings(),
        view=store.View(Index()),
    )
    resources = row(name).resources
    assert resources is not None
    return resources(call, request)

"""Block public access: an account's mode, its exclusions, and what hosts are told of subnets."""

from typing import Any

import pytest

from mallee.cloud.hosts.slices import slices
from mallee.model.network.carried import PublicAccess
from tests.cloud.ec2.asking import launch_one, refusal
from tests.cloud.ec2.vpc import nets
from tests.cloud.ec2.vpc.nets import Net
from tests.cloud.ec2.world import FakeHost, World

BOTH, INGRESS = "block-bidirectional", "block-ingress"


@pytest.fixture
def net(alice: Any) -> Net:
    return nets.make(alice)


def block(client: Any, mode: str) -> dict[str, Any]:
    asked = client.modify_vpc_block_public_access_options(InternetGatewayBlockMode=mode)
    return asked["VpcBlockPublicAccessOptions"]


def free(client: Any, mode: str, **what: str) -> str:
    made = client.create_vpc_block_public_access_exclusion(
        InternetGatewayExclusionMode=mode, **what
    )
    return made["VpcBlockPublicAccessExclusion"]["ExclusionId"]


def test_the_mode_is_the_accounts_own(alice: Any, bob: Any) -> None:
    before = alice.describe_vpc_block_public_access_options()["VpcBlockPublicAccessOptions"]
    assert (before["State"], before["InternetGatewayBlockMode"]) == ("default-state", "off")
    assert block(alice, BOTH)["State"] == "update-in-progress"
    after = alice.describe_vpc_block_public_access_options()["VpcBlockPublicAccessOptions"]
    assert (after["State"], after["InternetGatewayBlockMode"]) == ("update-complete", BOTH)
    assert after["ExclusionsAllowed"] == "allowed"
    other = bob.describe_vpc_block_public_access_options()["VpcBlockPublicAccessOptions"]
    assert other["InternetGatewayBlockMode"] == "off"


@pytest.mark.parametrize(
    ("mode", "exclusion", "told"),
    [
        ("off", None, PublicAccess.OPEN),
        (BOTH, None, PublicAccess.CLOSED),
        (INGRESS, None, PublicAccess.GATEWAYS),
        (BOTH, "allow-egress", PublicAccess.OUTWARD),
        (INGRESS, "allow-egress", PublicAccess.GATEWAYS),
        (BOTH, "allow-bidirectional", PublicAccess.OPEN),
        (INGRESS, "allow-bidirectional", PublicAccess.OPEN),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_hosts_are_told_how_far_a_subnet_may_speak(
    alice: Any,
    net: Net,
    world: World,
    host: FakeHost,
    mode: str,
    exclusion: str | None,
    told: PublicAccess,
    whole: bool,
) -> None:
    launch_one(alice, SubnetId=net.subnet)
    if exclusion is not None:
        free(alice, exclusion, **({"VpcId": net.vpc} if whole else {"SubnetId": net.subnet}))
    block(alice, mode)
    (vpc,) = slices.host_wanted(world.store.view, host.id, world.settings).vpcs
    assert [one.public_access for one in vpc.subnets] == [told]


def test_an_exclusion_is_changed_shown_and_ended(alice: Any, net: Net) -> None:
    id = free(alice, "allow-egress", SubnetId=net.subnet)
    assert id.startswith("vpcbpa-exclude-")
    (shown,) = alice.describe_vpc_block_public_access_exclusions(ExclusionIds=[id])[
        "VpcBlockPublicAccessExclusions"
    ]
    assert shown["State"] == "create-complete"
    assert shown["ResourceArn"].endswith(f":subnet/{net.subnet}")
    alice.modify_vpc_block_public_access_exclusion(
        ExclusionId=id, InternetGatewayExclusionMode="allow-bidirectional"
    )
    (shown,) = alice.describe_vpc_block_public_access_exclusions()["VpcBlockPublicAccessExclusions"]
    assert shown["InternetGatewayExclusionMode"] == "allow-bidirectional"
    gone = alice.delete_vpc_block_public_access_exclusion(ExclusionId=id)
    assert gone["VpcBlockPublicAccessExclusion"]["State"] == "delete-in-progress"
    code = refusal(alice.delete_vpc_block_public_access_exclusion, ExclusionId=id)
    assert code == "InvalidVpcBlockPublicAccessExclusionId.NotFound"


def test_an_exclusion_goes_with_what_it_frees(alice: Any, net: Net) -> None:
    free(alice, "allow-egress", SubnetId=net.subnet)
    alice.delete_subnet(SubnetId=net.subnet)
    assert not alice.describe_vpc_block_public_access_exclusions()["VpcBlockPublicAccessExclusions"]
    free(alice, "allow-egress", VpcId=net.vpc)
    alice.detach_internet_gateway(InternetGatewayId=net.gateway, VpcId=net.vpc)
    alice.delete_vpc(VpcId=net.vpc)
    assert not alice.describe_vpc_block_public_access_exclusions()["VpcBlockPublicAccessExclusions"]


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ({}, "InvalidParameterCombination"),
        ({"VpcId": "own", "SubnetId": "own"}, "InvalidParameterCombination"),
        ({"VpcId": "vpc-0123456789abcdef0"}, "InvalidVpcID.NotFound"),
        ({"SubnetId": "subnet-0123456789abcdef0"}, "InvalidSubnetID.NotFound"),
    ],
)
def test_an_exclusion_is_of_one_own_thing(
    alice: Any, net: Net, what: dict[str, str], code: str
) -> None:
    own = {"VpcId": net.vpc, "SubnetId": net.subnet}
    asked = {name: own[name] if value == "own" else value for name, value in what.items()}
    found = refusal(
        alice.create_vpc_block_public_access_exclusion,
        InternetGatewayExclusionMode="allow-egress",
        **asked,
    )
    assert found == code


def test_a_thing_has_one_exclusion(alice: Any, net: Net) -> None:
    free(alice, "allow-egress", VpcId=net.vpc)
    code = refusal(
        alice.create_vpc_block_public_access_exclusion,
        InternetGatewayExclusionMode="allow-bidirectional",
        VpcId=net.vpc,
    )
    assert code == "InvalidParameterValue"


@pytest.mark.parametrize("name", ["create", "modify"])
def test_a_mode_is_one_of_those_there_are(alice: Any, net: Net, name: str) -> None:
    what = {"VpcId": net.vpc}
    if name == "modify":
        what = {"ExclusionId": free(alice, "allow-egress", VpcId=net.vpc)}
    ask = getattr(alice, f"{name}_vpc_block_public_access_exclusion")
    assert refusal(ask, InternetGatewayExclusionMode="x", **what) == "InvalidParameterValue"
    code = refusal(alice.modify_vpc_block_public_access_options, InternetGatewayBlockMode="x")
    assert code == "InvalidParameterValue"

"""Interfaces that other accounts may give their elastic addresses, and no more."""

from typing import Any

import pytest

from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.vpc import nets
from tests.cloud.ec2.vpc.nets import Net


@pytest.fixture
def net(alice: Any) -> Net:
    return nets.make(alice)


@pytest.fixture
def nic(alice: Any, net: Net) -> str:
    made = alice.create_network_interface(SubnetId=net.subnet)
    return made["NetworkInterface"]["NetworkInterfaceId"]


def account_of(client: Any) -> str:
    return client.describe_vpcs()["Vpcs"][0]["OwnerId"]


def grant(client: Any, nic: str, to: Any) -> str:
    made = client.create_network_interface_permission(
        NetworkInterfaceId=nic, AwsAccountId=account_of(to), Permission="EIP-ASSOCIATE"
    )
    return made["InterfacePermission"]["NetworkInterfacePermissionId"]


def test_who_is_let_gives_the_interface_his_address(alice: Any, bob: Any, nic: str) -> None:
    allocation = bob.allocate_address()
    asked = {"AllocationId": allocation["AllocationId"], "NetworkInterfaceId": nic}
    assert refusal(bob.associate_address, **asked) == "InvalidNetworkInterfaceID.NotFound"
    id = grant(alice, nic, bob)
    assert grant(alice, nic, bob) == id
    association = bob.associate_address(**asked)["AssociationId"]
    (shown,) = alice.describe_network_interfaces(NetworkInterfaceIds=[nic])["NetworkInterfaces"]
    assert shown["Association"]["PublicIp"] == allocation["PublicIp"]
    assert shown["Association"]["IpOwnerId"] == account_of(bob)
    bob.disassociate_address(AssociationId=association)
    alice.delete_network_interface_permission(NetworkInterfacePermissionId=id)
    assert refusal(bob.associate_address, **asked) == "InvalidNetworkInterfaceID.NotFound"


def test_he_takes_no_address_of_its_owners_from_it(alice: Any, bob: Any, nic: str) -> None:
    grant(alice, nic, bob)
    own = alice.allocate_address()["AllocationId"]
    alice.associate_address(AllocationId=own, NetworkInterfaceId=nic)
    strange = bob.allocate_address()["AllocationId"]
    code = refusal(bob.associate_address, AllocationId=strange, NetworkInterfaceId=nic)
    assert code == "Resource.AlreadyAssociated"


def test_he_may_nothing_else_with_it(alice: Any, bob: Any, nic: str) -> None:
    grant(alice, nic, bob)
    gone = "InvalidNetworkInterfaceID.NotFound"
    assert refusal(bob.delete_network_interface, NetworkInterfaceId=nic) == gone
    assert refusal(bob.describe_network_interfaces, NetworkInterfaceIds=[nic]) == gone
    assert bob.describe_network_interface_permissions()["NetworkInterfacePermissions"] == []


def test_permissions_are_shown_to_the_interfaces_owner(alice: Any, bob: Any, nic: str) -> None:
    id = grant(alice, nic, bob)
    filters = nets.where("network-interface-permission.aws-account-id", account_of(bob))
    (shown,) = alice.describe_network_interface_permissions(Filters=filters)[
        "NetworkInterfacePermissions"
    ]
    assert (shown["NetworkInterfacePermissionId"], shown["NetworkInterfaceId"]) == (id, nic)
    assert shown["PermissionState"]["State"] == "granted"
    code = refusal(bob.delete_network_interface_permission, NetworkInterfacePermissionId=id)
    assert code == "InvalidPermissionID.NotFound"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Permission": "INSTANCE-ATTACH"}, "UnsupportedOperation"),
        ({"AwsAccountId": "1"}, "InvalidParameterValue"),
        ({"AwsService": "x"}, "UnsupportedOperation"),
        ({"NetworkInterfaceId": "eni-0123456789abcdef0"}, "InvalidNetworkInterfaceID.NotFound"),
    ],
)
def test_what_means_nothing_is_refused(
    alice: Any, bob: Any, nic: str, change: dict[str, str], code: str
) -> None:
    asked = {
        "NetworkInterfaceId": nic,
        "AwsAccountId": account_of(bob),
        "Permission": "EIP-ASSOCIATE",
        **change,
    }
    assert refusal(alice.create_network_interface_permission, **asked) == code

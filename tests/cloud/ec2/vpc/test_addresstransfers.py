"""Elastic addresses go from one account to another when both want it."""

from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.ec2.vpc.addresses import addresstransfers
from mallee.cloud.reconcile import networks
from mallee.cloud.state import records
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.vpc import nets
from tests.cloud.ec2.world import World


@pytest.fixture
def mine(alice: Any) -> dict[str, str]:
    return alice.allocate_address()


def offer(client: Any, world: World, mine: dict[str, str]) -> dict[str, Any]:
    bob = world.accounts["bob"]
    made = client.enable_address_transfer(AllocationId=mine["AllocationId"], TransferAccountId=bob)
    return made["AddressTransfer"]


def test_an_address_changes_hands(alice: Any, bob: Any, world: World, mine: Any) -> None:
    accept = bob.accept_address_transfer
    assert refusal(accept, Address=mine["PublicIp"]) == "InvalidTransfer.NotFound"
    assert offer(alice, world, mine)["AddressTransferStatus"] == "pending"
    (shown,) = alice.describe_address_transfers()["AddressTransfers"]
    assert shown["TransferAccountId"] == world.accounts["bob"]
    code = refusal(alice.accept_address_transfer, Address=mine["PublicIp"])
    assert code == "InvalidTransfer.NotFound"
    tags = [{"ResourceType": "elastic-ip", "Tags": [{"Key": "from", "Value": "alice"}]}]
    taken = accept(Address=mine["PublicIp"], TagSpecifications=tags)["AddressTransfer"]
    assert taken["AddressTransferStatus"] == "accepted"
    assert alice.describe_addresses()["Addresses"] == []
    (given,) = alice.describe_address_transfers()["AddressTransfers"]
    assert (given["AddressTransferStatus"], given["AllocationId"]) == (
        "accepted",
        mine["AllocationId"],
    )
    assert given["TransferOfferAcceptedTimestamp"]
    assert bob.describe_address_transfers()["AddressTransfers"] == []

    def age(tx: Any) -> None:
        record = tx.get(records.HANDOVER, mine["AllocationId"])
        long_ago = tx.now - addresstransfers.SHOWN_S
        tx.write(record, replace(record.doc, accepted_at=long_ago))

    world.store.transact(age)
    assert alice.describe_address_transfers()["AddressTransfers"] == []
    assert world.store.transact(networks.sweep) == 1
    (now,) = bob.describe_addresses()["Addresses"]
    assert (now["PublicIp"], now["AllocationId"]) == (mine["PublicIp"], taken["AllocationId"])
    assert now["Tags"] == tags[0]["Tags"]
    bob.release_address(AllocationId=taken["AllocationId"])
    assert alice.allocate_address(Address=mine["PublicIp"])


def test_an_offer_is_taken_back_or_ends(alice: Any, bob: Any, world: World, mine: Any) -> None:
    offer(alice, world, mine)
    alice.disable_address_transfer(AllocationId=mine["AllocationId"])
    accept = bob.accept_address_transfer
    assert refusal(accept, Address=mine["PublicIp"]) == "InvalidTransfer.NotFound"
    offer(alice, world, mine)

    def age(tx: Any) -> None:
        record = tx.get(records.ADDRESS, mine["AllocationId"])
        ended = replace(record.doc.transfer, expires_at=tx.now)
        tx.write(record, replace(record.doc, transfer=ended))

    world.store.transact(age)
    assert refusal(accept, Address=mine["PublicIp"]) == "InvalidTransfer.NotFound"
    assert alice.describe_address_transfers()["AddressTransfers"] == []
    code = refusal(alice.disable_address_transfer, AllocationId=mine["AllocationId"])
    assert code == "InvalidTransfer.NotFound"


def test_an_address_in_use_stays(alice: Any, bob: Any, world: World, mine: Any) -> None:
    net = nets.make(alice)
    nic = alice.create_network_interface(SubnetId=net.subnet)["NetworkInterface"]
    offer(alice, world, mine)
    alice.associate_address(
        AllocationId=mine["AllocationId"], NetworkInterfaceId=nic["NetworkInterfaceId"]
    )
    code = refusal(bob.accept_address_transfer, Address=mine["PublicIp"])
    assert code == "InvalidTransfer.NotFound"


@pytest.mark.parametrize("account", ["1", "somebody", "1234567890123"])
def test_an_offer_is_to_an_account(alice: Any, mine: Any, account: str) -> None:
    code = refusal(
        alice.enable_address_transfer,
        AllocationId=mine["AllocationId"],
        TransferAccountId=account,
    )
    assert code == "InvalidParameterValue"


def test_nothing_is_left_of_classic(alice: Any) -> None:
    (link,) = alice.describe_vpc_classic_link()["Vpcs"]
    assert not link["ClassicLinkEnabled"]
    (names,) = alice.describe_vpc_classic_link_dns_support()["Vpcs"]
    assert not names["ClassicLinkDnsSupported"]
    assert alice.describe_moving_addresses()["MovingAddressStatuses"] == []
    code = refusal(alice.enable_vpc_classic_link, VpcId=link["VpcId"])
    assert code == "UnsupportedOperation"


def test_no_address_has_a_reverse_name(alice: Any, mine: Any) -> None:
    (shown,) = alice.describe_addresses_attribute(Attribute="domain-name")["Addresses"]
    assert shown == {"PublicIp": mine["PublicIp"], "AllocationId": mine["AllocationId"]}
    reset = {"AllocationId": mine["AllocationId"], "Attribute": "domain-name"}
    assert alice.reset_address_attribute(**reset)["Address"]["PublicIp"] == mine["PublicIp"]
    code = refusal(
        alice.modify_address_attribute, AllocationId=mine["AllocationId"], DomainName="a.example"
    )
    assert code == "UnsupportedOperation"

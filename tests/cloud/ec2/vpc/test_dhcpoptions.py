"""DHCP option sets: made once, exchanged, deleted when no VPC has them."""

from typing import Any

import pytest

from mallee.cloud.ec2.vpc import dhcpoptions
from tests.cloud.ec2.asking import refusal


def options(**values: list[str]) -> list[dict[str, Any]]:
    return [{"Key": name.replace("_", "-"), "Values": given} for name, given in values.items()]


def test_a_vpc_gets_another_set_or_none(alice: Any) -> None:
    vpc = alice.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]
    made = alice.create_dhcp_options(
        DhcpConfigurations=options(domain_name=["example.org"], ntp_servers=["192.0.2.1"])
    )["DhcpOptions"]
    id = made["DhcpOptionsId"]
    alice.associate_dhcp_options(DhcpOptionsId=id, VpcId=vpc["VpcId"])
    assert refusal(alice.delete_dhcp_options, DhcpOptionsId=id) == "DependencyViolation"
    alice.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc["VpcId"])
    (shown,) = alice.describe_vpcs(VpcIds=[vpc["VpcId"]])["Vpcs"]
    assert shown["DhcpOptionsId"] == "default"
    alice.delete_dhcp_options(DhcpOptionsId=id)
    code = refusal(alice.describe_dhcp_options, DhcpOptionsIds=[id])
    assert code == "InvalidDhcpOptionID.NotFound"


@pytest.mark.parametrize(
    "given",
    [
        options(nonsense=["x"]),
        options(domain_name=["not a name"]),
        options(ntp_servers=["here"]),
        options(ntp_servers=["fe80::1%eth0"]),
        options(domain_name_servers=["192.0.2.1", "AmazonProvidedDNS"]),
        options(domain_name_servers=[f"192.0.2.{n}" for n in range(5)]),
        options(netbios_node_type=["3"]),
        options(netbios_name_servers=["fd00::1"]),
        options(domain_name=[]),
        options(domain_name=[f"{'a' * 20}.example.org"] * 8),
    ],
)
def test_what_makes_no_sense_is_refused(alice: Any, given: list[dict[str, Any]]) -> None:
    code = refusal(alice.create_dhcp_options, DhcpConfigurations=given)
    assert code == "InvalidParameterValue"


def test_an_account_has_only_so_many(alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (default,) = alice.describe_dhcp_options()["DhcpOptions"]
    monkeypatch.setattr(dhcpoptions, "MAX_PER_ACCOUNT", 2)
    given = options(domain_name=["example.org"])
    made = alice.create_dhcp_options(DhcpConfigurations=given)["DhcpOptions"]
    code = refusal(alice.create_dhcp_options, DhcpConfigurations=given)
    assert code == "DhcpOptionsLimitExceeded"
    assert made["DhcpOptionsId"] != default["DhcpOptionsId"]
    alice.delete_dhcp_options(DhcpOptionsId=made["DhcpOptionsId"])
    alice.create_dhcp_options(DhcpConfigurations=given)

"""`mallee networks`: which security group has which addresses and VLAN in a classic mode."""

from mallee.cli import client, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout


def list_networks(*, root: Root = DEFAULT) -> None:
    """List the networks of security groups in a classic network mode, and how full each is."""
    found = client.call(Layout(root), "mallee", "ListAddressBlocks")
    if found["NetworkMode"] == "vpc":
        words.tell("network.mode is vpc: each account has VPCs of its own (aws ec2 describe-vpcs)")
        return
    blocks = found["AddressBlocks"]
    words.table(
        ("network", "vlan", "gateway", "account", "security group", "used", "of"),
        [
            (
                one["Cidr"],
                str(one.get("Vlan") or "-"),
                one.get("Gateway") or "-",
                one.get("AccountId") or "-",
                " ".join((one.get("GroupId", "-"), one.get("GroupName", ""))).strip(),
                str(one["Used"]),
                str(one["Usable"]),
            )
            for one in blocks
        ],
    )
    count = f"{len(blocks):,} of {found['Total']:,}"
    words.tell(f"network.mode is {found['NetworkMode']}: {count} in use")

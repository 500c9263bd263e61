"""`mallee ipam`: the tree of pools, what is in use, and whom a pool is shared with."""

import json
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.cloud.ec2.ipam import plans
from tests.cloud.ec2.ipam.plans import Plan
from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender


@pytest.fixture(scope="module")
def plan(cloud: RunningCloud) -> Plan:
    return plans.make(cloud.client("ec2"), "10.0.0.0/8", Description="campus")


@pytest.fixture(scope="module")
def physics(cloud: RunningCloud) -> dict[str, str]:
    made = Sender(cloud.port, cloud.admin).ask("mallee", "CreateAccount", AccountName="physics")
    return {
        "account_id": made.element("AccountId"),
        "access_key_id": made.element("AccessKeyId"),
        "secret_access_key": made.element("SecretAccessKey"),
    }


@pytest.fixture(scope="module")
def shared(cloud: RunningCloud, plan: Plan, physics: dict[str, str]) -> str:
    ec2 = cloud.client("ec2")
    pool = plans.pool(ec2, plan.private, SourceIpamPoolId=plan.pool)
    ec2.provision_ipam_pool_cidr(IpamPoolId=pool, Cidr="10.32.0.0/12")
    return pool


def test_a_pool_is_handed_out_and_the_tree_shows_who_has_what(
    run: Run, cloud: RunningCloud, plan: Plan, shared: str, physics: dict[str, str]
) -> None:
    said = run("ipam", "share", shared, "physics")
    assert said.out.split() == [physics["account_id"]], said.err
    tenant: Any = cloud.client("ec2", physics)
    vpc = tenant.create_vpc(Ipv4IpamPoolId=shared, Ipv4NetmaskLength=16)["Vpc"]["VpcId"]
    lines = run("ipam", "tree").out.splitlines()
    assert lines[0] == f"{plan.pool} campus: 10.0.0.0/8, 6% given out"
    assert lines[1] == f"  {shared}: 10.32.0.0/12, 6% given out"
    assert lines[2] == f"    10.32.0.0/16       {vpc} of {physics['account_id']}"
    told = json.loads(run("ipam", "tree", shared, "--as-json").out)
    assert told[0]["holds"][0]["by"] == vpc
    used = [line.split("\t") for line in run("ipam", "used").out.splitlines()]
    (own,) = [row for row in used if row[1] == vpc]
    assert own == [
        "10.32.0.0/16",
        vpc,
        physics["account_id"],
        "0%",
        shared,
        "compliant",
        "nonoverlapping",
    ]


def test_what_is_no_pool_is_refused(run: Run) -> None:
    said = run("ipam", "share", "ipam-pool-0123456789abcdef0", "--everybody")
    assert said.status == 1
    assert "NoSuchResource" in said.err

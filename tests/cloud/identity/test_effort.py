"""Policies that are written to hurt hurt their own account, and nobody else."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from mallee.cloud.identity import authorize, effort, rights
from mallee.cloud.state import records, store
from mallee.model.identity.identities import Policy, PolicyVersion
from tests.cloud.alice import Alice, allow, deny, text
from tests.cloud.signing import Sender

PATTERNS = 190
"""As many as a policy may have with five wildcards each."""


def bomb() -> dict[str, Any]:
    """A statement that is slow to compare with a long value."""
    patterns = [f"*{number:x}?*a?*~~" for number in range(PATTERNS)]
    return deny("*", Condition={"StringLike": {"aws:UserAgent": patterns}})


def test_what_is_quick_is_not_counted() -> None:
    spent = effort.Effort()
    for _ in range(100_000):
        spent.spend("1", effort.COUNTED_S_MIN / 2, 0.0)
    assert spent.debts == {}


def test_an_account_waits_until_its_share_made_it_good() -> None:
    spent = effort.Effort()
    spent.spend("1", effort.BURST_S_MAX + 1.0, 100.0)
    assert not spent.may_begin("1", 100.0)
    assert spent.may_begin("2", 100.0)
    almost = 100.0 + 1.0 / effort.SHARE_MAX
    assert not spent.may_begin("1", almost - 0.01)
    assert spent.may_begin("1", almost + 0.01)
    assert spent.may_begin("1", 1_000.0)
    assert spent.debts == {}


def test_a_clock_that_is_set_back_gives_nothing() -> None:
    spent = effort.Effort()
    spent.spend("1", effort.BURST_S_MAX + 1.0, 100.0)
    assert not spent.may_begin("1", 50.0)


def test_who_keeps_all_waiting_waits_himself(alice: Alice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effort, "COUNTED_S_MIN", 0.0)
    monkeypatch.setattr(effort, "BURST_S_MAX", 0.0)
    # Nothing is made good, however long the next request takes to come.
    monkeypatch.setattr(effort, "SHARE_MAX", 0.0)
    alice.may(allow("*"), bomb())
    assert alice.error("DescribeRegions") == {}
    assert alice.asks("DescribeRegions") == "RequestLimitExceeded"
    admin = alice.cloud.client("ec2")
    assert admin.describe_regions()["Regions"], "the administrator can always put it right"
    monkeypatch.undo()
    alice.may(allow("*"))
    assert alice.asks("DescribeRegions") == ""


def test_policies_with_too_many_wildcards_together_allow_nothing(alice: Alice) -> None:
    few = rights.WILDCARDS_MAX // (PATTERNS * 5)
    _attach(alice, few)
    assert alice.asks("DescribeRegions") == ""
    _attach(alice, few + 1)
    message = alice.error("DescribeRegions")["Message"]
    encoded = message.rpartition("message: ")[2]
    sts = alice.cloud.client("sts")
    told = sts.decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"]
    assert f"more than {rights.WILDCARDS_MAX} wildcards" in told


def _attach(alice: Alice, count: int) -> None:
    """Give her so many managed bombs, and the right to everything."""
    account = alice.key["account_id"]
    arns = [f"arn:aws:iam::{account}:policy/bomb-{number}" for number in range(count)]

    def write(tx: store.Tx) -> None:
        for arn in arns:
            if not tx.by(records.POLICY, "arn", arn):
                version = PolicyVersion(id="v1", document=text(bomb()), created_at=0.0)
                id = f"ANPA{arn[-8:]}"
                made = Policy(
                    id=id, arn=arn, name=id, created_at=0.0, updated_at=0.0, versions=(version,)
                )
                tx.insert(records.POLICY, account, id, made)

    alice.cloud.store.transact(write)
    alice.may(allow("*"), attached=tuple(arns))


def test_a_request_about_too_much_ends(alice: Alice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorize, "REQUEST_S_MAX", 0.0)
    alice.may(allow("*"))
    ids = [f"i-{number:017x}" for number in range(50)]
    assert alice.asks("StopInstances", {"InstanceIds": ids}) == "RequestLimitExceeded"


def test_no_policy_is_asked_about_what_is_too_long(alice: Alice) -> None:
    long = "a" * 5000
    alice.may(allow("*"))
    assert alice.asks("StopInstances", {"InstanceIds": [long]}) == "UnauthorizedOperation"
    asking = {"StringNotLike": {"aws:RequestTag/x": "b*"}}
    alice.may(allow("*", Condition=asking))
    tags = [{"Key": "x", "Value": long}]
    asked = {"Resources": ["i-0123456789abcdef0"], "Tags": tags}
    assert alice.asks("CreateTags", asked) == "UnauthorizedOperation"


def _simulate(alice: Alice, *policies: str) -> str:
    """Let the administrator ask what these policies would do; return the code of the error."""
    asked = {"PolicyInputList": [*policies], "ActionNames": ["ec2:RunInstances"]}
    try:
        alice.cloud.client("iam").simulate_custom_policy(**asked)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return ""


def test_simulations_and_explanations_are_counted_whoever_asks(
    alice: Alice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effort, "COUNTED_S_MIN", 0.0)
    assert _simulate(alice, text(allow("*"))) == ""
    monkeypatch.setattr(effort, "BURST_S_MAX", 0.0)
    monkeypatch.setattr(effort, "SHARE_MAX", 0.0)
    assert _simulate(alice, text(allow("*"))) == "Throttling"
    who = f"arn:aws:iam::{alice.cloud.admin['account_id']}:user/staff/alice"
    asked = {"PrincipalArn": who, "ActionName": "ec2:RunInstances"}
    explain = Sender(alice.cloud.port, alice.cloud.admin)
    assert explain.ask("mallee", "ExplainAccess", **asked).code == "Throttling"
    iam = alice.cloud.client("iam")
    with pytest.raises(ClientError, match="Throttling"):
        iam.list_policies_granting_service_access(Arn=who, ServiceNamespaces=["ec2"])
    with pytest.raises(ClientError, match="Throttling"):
        iam.get_account_authorization_details()
    assert iam.list_users()["Users"], "what weighs nothing goes on"
    monkeypatch.undo()
    assert _simulate(alice, text(allow("*"))) == ""


def test_policies_of_a_simulation_have_few_wildcards_together(
    alice: Alice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rights, "WILDCARDS_MAX", 6)
    assert _simulate(alice, *[text(allow("ec2:R*"))] * 3) == ""
    assert _simulate(alice, *[text(allow("ec2:R*s*"))] * 3) == "PolicyEvaluation"

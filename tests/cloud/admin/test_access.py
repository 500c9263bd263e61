"""ExplainAccess tells what the asker may know, and answers whatever it is asked."""

from functools import partial

import pytest

from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender
from tests.cloud.sts.people import People
from tests.wholecloud import wait_until


@pytest.fixture
def people(cloud: RunningCloud) -> People:
    return People(cloud)


def test_trust_policies_of_other_accounts_are_not_shown(people: People) -> None:
    own, theirs = people.account(), people.account()
    ann = people.user(of=own)
    secret = {"StringNotEquals": {"sts:ExternalId": "their secret"}}
    trust = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Condition": secret}
    asked = {"PrincipalArn": ann.arn, "ActionName": "sts:AssumeRole"}
    for account, is_shown in ((theirs, False), (own, True)):
        asked["ResourceArn"] = people.role(trust, of=account)
        answer = Sender(people.cloud.port, own).ask("mallee", "ExplainAccess", **asked)
        assert answer.element("Verdict") == "explicitDeny"
        assert ("their secret" in answer.text) is is_shown


def test_what_is_too_long_is_refused(people: People) -> None:
    own = people.account()
    arn = f"arn:aws:ec2:us-east-1:{own['account_id']}:instance/{'x' * 1500}"
    asked = {"PrincipalArn": people.user(of=own).arn, "ResourceArn": arn}
    sender = Sender(people.cloud.port, own)
    answer = sender.ask("mallee", "ExplainAccess", ActionName="ec2:StopInstances", **asked)
    assert answer.code == "InvalidInput"


def test_calls_of_others_tell_no_policies_of_theirs(people: People) -> None:
    own, theirs = people.account(), people.account()
    role = people.role({"Principal": {"AWS": theirs["account_id"]}}, of=own)
    guest = people.user({"Action": "sts:AssumeRole", "Sid": "TheirSecret"}, of=theirs)
    people.assume(role, guest)
    told: list[str] = []

    def is_told(sender: Sender) -> bool:
        told[:] = [sender.ask("mallee", "LookupCalls", ActionName="sts:AssumeRole").text]
        return role in told[0]

    for asker, tells in ((own, False), (theirs, True), (people.cloud.admin, True)):
        wait_until(partial(is_told, Sender(people.cloud.port, asker)), 60.0, "the trail")
        assert ("TheirSecret" in told[0]) is tells

"""`mallee audit` and `mallee access`: who did what, why he could, and that the answer is true."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import botocore.exceptions
import pytest

from mallee.cli import main
from mallee.kit.chain import recovery
from tests.cloud.running import RunningCloud, fresh
from tests.cloud.signing import Sender

ClientError = botocore.exceptions.ClientError
LOOK = {"Sid": "Look", "Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}
NO_KEYS = {"Sid": "NoKeys", "Effect": "Deny", "Action": "ec2:DescribeKeyPairs", "Resource": "*"}


@pytest.fixture(scope="module")
def cloud() -> Iterator[RunningCloud]:
    with fresh() as running:
        yield running


@pytest.fixture(scope="module")
def ann(cloud: RunningCloud) -> dict[str, str]:
    """A user who may look at everything but key pairs."""
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    document = {"Version": "2012-10-17", "Statement": [LOOK, NO_KEYS]}
    iam.put_user_policy(UserName="ann", PolicyName="looking", PolicyDocument=json.dumps(document))
    made = iam.create_access_key(UserName="ann")["AccessKey"]
    return {
        "access_key_id": made["AccessKeyId"],
        "secret_access_key": made["SecretAccessKey"],
    }


class Mallee:
    """The command, run in this process."""

    def __init__(self, cloud: RunningCloud, capsys: pytest.CaptureFixture[str]) -> None:
        self._root = str(cloud.layout.root)
        self._capsys = capsys

    def run(self, *words: str) -> tuple[int, str]:
        """Return the exit status, and what it says: its trouble where it failed."""
        self._capsys.readouterr()
        try:
            ended = main.run([*words, "--root", self._root])
        except SystemExit as end:
            ended = end.code if isinstance(end.code, int) else 1
        said = self._capsys.readouterr()
        return ended, said.err if ended else said.out

    def __call__(self, *words: str, status: int = 0) -> str:
        ended, said = self.run(*words)
        assert ended == status, said
        return said


@pytest.fixture
def mallee(cloud: RunningCloud, capsys: pytest.CaptureFixture[str]) -> Mallee:
    return Mallee(cloud, capsys)


def refused(cloud: RunningCloud, who: dict[str, str], action: str, **request: Any) -> str:
    """Ask for what is refused; return the request's id."""
    with pytest.raises(ClientError) as error:
        getattr(cloud.client("ec2", who), action)(**request)
    return error.value.response["ResponseMetadata"]["RequestId"]


def explained(mallee: Mallee, id: str) -> str:
    """What is said about a request; one that only looked is in the trail a moment later."""
    deadline = time.monotonic() + 120
    while True:
        status, said = mallee.run("access", "explain", id)
        if status == 0:
            return said
        assert "knows no request" in said
        assert time.monotonic() < deadline


def test_a_denial_is_explained_by_its_statement(
    cloud: RunningCloud, ann: dict[str, str], mallee: Mallee
) -> None:
    said = explained(mallee, refused(cloud, ann, "describe_key_pairs"))
    assert "user/ann" in said
    assert "refused, because the caller may not" in said
    assert (
        "ec2:DescribeKeyPairs: denied by statement 2 (NoKeys) of the identity-based policy looking"
    ) in said
    assert "Encoded" not in said


def test_what_nobody_allowed_is_explained_by_what_is_missing(
    cloud: RunningCloud, ann: dict[str, str], mallee: Mallee
) -> None:
    said = explained(mallee, refused(cloud, ann, "create_key_pair", KeyName="mine"))
    assert "not allowed, no identity-based policy allows it" in said
    assert '{"KeyName":"mine"}' in said


def test_an_allowance_is_explained_by_its_statement(
    cloud: RunningCloud, ann: dict[str, str], mallee: Mallee
) -> None:
    answer = cloud.client("ec2", ann).describe_vpcs()
    said = explained(mallee, answer["ResponseMetadata"]["RequestId"])
    assert "why:      the caller may\n" in said
    assert "allowed by statement 1 (Look) of the identity-based policy looking" in said


def test_an_administrator_needs_no_statement(cloud: RunningCloud, mallee: Mallee) -> None:
    answer = cloud.client("ec2").describe_vpcs()
    said = explained(mallee, answer["ResponseMetadata"]["RequestId"])
    assert "his account's administrator" in said


def test_what_would_be_decided_now_is_explained(
    cloud: RunningCloud, ann: dict[str, str], mallee: Mallee
) -> None:
    arn = f"arn:aws:iam::{cloud.admin['account_id']}:user/ann"
    who = ("access", "explain", "--principal", arn, "--action")
    said = mallee(*who, "ec2:DescribeKeyPairs")
    assert "denied by statement 2 (NoKeys)" in said
    assert "decides: Deny in statement 2 (NoKeys) of the identity-based policy looking" in said
    assert "matches: Allow in statement 1 (Look)" in said
    assert '"Action":["ec2:Describe*"]' in said
    assert "allowed by statement 1 (Look)" in mallee(*who, "ec2:DescribeVpcs")
    assert "no identity-based policy allows it" in mallee(*who, "iam:CreateUser")


def test_a_role_is_explained_as_who_assumes_it(cloud: RunningCloud, mallee: Mallee) -> None:
    account = cloud.admin["account_id"]
    trust = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "sts:AssumeRole",
        },
    }
    iam = cloud.client("iam")
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(
        RoleName="reader",
        PolicyName="reading",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": LOOK}),
    )
    who = ("access", "explain", "--principal", f"arn:aws:iam::{account}:role/reader", "--action")
    assert "allowed by statement 1 (Look)" in mallee(*who, "ec2:DescribeVpcs")
    assert "no identity-based policy allows it" in mallee(*who, "ec2:RunInstances")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (("explain",), "nothing to explain"),
        (("explain", "i-1"), "not the id of a request"),
        (("explain", "0" * 8 + "-0000-4000-8000-" + "0" * 12), "knows no request"),
        (("explain", "--principal", "ann", "--action", "ec2:RunInstances"), "InvalidInput"),
        (
            ("explain", "--principal", "arn:aws:iam::123456789012:user/x", "--action", "ec2:A"),
            "NoSuchEntity",
        ),
    ],
)
def test_what_cannot_be_explained_is_said(
    mallee: Mallee, wrong: tuple[str, ...], says: str
) -> None:
    assert says in mallee("access", *wrong, status=1)


def test_the_list_is_narrowed(cloud: RunningCloud, ann: dict[str, str], mallee: Mallee) -> None:
    id = refused(cloud, ann, "describe_key_pairs")
    explained(mallee, id)
    rows = mallee("audit", "list", "--user", "ann", "--refused", "--action", "DescribeKeyPairs")
    assert rows.splitlines()[0].endswith(f"ec2:DescribeKeyPairs\tUnauthorizedOperation\t{id}")
    changes = mallee("audit", "list", "--changes", "--since", "1h")
    assert "iam:CreateUser" in changes
    assert "Describe" not in changes
    told = json.loads(mallee("audit", "list", "--as-json", "--limit", "1"))
    assert told["Decisions"] == [] or told["Decisions"][0]["Permission"]
    assert mallee("audit", "list", "--account", "123456789012") == ""
    assert "is no time" in mallee("audit", "list", "--since", "noon", status=1)


def test_a_whole_trail_is_proved_while_it_is_written(
    cloud: RunningCloud, ann: dict[str, str], mallee: Mallee
) -> None:
    said = mallee("audit", "verify")
    place = said.splitlines()[-1]
    assert re.fullmatch(r"whole: lines 1 to \d+ in 1 files", said.splitlines()[0])
    cloud.client("ec2").create_key_pair(KeyName="later")
    assert "whole" in mallee("audit", "verify", "--through", place)
    cloud.restart()
    assert "whole" in mallee("audit", "verify", "--through", place)
    assert "no place" in mallee("audit", "verify", "--through", "yesterday", status=1)


def test_a_changed_trail_is_found(cloud: RunningCloud, ann: dict[str, str], mallee: Mallee) -> None:
    place = mallee("audit", "verify").splitlines()[-1]
    files = sorted(cloud.layout.trail.glob("*.jsonl"))
    whole = files[0].read_bytes()
    lines = whole.splitlines(keepends=True)
    files[0].write_bytes(
        whole.replace(b'"iam","action":"CreateUser"', b'"iam","action":"DeleteUser"')
    )
    assert "is not what was written" in mallee("audit", "verify", status=1)
    files[0].write_bytes(b"".join(lines[:2] + lines[3:]))
    assert "is not what was written" in mallee("audit", "verify", status=1)
    files[0].write_bytes(b"".join(lines[:-1]))
    (cloud.layout.trail / recovery.HEAD).unlink()
    assert mallee("audit", "verify")
    assert "is not what was written" in mallee("audit", "verify", "--through", place, status=1)
    files[0].write_bytes(whole)


def test_who_is_not_the_clouds_administrator_sees_his_own_account_alone(
    cloud: RunningCloud, ann: dict[str, str]
) -> None:
    made = Sender(cloud.port, cloud.admin).ask("mallee", "CreateAccount", AccountName="tenant")
    tenant = Sender(
        cloud.port,
        {
            "access_key_id": made.element("AccessKeyId"),
            "secret_access_key": made.element("SecretAccessKey"),
        },
    )
    cloud.client("ec2").create_key_pair(KeyName="not-theirs")
    told = tenant.ask("mallee", "LookupCalls")
    assert told.status == 200, told.text
    assert cloud.admin["account_id"] not in told.text
    other = tenant.ask("mallee", "LookupCalls", AccountId=cloud.admin["account_id"])
    assert other.code == "AccessDenied"
    arn = f"arn:aws:iam::{cloud.admin['account_id']}:user/ann"
    asked = {"PrincipalArn": arn, "ActionName": "ec2:RunInstances"}
    assert tenant.ask("mallee", "ExplainAccess", **asked).code == "NoSuchEntity"
    plain = Sender(cloud.port, ann)
    assert plain.ask("mallee", "LookupCalls").code == "AccessDenied"
    assert plain.ask("mallee", "ExplainAccess", **asked).code == "AccessDenied"


def test_what_an_accounts_setting_gives_is_explained(
    cloud: RunningCloud, ann: dict[str, str], mallee: Mallee
) -> None:
    iam = cloud.client("iam")
    iam.update_account_password_policy(AllowUsersToChangePassword=True)
    iam.create_login_profile(UserName="ann", Password="Correct horse 1!")
    answer = cloud.client("iam", ann).change_password(
        OldPassword="Correct horse 1!", NewPassword="Another horse 2!"
    )
    said = mallee("access", "explain", answer["ResponseMetadata"]["RequestId"])
    assert "allows it, but a setting of the account does" in said
    assert "horse" not in said


def test_the_calls_of_an_account_are_found_by_its_name(
    cloud: RunningCloud, ann: dict[str, str], mallee: Mallee
) -> None:
    explained(mallee, refused(cloud, ann, "describe_key_pairs"))
    words = ("audit", "list", "--action", "DescribeKeyPairs", "--account")
    assert mallee(*words, "admin") == mallee(*words, cloud.admin["account_id"]) != ""
    assert mallee(*words, "123456789012") == ""
    assert "NoSuchEntity" in mallee(*words, "nope", status=1)

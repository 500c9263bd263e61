"""Users get temporary credentials of their own, which reach no further than AWS's would."""

import base64
import datetime
from typing import Any

import pytest

from mallee.aws.signature import check
from mallee.kit import totp
from tests.cloud.signing import Sender
from tests.cloud.sts.people import Key, People, policy, refused

DESCRIBE = {"Action": "ec2:DescribeInstances"}
EVERYTHING = {"Action": "*"}


def session(people: People, key: dict[str, str] | None = None, **more: Any) -> Any:
    return people.client("sts", key).get_session_token(**more)["Credentials"]


def federated(people: People, key: dict[str, str] | None, name: str = "bob", **more: Any) -> Any:
    asked = {"Name": name, **more}
    return people.client("sts", key).get_federation_token(**asked)["Credentials"]


def with_device(people: People, key: Key) -> tuple[str, str]:
    """Give the user a device; return its serial number and a code of it not used yet."""
    iam = people.client("iam")
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=key["name"])["VirtualMFADevice"]
    serial, text = made["SerialNumber"], made["Base32StringSeed"].decode()
    seed = base64.b32decode(text + "=" * (-len(text) % 8))
    step = totp.step_at(datetime.datetime.now(datetime.UTC).timestamp())
    first, second, third = (totp.code(seed, step + n) for n in (-1, 0, 1))
    iam.enable_mfa_device(
        UserName=key["name"],
        SerialNumber=serial,
        AuthenticationCode1=first,
        AuthenticationCode2=second,
    )
    return serial, third


def test_session_of_a_user_is_the_user(people: People) -> None:
    ann = people.user(DESCRIBE)
    credentials = session(people, ann)
    assert credentials["AccessKeyId"].startswith("ASIA")
    now = datetime.datetime.now(datetime.UTC)
    assert abs((credentials["Expiration"] - now).total_seconds() - 43_200) < 60
    assert people.arn(credentials) == ann.arn
    ec2 = people.client("ec2", credentials)
    ec2.describe_instances()
    assert refused(ec2.describe_vpcs) == "UnauthorizedOperation"


def test_session_without_a_second_factor_reaches_neither_iam_nor_sts(people: People) -> None:
    ann = people.user(EVERYTHING)
    role = people.role({"Principal": {"AWS": ann.arn}})
    credentials = session(people, ann)
    iam, sts = people.client("iam", credentials), people.client("sts", credentials)
    assert refused(iam.list_users) == "InvalidClientTokenId"
    assert refused(iam.create_access_key) == "InvalidClientTokenId"
    assert refused(sts.get_session_token) == "AccessDenied"
    assert refused(sts.get_federation_token, Name="bob") == "AccessDenied"
    key = ann["access_key_id"]
    assert refused(sts.get_access_key_info, AccessKeyId=key) == "AccessDenied"
    people.assume(role, credentials)


def test_session_without_a_second_factor_makes_no_accounts(people: People) -> None:
    for credentials in (session(people), federated(people, None, Policy=policy(EVERYTHING))):
        key = {
            "access_key_id": credentials["AccessKeyId"],
            "secret_access_key": credentials["SecretAccessKey"],
            "session_token": credentials["SessionToken"],
        }
        sender = Sender(people.cloud.port, key)
        for action in ("CreateAccount", "InviteAccount"):
            asked = sender.ask("mallee", action, AccountName="lasting", Email="a@example.org")
            assert asked.code == "InvalidClientTokenId", action
        assert sender.ask("mallee", "DescribeHosts").status == 200


def test_second_factor_is_told_to_policies(people: People) -> None:
    with_mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    ann = people.user({**EVERYTHING, "Condition": with_mfa})
    serial, code = with_device(people, ann)
    plain = people.client("ec2", session(people, ann))
    assert refused(plain.describe_vpcs) == "UnauthorizedOperation"
    assert refused(people.client("ec2", ann).describe_vpcs) == "UnauthorizedOperation"
    credentials = session(people, ann, SerialNumber=serial, TokenCode=code)
    people.client("ec2", credentials).describe_vpcs()
    people.client("iam", credentials).list_users()
    again = refused(session, people, ann, SerialNumber=serial, TokenCode=code)
    assert again == "AccessDenied"


def test_role_may_ask_for_a_second_factor(people: People) -> None:
    ann, bob = people.user(), people.user()
    trust = {
        "Principal": {"AWS": [ann.arn, bob.arn]},
        "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    }
    mfa = {"NumericLessThan": {"aws:MultiFactorAuthAge": "60"}}
    role = people.role(trust, {**DESCRIBE, "Condition": mfa})
    serial, code = with_device(people, ann)
    assert refused(people.assume, role, ann) == "AccessDenied"
    shown = {"SerialNumber": serial, "TokenCode": code}
    assert refused(people.assume, role, bob, **shown) == "AccessDenied"
    wrong = {**shown, "TokenCode": f"{(int(code) + 1) % 1_000_000:06}"}
    assert refused(people.assume, role, ann, **wrong) == "AccessDenied"
    people.client("ec2", people.assume(role, ann, **shown)).describe_instances()
    assert refused(people.assume, role, ann, **shown) == "AccessDenied"


def test_administrator_s_session_is_the_administrator(people: People) -> None:
    other = people.account()
    credentials = session(people, other)
    people.client("ec2", credentials).describe_vpcs()
    assert refused(people.client("iam", credentials).list_users) == "InvalidClientTokenId"


@pytest.mark.parametrize("life_s", [899, 129_601])
def test_life_of_a_session_is_bounded(people: People, life_s: int) -> None:
    ann = people.user(EVERYTHING)
    assert refused(session, people, ann, DurationSeconds=life_s) == "ValidationError"
    assert refused(federated, people, ann, DurationSeconds=life_s) == "ValidationError"


@pytest.mark.parametrize("least", [0, 1, 500, 4096])
def test_token_is_as_long_as_it_must_be(people: People, least: int) -> None:
    answer = people.client("sts").get_session_token(MinimumSessionTokenSize=least)
    token = answer["Credentials"]["SessionToken"]
    assert answer["SessionTokenSize"] == len(token) >= least
    assert len(token) < max(least, 400) + 8
    assert 0 < answer["SessionTokenUtilization"] <= 100
    people.client("ec2", answer["Credentials"]).describe_vpcs()


def test_federated_user_has_what_both_allow(people: People) -> None:
    ann = people.user(DESCRIBE, {"Action": "sts:GetFederationToken"})
    wide = policy({"Action": ["ec2:*", "iam:*", "sts:*"]})
    answer = people.client("sts", ann).get_federation_token(Name="bob", Policy=wide)
    account = ann["account_id"]
    who = f"arn:aws:sts::{account}:federated-user/bob"
    assert answer["FederatedUser"] == {"FederatedUserId": f"{account}:bob", "Arn": who}
    assert answer["PackedPolicySize"] >= 1
    credentials = answer["Credentials"]
    identity = people.client("sts", credentials).get_caller_identity()
    assert (identity["Arn"], identity["UserId"]) == (who, f"{account}:bob")
    ec2 = people.client("ec2", credentials)
    ec2.describe_instances()
    assert refused(ec2.describe_vpcs) == "UnauthorizedOperation"
    none = people.client("ec2", federated(people, ann))
    assert refused(none.describe_instances) == "UnauthorizedOperation"


def test_federated_user_reaches_neither_iam_nor_sts(people: People) -> None:
    ann = people.user(EVERYTHING)
    role = people.role({"Principal": {"AWS": "*"}})
    credentials = federated(people, ann, Policy=policy(EVERYTHING))
    assert refused(people.client("iam", credentials).list_users) == "InvalidClientTokenId"
    assert refused(session, people, credentials) == "AccessDenied"
    assert refused(people.assume, role, credentials) == "AccessDenied"
    people.client("ec2", credentials).describe_vpcs()


def test_administrator_s_federated_user_is_no_administrator(people: People) -> None:
    other = people.account()
    none = people.client("ec2", federated(people, other))
    assert refused(none.describe_vpcs) == "UnauthorizedOperation"
    some = people.client("ec2", federated(people, other, Policy=policy(DESCRIBE)))
    some.describe_instances()
    assert refused(some.describe_vpcs) == "UnauthorizedOperation"


def test_federating_is_a_permission_about_the_name(people: People) -> None:
    account = people.cloud.admin["account_id"]
    bob = f"arn:aws:sts::{account}:federated-user/bob"
    ann = people.user({"Action": "sts:GetFederationToken", "Resource": bob})
    federated(people, ann, "bob")
    assert refused(federated, people, ann, "eve") == "AccessDenied"
    tags = [{"Key": "a", "Value": "b"}]
    assert refused(federated, people, ann, "bob", Tags=tags) == "AccessDenied"


def test_role_session_gets_no_credentials_of_users(people: People) -> None:
    ann = people.user()
    role = people.role({"Principal": {"AWS": ann.arn}}, EVERYTHING)
    credentials = people.assume(role, ann)
    assert refused(session, people, credentials) == "AccessDenied"
    assert refused(federated, people, credentials) == "AccessDenied"
    people.client("iam", credentials).list_users()
    assert refused(people.client("iam", credentials).get_user) == "ValidationError"


def test_temporary_key_tells_its_account(people: People) -> None:
    other = people.account()
    credentials = session(people, other)
    asked = people.client("sts").get_access_key_info(AccessKeyId=credentials["AccessKeyId"])
    assert asked["Account"] == other["account_id"]
    unknown = refused(people.client("sts").get_access_key_info, AccessKeyId="ASIA" + "7" * 16)
    assert unknown == "ValidationError"


def test_answer_to_a_bad_key_is_the_same_as_to_no_key() -> None:
    assert check.unknown_key("sts").message == check.unknown_key("iam").message

"""Credentials that are forged, expired, copied or revoked are good for nothing, from then on."""

import base64
import time
from typing import Any

import pytest

from mallee.aws.signature import replay
from mallee.cloud.identity import sessions
from mallee.kit import secretbox
from mallee.model.identity.sessions import CallerKind, Session
from tests.cloud.sts.people import Key, People, policy, refused

DESCRIBE = {"Action": "ec2:DescribeInstances"}
MAY_ASSUME = {"Action": "sts:AssumeRole"}


def describe(people: People, credentials: Any) -> Any:
    return people.client("ec2", credentials).describe_instances


def identity(people: People, credentials: Any) -> Any:
    return people.client("sts", credentials).get_caller_identity


def ended(people: People, credentials: Any) -> None:
    """See that both kinds of services take the credentials for nobody's."""
    assert refused(describe(people, credentials)) == "AuthFailure"
    assert refused(identity(people, credentials)) == "InvalidClientTokenId"


def role_session(people: People) -> tuple[str, Any]:
    ann = people.user()
    role = people.role({"Principal": {"AWS": ann.arn}}, DESCRIBE)
    return role, people.assume(role, ann)


def made(people: People, box: secretbox.SecretBox | None = None, **changes: Any) -> dict[str, str]:
    """Credentials of the first account's administrator, by hand."""
    account = people.cloud.admin["account_id"]
    user = people.client("iam").get_user()["User"]["UserId"]
    session = {
        "kind": CallerKind.USER,
        "account": account,
        "issuer_id": user,
        "issued_at": time.time(),
        "expires_at": time.time() + 900,
        **changes,
    }
    own = secretbox.load_or_create(people.cloud.layout.master_key)
    issued = sessions.issue(box or own, _noise, Session(**session))
    return {
        "AccessKeyId": issued.access_key_id,
        "SecretAccessKey": issued.secret,
        "SessionToken": issued.token,
    }


def _noise(count: int) -> bytes:
    return bytes(range(count))


def test_token_by_hand_is_good_when_the_master_key_made_it(people: People) -> None:
    describe(people, made(people))()


def test_forged_token_is_nobody_s(people: People) -> None:
    ended(people, made(people, secretbox.SecretBox(b"k" * 32)))
    good = made(people)
    raw = bytearray(base64.b64decode(good["SessionToken"]))
    raw[-1] ^= 1
    ended(people, {**good, "SessionToken": base64.b64encode(raw).decode()})
    for token in ("x", "é", "A" * 6999, "A" * 8000, base64.b64encode(b"x" * 500).decode()):
        ended(people, {**good, "SessionToken": token})


def test_token_is_good_with_its_own_key_only(people: People) -> None:
    ann = people.user(DESCRIBE)
    _, first = role_session(people)
    _, second = role_session(people)
    ended(people, {**first, "SessionToken": second["SessionToken"]})
    own = {"AccessKeyId": ann["access_key_id"], "SecretAccessKey": ann["secret_access_key"]}
    ended(people, {**own, "SessionToken": first["SessionToken"]})
    without = {name: first[name] for name in ("AccessKeyId", "SecretAccessKey")}
    ended(people, without)
    wrong = {**first, "SecretAccessKey": second["SecretAccessKey"]}
    assert refused(identity(people, wrong)) == "SignatureDoesNotMatch"


def test_expired_session_is_over(people: People) -> None:
    old = made(people, issued_at=time.time() - 900, expires_at=time.time() - 1)
    assert refused(describe(people, old)) == "RequestExpired"
    assert refused(identity(people, old)) == "ExpiredToken"


def test_session_that_speaks_for_another_account_s_user_is_nobody_s(people: People) -> None:
    other = people.account()
    ended(people, made(people, account=other["account_id"]))
    ended(people, made(people, account="999999999999"))
    ended(people, made(people, kind=CallerKind.ROLE, name="x"))


def test_session_ends_with_its_role_and_a_namesake_is_another(people: People) -> None:
    role, credentials = role_session(people)
    describe(people, credentials)()
    name = role.rpartition("/")[2]
    iam = people.client("iam")
    iam.delete_role_policy(RoleName=name, PolicyName="p0")
    assert refused(describe(people, credentials)) == "UnauthorizedOperation"
    iam.delete_role(RoleName=name)
    ended(people, credentials)
    trust = policy({"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    iam.put_role_policy(RoleName=name, PolicyName="p0", PolicyDocument=policy(DESCRIBE))
    ended(people, credentials)


def test_session_outlives_who_took_the_role_on_and_its_trust(people: People) -> None:
    """As in AWS: a role's sessions are the role's; they are revoked by a policy of the role."""
    ann = people.user()
    role = people.role({"Principal": {"AWS": ann.arn}}, DESCRIBE)
    credentials = people.assume(role, ann)
    forget(people, ann)
    describe(people, credentials)()
    revoking = policy(
        {
            "Effect": "Deny",
            "Action": "*",
            "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2100-01-01T00:00:00Z"}},
        }
    )
    name = role.rpartition("/")[2]
    people.client("iam").put_role_policy(
        RoleName=name, PolicyName="AWSRevokeOlderSessions", PolicyDocument=revoking
    )
    assert refused(describe(people, credentials)) == "UnauthorizedOperation"


def forget(people: People, key: Key) -> None:
    """Remove a user with his key and policies."""
    iam = people.client("iam")
    iam.delete_access_key(UserName=key["name"], AccessKeyId=key["access_key_id"])
    for name in iam.list_user_policies(UserName=key["name"])["PolicyNames"]:
        iam.delete_user_policy(UserName=key["name"], PolicyName=name)
    iam.delete_user(UserName=key["name"])


def test_user_s_sessions_end_with_him(people: People) -> None:
    ann = people.user({"Action": "*"})
    sts = people.client("sts", ann)
    one = sts.get_session_token()["Credentials"]
    two = sts.get_federation_token(Name="bob", Policy=policy(DESCRIBE))["Credentials"]
    for credentials in (one, two):
        describe(people, credentials)()
    forget(people, ann)
    for credentials in (one, two):
        ended(people, credentials)


def test_user_s_sessions_end_with_the_key_that_asked(people: People) -> None:
    ann = people.user({"Action": "*"})
    one = people.client("sts", ann).get_session_token()["Credentials"]
    iam = people.client("iam")
    asked = {"UserName": ann["name"], "AccessKeyId": ann["access_key_id"]}
    iam.update_access_key(**asked, Status="Inactive")
    ended(people, one)
    iam.update_access_key(**asked, Status="Active")
    describe(people, one)()
    iam.delete_access_key(**asked)
    ended(people, one)


def test_what_a_user_loses_his_sessions_lose_at_once(people: People) -> None:
    ann = people.user(DESCRIBE)
    one = people.client("sts", ann).get_session_token()["Credentials"]
    describe(people, one)()
    people.client("iam").delete_user_policy(UserName=ann["name"], PolicyName="p0")
    assert refused(describe(people, one)) == "UnauthorizedOperation"


def test_key_of_one_account_does_nothing_in_another(people: People) -> None:
    here, there = people.account(), people.account()
    mine = people.client("ec2", here).describe_vpcs()["Vpcs"][0]["VpcId"]
    session = people.client("sts", there).get_session_token()["Credentials"]
    other = people.client("ec2", session)
    assert refused(other.describe_vpcs, VpcIds=[mine]) == "InvalidVpcID.NotFound"
    bob = people.user({"Action": "*"}, of=there)
    role = people.role({"Principal": {"AWS": here["account_id"]}}, DESCRIBE, of=here)
    assert refused(people.assume, role, bob) == "AccessDenied"


def test_copied_request_with_a_token_changes_nothing_later(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore import auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    from tests.cloud.signing import FORM, Sender

    monkeypatch.setattr(replay, "SAME_SECOND_S", 0.0)
    given = people.client("sts").get_session_token()["Credentials"]
    sender = Sender(people.cloud.port, people.cloud.admin)
    body = "Action=AllocateAddress&Version=2016-11-15"
    request = AWSRequest("POST", sender.url("/"), {"Content-Type": FORM}, body)
    who = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    auth.SigV4Auth(who, "ec2", "us-east-1").add_auth(request)
    assert sender.send(request).status == 200
    assert sender.send(request).code == "RequestExpired"


def test_role_of_a_suspended_account_is_neither_taken_on_nor_used(people: People) -> None:
    from tests.cloud.signing import Sender

    other = people.account()
    bob = people.user(MAY_ASSUME)
    role = people.role({"Principal": {"AWS": bob["account_id"]}}, DESCRIBE, of=other)
    credentials = people.assume(role, bob)
    sender = Sender(people.cloud.port, people.cloud.admin)
    asked = {"AccountName": other["account_id"]}
    answer = sender.ask("mallee", "SuspendAccount", **asked)
    assert answer.status == 200, answer.text
    ended(people, credentials)
    assert refused(people.assume, role, bob) == "AccessDenied"
    assert sender.ask("mallee", "ResumeAccount", **asked).status == 200
    describe(people, credentials)()

"""Signing in: with password and code, for a while; and nothing told to who guesses."""

import itertools
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import argon2
import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from msgspec.structs import replace

from mallee.cloud.iam import passwords
from mallee.cloud.identity import guessing, strangers
from mallee.cloud.state import records
from mallee.kit import passwordhash
from mallee.model.identity import masterkeys
from tests.cloud.iam.devices import Device
from tests.cloud.running import RunningCloud
from tests.cloud.signing import FORM, VERSIONS, Answer, Sender
from tests.cloud.sts.people import People, refused
from tests.wholecloud import wait_until

pytestmark = pytest.mark.usefixtures("little_work")

PASSWORD = "Correct-Horse-7"
OTHER = "Battery-Staple-8"
SLOW = guessing.Limit(free=5, wait_s=60.0, wait_s_max=60.0)
"""As patient as ever, and so slow that no load of this machine is taken for waiting."""
_names = itertools.count(1)


@pytest.fixture
def people(cloud: RunningCloud) -> People:
    return People(cloud)


@pytest.fixture(autouse=True)
def address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test comes from an address of its own, as far as the cloud can tell."""
    peer = f"peer {next(_names)}"
    monkeypatch.setattr(guessing, "peer_key", lambda _: peer)
    monkeypatch.setattr(strangers, "BURST", 100_000)
    monkeypatch.setattr(strangers, "PER_S", 100_000.0)


@pytest.fixture
def admin(people: People) -> dict[str, str]:
    return people.account()


def person(people: People, admin: Mapping[str, str], **more: Any) -> str:
    """Make a user with a password; return his name."""
    name = f"signer{next(_names)}"
    iam = people.client("iam", admin)
    iam.create_user(UserName=name)
    iam.create_login_profile(UserName=name, Password=PASSWORD, **more)
    return name


def ask(cloud: RunningCloud, account: str, user: str, password: str, **more: str) -> Answer:
    """Sign in, without a signature."""
    asked = {"AccountName": account, "UserName": user, "Password": password, **more}
    form = {"Action": "SignIn", "Version": VERSIONS["mallee"], **asked}
    sender = Sender(cloud.port, cloud.admin)
    return sender.send_raw("POST", "/", {"Content-Type": FORM}, urlencode(form))


def credentials(answer: Answer) -> dict[str, str]:
    assert answer.status == 200, answer.text
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    return {name: answer.element(name) for name in names}


def test_password_gives_the_users_own_rights_for_a_while(
    people: People, cloud: RunningCloud, admin: dict[str, str]
) -> None:
    name = person(people, admin)
    answer = ask(cloud, admin["account_id"], name, PASSWORD)
    given = credentials(answer)
    assert given["AccessKeyId"].startswith("ASIA")
    assert people.arn(given) == answer.element("Arn")
    assert people.arn(given).endswith(f":user/{name}")
    assert refused(people.client("iam", given).list_users) == "AccessDenied"
    people.client("iam", admin).delete_login_profile(UserName=name)
    people.client("iam", admin).delete_user(UserName=name)
    assert refused(people.client("sts", given).get_caller_identity) == "InvalidClientTokenId"


def test_account_is_named_by_id_name_or_alias(
    people: People, cloud: RunningCloud, admin: dict[str, str]
) -> None:
    name = person(people, admin)
    alias = f"alias-{name}"
    people.client("iam", admin).create_account_alias(AccountAlias=alias)
    own = cloud.store.view.get(records.ACCOUNT, admin["account_id"])
    assert own is not None
    for account in (own.id, own.doc.name, alias):
        assert ask(cloud, account, name, PASSWORD).status == 200
    # Another account's alias does not stand before a name.
    thief = people.account()
    people.client("iam", thief).create_account_alias(AccountAlias=own.doc.name)
    assert ask(cloud, own.doc.name, name, PASSWORD).element("AccountId") == own.id


def test_whoever_is_not_there_is_answered_like_a_wrong_password(
    people: People, cloud: RunningCloud, admin: dict[str, str]
) -> None:
    account = admin["account_id"]
    name = person(people, admin)
    iam = people.client("iam", admin)
    iam.create_user(UserName=f"{name}-mute")
    disabled, device = person(people, admin), Device(iam, f"{name}-device")
    device.enable(iam, name)
    _disable(cloud, account, disabled)
    wrong = [
        ask(cloud, account, name, OTHER),
        ask(cloud, account, name, OTHER, MfaCode=device.code()),
        ask(cloud, account, name, OTHER, NewPassword=OTHER),
        ask(cloud, account, f"{name}-mute", PASSWORD),
        ask(cloud, account, disabled, PASSWORD),
        ask(cloud, account, "nobody", PASSWORD),
        ask(cloud, account, name.upper(), PASSWORD),
        ask(cloud, "999999999999", name, PASSWORD),
        ask(cloud, "no such account", name, PASSWORD),
    ]
    assert {(one.status, one.code, one.message) for one in wrong} == {
        (403, "AccessDenied", wrong[0].message)
    }


def _disable(cloud: RunningCloud, account: str, name: str) -> None:
    def change(tx: Any) -> None:
        id = tx.owner_of(f"name/user/{account}", name)
        user = tx.get(records.USER, id)
        tx.write(user, replace(user.doc, is_enabled=False))

    cloud.store.transact(change)


def test_who_is_not_there_costs_the_work_of_a_wrong_password(
    people: People, cloud: RunningCloud, admin: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time that an answer takes tells nothing, because the same work was done for it."""
    parameters: list[argon2.Parameters] = []
    verify = passwordhash.verify

    def note(hash: bytes, password: str) -> bool:
        parameters.append(argon2.extract_parameters(hash.decode()))
        return verify(hash, password)

    monkeypatch.setattr(passwordhash, "verify", note)
    for user in (person(people, admin), "nobody"):
        assert ask(cloud, admin["account_id"], user, OTHER).code == "AccessDenied"
    there, nobody = parameters
    assert there == nobody


def test_who_guesses_is_slowed_down_by_whatever_name_of_the_account(
    people: People, cloud: RunningCloud, admin: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guessing, "SUBJECT", SLOW)
    name = person(people, admin)
    people.client("iam", admin).create_account_alias(AccountAlias=f"guess-{name}")
    names = (admin["account_id"], f"guess-{name}")
    codes = [ask(cloud, names[try_ % 2], name, f"guess {try_}").code for try_ in range(8)]
    assert codes[0] == "AccessDenied"
    assert codes[-1] == "Throttling"
    assert ask(cloud, admin["account_id"], name, PASSWORD).code == "Throttling"
    other = person(people, admin)
    assert ask(cloud, admin["account_id"], other, PASSWORD).status == 200


def test_waiting_does_not_tell_which_accounts_there_are(
    people: People, cloud: RunningCloud, admin: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guessing, "SUBJECT", SLOW)
    there = people.client("iam", admin).create_account_alias
    there(AccountAlias="someones-alias")
    for name in ("someones-alias", "nobodys-alias"):
        assert [ask(cloud, name, "admin", "guess").code for _ in range(6)][-1] == "Throttling"
        assert ask(cloud, name.upper(), "admin", "guess").code == "AccessDenied"


def test_who_is_right_is_never_slowed_down(
    people: People, cloud: RunningCloud, admin: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guessing, "PEER", guessing.Limit(free=2, wait_s=60.0, wait_s_max=60.0))
    name = person(people, admin)
    for _ in range(10):
        assert ask(cloud, admin["account_id"], name, PASSWORD).status == 200


def test_peer_who_tries_many_users_is_slowed_down(
    cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guessing, "PEER", guessing.Limit(free=3, wait_s=60.0, wait_s_max=60.0))
    codes = [ask(cloud, "admin", f"user{number}", PASSWORD).code for number in range(5)]
    assert codes == ["AccessDenied"] * 3 + ["Throttling"] * 2


def test_who_has_a_device_shows_a_code_once(
    people: People, cloud: RunningCloud, admin: dict[str, str]
) -> None:
    account, name = admin["account_id"], person(people, admin)
    iam = people.client("iam", admin)
    first, second = Device(iam, f"{name}-1"), Device(iam, f"{name}-2")
    first.enable(iam, name)
    second.enable(iam, name)
    iam.put_user_policy(UserName=name, PolicyName="mfa", PolicyDocument=_ONLY_WITH_MFA)
    assert ask(cloud, account, name, PASSWORD).code == "MultiFactorAuthenticationRequired"
    assert ask(cloud, account, name, PASSWORD, MfaCode="000000").code == "AccessDenied"
    for device in (first, second):
        code = device.code()
        given = credentials(ask(cloud, account, name, PASSWORD, MfaCode=code))
        assert people.client("iam", given).list_users()["Users"]
        assert ask(cloud, account, name, PASSWORD, MfaCode=code).code == "AccessDenied"


_ONLY_WITH_MFA = """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
"Action": "iam:ListUsers", "Resource": "*",
"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}]}"""


def test_password_that_must_be_changed_is_changed_while_signing_in(
    people: People, cloud: RunningCloud, admin: dict[str, str]
) -> None:
    account, name = admin["account_id"], person(people, admin, PasswordResetRequired=True)
    assert ask(cloud, account, name, PASSWORD).code == "PasswordResetRequired"
    for new in (PASSWORD, "short"):
        answer = ask(cloud, account, name, PASSWORD, NewPassword=new)
        assert answer.code == "PasswordPolicyViolation"
    credentials(ask(cloud, account, name, PASSWORD, NewPassword=OTHER))
    assert ask(cloud, account, name, PASSWORD).code == "AccessDenied"
    credentials(ask(cloud, account, name, OTHER))
    assert ask(cloud, account, name, OTHER, NewPassword=PASSWORD).code == "ValidationError"


def test_password_that_has_expired_is_replaced_or_refused(
    people: People, cloud: RunningCloud, admin: dict[str, str]
) -> None:
    account, name = admin["account_id"], person(people, admin)
    iam = people.client("iam", admin)
    iam.update_account_password_policy(MinimumPasswordLength=8, MaxPasswordAge=1)
    assert ask(cloud, account, name, PASSWORD).element("PasswordExpiration")
    _age(cloud, account, name)
    assert ask(cloud, account, name, PASSWORD).code == "PasswordResetRequired"
    iam.update_account_password_policy(MaxPasswordAge=1, HardExpiry=True)
    answer = ask(cloud, account, name, PASSWORD, NewPassword=OTHER)
    assert answer.code == "PasswordExpired"
    iam.update_account_password_policy(MaxPasswordAge=1)
    credentials(ask(cloud, account, name, PASSWORD, NewPassword=OTHER))
    credentials(ask(cloud, account, name, OTHER))


def _age(cloud: RunningCloud, account: str, name: str) -> None:
    """Make a password two days older."""

    def change(tx: Any) -> None:
        profile = tx.get(records.LOGIN_PROFILE, tx.owner_of(f"name/user/{account}", name))
        tx.write(profile, replace(profile.doc, changed_at=profile.doc.changed_at - 172_800.0))

    cloud.store.transact(change)


def test_duration_is_bounded(people: People, cloud: RunningCloud, admin: dict[str, str]) -> None:
    account, name = admin["account_id"], person(people, admin)
    for seconds in ("899", "129601", "-1"):
        answer = ask(cloud, account, name, PASSWORD, DurationSeconds=seconds)
        assert answer.code == "ValidationError"
    credentials(ask(cloud, account, name, PASSWORD, DurationSeconds="900"))


def test_signing_in_needs_no_signature_and_takes_none_of_another(
    cloud: RunningCloud, people: People, admin: dict[str, str]
) -> None:
    name = person(people, admin)
    client = boto3.client(
        "sts",
        region_name="us-east-1",
        endpoint_url=cloud.url,
        config=Config(signature_version=UNSIGNED, retries={"max_attempts": 0}),
    )
    assert refused(client.get_caller_identity) == "MissingAuthenticationToken"
    assert ask(cloud, admin["account_id"], name, PASSWORD).status == 200


@pytest.mark.usefixtures("full_work")
def test_class_signs_in_at_once_and_a_flood_is_turned_away(
    people: People, cloud: RunningCloud, admin: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwordhash, "WAIT_S_MAX", 120.0)
    account = admin["account_id"]
    names = [person(people, admin) for _ in range(30)]
    with ThreadPoolExecutor(30) as room:
        answers = list(room.map(lambda name: ask(cloud, account, name, PASSWORD), names))
    assert [answer.status for answer in answers] == [200] * 30
    monkeypatch.setattr(passwords, "_line", threading.BoundedSemaphore(2))
    with ThreadPoolExecutor(30) as room:
        answers = list(room.map(lambda name: ask(cloud, account, name, PASSWORD), names))
    assert {answer.code for answer in answers} == {"", "Throttling"}


def test_passwords_and_devices_outlive_the_master_key(
    people: People, cloud: RunningCloud, admin: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masterkeys, "IN_FLIGHT_S", 0.0)
    account, name = admin["account_id"], person(people, admin)
    iam = people.client("iam", admin)
    iam.update_account_password_policy(MinimumPasswordLength=8, PasswordReusePrevention=3)
    iam.update_login_profile(UserName=name, Password=OTHER, PasswordResetRequired=True)
    device = Device(iam, name)
    device.enable(iam, name)
    sender = Sender(cloud.port, cloud.admin)
    assert sender.ask("mallee", "RotateMasterKey", EndSessions="true").status == 200
    wait_until(lambda: _has_ended(sender), 120.0, "the old key to be forgotten")
    new = {"MfaCode": device.code(), "NewPassword": PASSWORD}
    assert ask(cloud, account, name, OTHER, **new).code == "PasswordPolicyViolation"
    credentials(ask(cloud, account, name, OTHER, **{**new, "NewPassword": "Another-Word-9"}))


def _has_ended(sender: Sender) -> bool:
    return "<State>ended</State>" in sender.ask("mallee", "DescribeMasterKey").text

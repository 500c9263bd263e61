"""Passwords: as the account wants them, changed by who knows the old one, never shown."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import written
from tests.cloud.running import RunningCloud
from tests.cloud.sts.people import People, refused

pytestmark = pytest.mark.usefixtures("little_work")

GOOD = "Correct-Horse-7"
BETTER = "Battery-Staple-8"
_names = itertools.count(1)


@pytest.fixture
def people(cloud: RunningCloud) -> People:
    return People(cloud)


@pytest.fixture
def iam(people: People) -> Any:
    """IAM of an account of one's own, so that policies of other tests do not matter."""
    return people.client("iam", people.account())


@pytest.fixture
def user(iam: Any) -> str:
    name = f"person{next(_names)}"
    iam.create_user(UserName=name)
    return name


def message(call: Any, **asked: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**asked)
    assert error.value.response["Error"]["Code"] == "PasswordPolicyViolation"
    return error.value.response["Error"]["Message"]


def test_login_profile_is_one_and_says_since_when(iam: Any, user: str) -> None:
    assert refused(iam.get_login_profile, UserName=user) == "NoSuchEntity"
    made = iam.create_login_profile(UserName=user, Password=GOOD, PasswordResetRequired=True)
    assert made["LoginProfile"]["PasswordResetRequired"]
    assert made["LoginProfile"] == iam.get_login_profile(UserName=user)["LoginProfile"]
    again = {"UserName": user, "Password": GOOD}
    assert refused(iam.create_login_profile, **again) == "EntityAlreadyExists"
    iam.update_login_profile(UserName=user, PasswordResetRequired=False)
    assert not iam.get_login_profile(UserName=user)["LoginProfile"]["PasswordResetRequired"]
    assert refused(iam.delete_user, UserName=user) == "DeleteConflict"
    iam.delete_login_profile(UserName=user)
    assert refused(iam.update_login_profile, UserName=user, Password=GOOD) == "NoSuchEntity"
    assert refused(iam.delete_login_profile, UserName=user) == "NoSuchEntity"
    iam.delete_user(UserName=user)


def test_password_of_an_account_without_a_policy_follows_awss_own(iam: Any, user: str) -> None:
    assert refused(iam.get_account_password_policy) == "NoSuchEntity"
    assert refused(iam.delete_account_password_policy) == "NoSuchEntity"
    make = iam.create_login_profile
    assert "minimum length of 8" in message(make, UserName=user, Password="Ab1-")
    assert "three of" in message(make, UserName=user, Password="abcdefgh1")
    assert "name of the user" in message(make, UserName=user, Password=user)
    assert refused(make, UserName=user) == "ValidationError"
    assert refused(make, UserName=user, Password="x" * 129) == "ValidationError"
    assert refused(make, UserName="nobody", Password=GOOD) == "NoSuchEntity"
    make(UserName=user, Password=GOOD)


def test_policy_is_set_whole_and_followed(iam: Any, user: str) -> None:
    iam.update_account_password_policy(
        MinimumPasswordLength=10,
        RequireSymbols=True,
        RequireNumbers=True,
        RequireUppercaseCharacters=True,
        RequireLowercaseCharacters=True,
    )
    shown = iam.get_account_password_policy()["PasswordPolicy"]
    assert shown["MinimumPasswordLength"] == 10
    assert shown["ExpirePasswords"] is False
    make = iam.create_login_profile
    for password, lack in (
        ("Abcdefgh-", "minimum length of 10"),
        ("abcdefgh-1", "one uppercase letter"),
        ("ABCDEFGH-1", "one lowercase letter"),
        ("Abcdefgh--", "one number"),
        ("Abcdefgh11", "one symbol"),
    ):
        assert lack in message(make, UserName=user, Password=password)
    make(UserName=user, Password="Abcdefgh-1")
    iam.update_account_password_policy(RequireNumbers=True)
    assert iam.get_account_password_policy()["PasswordPolicy"]["MinimumPasswordLength"] == 6
    assert not iam.get_account_password_policy()["PasswordPolicy"]["RequireSymbols"]


def test_own_password_is_changed_by_who_knows_the_old_one(people: People) -> None:
    admin = people.account()
    iam = people.client("iam", admin)
    key = people.user({"Action": "iam:ChangePassword"}, of=admin)
    his = people.client("iam", key)
    change = {"OldPassword": GOOD, "NewPassword": BETTER}
    assert refused(his.change_password, **change) == "NoSuchEntity"
    iam.create_login_profile(UserName=key["name"], Password=GOOD)
    wrong = {"OldPassword": BETTER, "NewPassword": BETTER}
    assert refused(his.change_password, **wrong) == "AccessDenied"
    his.change_password(**change)
    assert refused(his.change_password, **change) == "AccessDenied"
    his.change_password(OldPassword=BETTER, NewPassword=GOOD)


def test_who_guesses_an_old_password_is_slowed_down(people: People) -> None:
    admin = people.account()
    key = people.user({"Action": "iam:ChangePassword"}, of=admin)
    iam = people.client("iam", admin)
    iam.create_login_profile(UserName=key["name"], Password=GOOD)
    change = people.client("iam", key).change_password
    codes = [
        refused(change, OldPassword=f"guess {number}", NewPassword=BETTER) for number in range(8)
    ]
    assert codes[0] == "AccessDenied"
    assert codes[-1] == "Throttling"


def test_account_may_let_everybody_change_his_own_password(people: People) -> None:
    admin = people.account()
    iam = people.client("iam", admin)
    key = people.user(of=admin)
    iam.create_login_profile(UserName=key["name"], Password=GOOD)
    his = people.client("iam", key)
    change = {"OldPassword": GOOD, "NewPassword": BETTER}
    assert refused(his.change_password, **change) == "AccessDenied"
    iam.update_account_password_policy(AllowUsersToChangePassword=True)
    his.change_password(**change)
    denied = people.user({"Effect": "Deny", "Action": "iam:ChangePassword"}, of=admin)
    iam.create_login_profile(UserName=denied["name"], Password=GOOD)
    assert refused(people.client("iam", denied).change_password, **change) == "AccessDenied"


def test_former_passwords_are_not_chosen_again(people: People) -> None:
    admin = people.account()
    iam = people.client("iam", admin)
    iam.update_account_password_policy(PasswordReusePrevention=2, AllowUsersToChangePassword=True)
    key = people.user(of=admin)
    his = people.client("iam", key)
    iam.create_login_profile(UserName=key["name"], Password="first password")
    his.change_password(OldPassword="first password", NewPassword="second password")
    for former in ("first password", "second password"):
        asked = {"OldPassword": "second password", "NewPassword": former}
        assert "used before" in message(his.change_password, **asked)
    his.change_password(OldPassword="second password", NewPassword="third password")
    his.change_password(OldPassword="third password", NewPassword="first password")


def test_others_need_permission_to_set_passwords(people: People) -> None:
    admin = people.account()
    iam = people.client("iam", people.user(of=admin))
    assert refused(iam.create_login_profile, UserName="admin", Password=GOOD) == "AccessDenied"
    may = people.client("iam", people.user({"Action": "iam:*"}, of=admin))
    for call in (may.create_login_profile, may.update_login_profile):
        assert refused(call, UserName="admin", Password=GOOD) == "AccessDenied"
    assert refused(may.delete_login_profile, UserName="admin") == "AccessDenied"


def test_no_password_is_in_the_store_or_the_log(people: People, cloud: RunningCloud) -> None:
    iam = people.client("iam", people.account())
    secret = "Grep-for-me-4711"
    iam.create_user(UserName="searched")
    iam.create_login_profile(UserName="searched", Password=secret)
    cloud.restart()
    files = written.contents(cloud.layout.root)
    assert len(files) > 3
    for kept in (secret.encode(), b"$argon2id$"):
        assert not [path for path, data in files.items() if kept in data]


@pytest.mark.usefixtures("full_work")
def test_old_password_that_many_show_at_once_changes_it_once(people: People) -> None:
    admin = people.account()
    key = people.user({"Action": "iam:ChangePassword"}, of=admin)
    people.client("iam", admin).create_login_profile(UserName=key["name"], Password=GOOD)
    clients = [people.client("iam", key) for _ in range(4)]

    def change(numbered: tuple[int, Any]) -> bool:
        number, iam = numbered
        try:
            iam.change_password(OldPassword=GOOD, NewPassword=f"{BETTER}{number}")
        except ClientError:
            return False
        return True

    with ThreadPoolExecutor(len(clients)) as room:
        assert sum(room.map(change, enumerate(clients))) == 1

"""Nobody gets by the administration's own actions what IAM's are denied to him for."""

import itertools
import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.cloud.running import RunningCloud
from tests.cloud.signing import Answer, Sender
from tests.cloud.sts.people import People

NO_IAM = {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
KEYS = json.dumps({"keys": []})
_numbers = itertools.count(1)


@pytest.fixture
def people(cloud: RunningCloud) -> People:
    return People(cloud)


@pytest.fixture
def admin(people: People) -> dict[str, str]:
    return people.account()


def ask(people: People, key: Mapping[str, str], action: str, **asked: str) -> Answer:
    return Sender(people.cloud.port, dict(key)).ask("mallee", action, **asked)


def boss(people: People, admin: dict[str, str]) -> str:
    """Make a user worth becoming; return his name."""
    name = f"boss{next(_numbers)}"
    iam = people.client("iam", admin)
    iam.create_user(UserName=name)
    policy = "arn:aws:iam::aws:policy/AdministratorAccess"
    iam.attach_user_policy(UserName=name, PolicyArn=policy)
    iam.create_open_id_connect_provider(
        Url=f"https://{name}.example.org", ClientIDList=["x"], ThumbprintList=["0" * 40]
    )
    return name


def asked_of(boss: str, account: str) -> dict[str, dict[str, str]]:
    """What gives a user the rights of another one, or takes them from him, by action."""
    provider = f"arn:aws:iam::{account}:oidc-provider/{boss}.example.org"
    document = json.dumps({"people": [{"user_name": "mole", "groups": ["admins"]}]})
    return {
        "InviteUser": {"UserName": boss, "Email": "mole@example.org"},
        "CreateCredentials": {"UserName": boss, "Endpoint": "http://127.0.0.1:1"},
        "ImportUsers": {"Source": "s", "Document": document, "Apply": "true", "Adopt": "true"},
        "DisableUser": {"UserName": boss},
        "EnableUser": {"UserName": boss},
        "UpdateUserInfo": {"UserName": boss, "Email": "mole@example.org"},
        "PutQuota": {"UserName": boss, "Key": "ec2:quota-vminstancenumber", "Limit": "0"},
        "PutOpenIDConnectProviderKeys": {
            "OpenIDConnectProviderArn": provider,
            "JsonWebKeySet": "",
        },
    }


@pytest.mark.parametrize("action", asked_of("", ""))
def test_who_is_denied_iam_becomes_nobody_else(
    people: People, admin: dict[str, str], action: str
) -> None:
    name = boss(people, admin)
    asked = asked_of(name, admin["account_id"])[action]
    confined = people.user(ALL, NO_IAM, of=admin)
    assert ask(people, confined, action, **asked).code == "AccessDenied"
    assert ask(people, people.user(ALL, of=admin), action, **asked).code == ""


@pytest.mark.parametrize("action", asked_of("", ""))
def test_power_users_manage_no_users(people: People, admin: dict[str, str], action: str) -> None:
    name = boss(people, admin)
    asked = asked_of(name, admin["account_id"])[action]
    user: Any = people.user(of=admin)
    policy = "arn:aws:iam::aws:policy/PowerUserAccess"
    people.client("iam", admin).attach_user_policy(UserName=user["name"], PolicyArn=policy)
    assert ask(people, user, action, **asked).code == "AccessDenied"


def test_power_users_of_the_clouds_account_do_not_administer_the_cloud(people: People) -> None:
    user: Any = people.user()
    policy = "arn:aws:iam::aws:policy/PowerUserAccess"
    people.client("iam").attach_user_policy(UserName=user["name"], PolicyArn=policy)
    asked = {"AccountName": f"grabbed{next(_numbers)}"}
    assert ask(people, user, "CreateAccount", **asked).code == "AccessDenied"
    assert ask(people, user, "CreateJoinToken").code == "AccessDenied"

"""The account as IAM shows it."""

from typing import Any

import botocore.exceptions
import pytest

from tests.cloud.running import RunningCloud


@pytest.fixture
def iam(cloud: RunningCloud) -> Any:
    return cloud.client("iam")


def test_alias_is_one_and_can_be_changed_and_removed(iam: Any) -> None:
    assert iam.list_account_aliases()["AccountAliases"] == []
    iam.create_account_alias(AccountAlias="first")
    iam.create_account_alias(AccountAlias="second")
    assert iam.list_account_aliases()["AccountAliases"] == ["second"]
    iam.create_account_alias(AccountAlias="first")
    with pytest.raises(botocore.exceptions.ClientError) as error:
        iam.delete_account_alias(AccountAlias="second")
    assert error.value.response["Error"]["Code"] == "NoSuchEntity"
    iam.delete_account_alias(AccountAlias="first")
    assert iam.list_account_aliases()["AccountAliases"] == []


def test_alias_has_a_form(iam: Any) -> None:
    for alias in ("ab", "Upper", "a--b", "-ab", "a" * 64):
        with pytest.raises(botocore.exceptions.ClientError) as error:
            iam.create_account_alias(AccountAlias=alias)
        assert error.value.response["Error"]["Code"] in ("ValidationError", "InvalidInput")


def test_alias_is_never_taken_for_an_account(iam: Any) -> None:
    with pytest.raises(botocore.exceptions.ClientError) as error:
        iam.create_account_alias(AccountAlias="123456789012")
    assert error.value.response["Error"]["Code"] == "InvalidInput"


def test_summary_counts_what_is_there(iam: Any) -> None:
    summary = iam.get_account_summary()["SummaryMap"]
    assert summary["Users"] == len(iam.list_users()["Users"]) == 1
    assert summary["Roles"] == len(iam.list_roles()["Roles"]) == 0
    assert summary["Groups"] == len(iam.list_groups()["Groups"]) == 0
    profiles = iam.list_instance_profiles()["InstanceProfiles"]
    assert summary["InstanceProfiles"] == len(profiles) == 0


def test_user_is_the_administrator(iam: Any, cloud: RunningCloud) -> None:
    user = iam.get_user()["User"]
    assert user == iam.get_user(UserName="admin")["User"] == iam.list_users()["Users"][0]
    assert user["Arn"] == cloud.client("sts").get_caller_identity()["Arn"]
    assert user["UserId"] == cloud.client("sts").get_caller_identity()["UserId"]
    assert iam.list_users(PathPrefix="/staff/")["Users"] == []

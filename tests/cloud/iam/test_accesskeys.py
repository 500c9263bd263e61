"""Access keys: made once, shown once, switched, and gone when they are gone."""

from typing import Any

import botocore.exceptions
import pytest

from tests.cloud.running import RunningCloud


@pytest.fixture
def iam(cloud: RunningCloud) -> Any:
    return cloud.client("iam")


def code(error: Any) -> str:
    return error.value.response["Error"]["Code"]


def test_secret_is_shown_once(iam: Any) -> None:
    made = iam.create_access_key(UserName="admin")["AccessKey"]
    assert len(made["SecretAccessKey"]) == 40
    listed = iam.list_access_keys()["AccessKeyMetadata"]
    assert [key["AccessKeyId"] for key in listed][-1] == made["AccessKeyId"]
    assert made["SecretAccessKey"] not in str(listed)
    with pytest.raises(botocore.exceptions.ClientError) as error:
        iam.create_access_key()
    assert code(error) == "LimitExceeded"
    iam.delete_access_key(AccessKeyId=made["AccessKeyId"])
    with pytest.raises(botocore.exceptions.ClientError) as error:
        iam.delete_access_key(AccessKeyId=made["AccessKeyId"])
    assert code(error) == "NoSuchEntity"


def test_key_is_of_a_user_who_exists(iam: Any) -> None:
    for call in (iam.create_access_key, iam.list_access_keys, iam.get_user):
        with pytest.raises(botocore.exceptions.ClientError) as error:
            call(UserName="nobody")
        assert code(error) == "NoSuchEntity"


def test_status_is_one_of_two(iam: Any, cloud: RunningCloud) -> None:
    with pytest.raises(botocore.exceptions.ClientError) as error:
        iam.update_access_key(AccessKeyId=cloud.admin["access_key_id"], Status="Expired")
    assert code(error) in ("ValidationError", "InvalidInput")

"""STS says who calls, and whose a key is."""

from typing import Any

import botocore.exceptions
import pytest

from tests.cloud.running import RunningCloud


def test_key_tells_its_account(cloud: RunningCloud) -> None:
    sts: Any = cloud.client("sts")
    answer = sts.get_access_key_info(AccessKeyId=cloud.admin["access_key_id"])
    assert answer["Account"] == cloud.admin["account_id"]


def test_key_that_nobody_has_tells_nothing(cloud: RunningCloud) -> None:
    with pytest.raises(botocore.exceptions.ClientError) as error:
        cloud.client("sts").get_access_key_info(AccessKeyId="AKIAAAAAAAAAAAAAAAAA")
    assert error.value.response["Error"]["Code"] == "ValidationError"

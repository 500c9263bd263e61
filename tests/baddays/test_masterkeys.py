"""Days on which the cloud is killed while its master key is rotated: nobody is locked out."""

import random
import time
from dataclasses import replace

import botocore.exceptions
import pytest

from mallee.box import client as api
from mallee.box import status, steps, up
from tests import wholecloud
from tests.baddays import traces
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

USERS = [f"locked-{number}" for number in range(12)]
KILLS = 4
BACK_S = 240.0


def test_rotations_outlive_kills_of_the_cloud(cloud: Cloud) -> None:
    keys = [_make_user(cloud, name) for name in USERS]
    chance = random.Random(11)
    # A new supervisor begins with short pauses, whatever happened before.
    traces.kill(cloud, status.SUPERVISOR)
    steps.run(up.plan(cloud.layout), wholecloud.Silent())
    try:
        for _ in range(KILLS):
            wholecloud.wait_until(lambda: _state(cloud) is not None, BACK_S, "the cloud to answer")
            api.call(cloud.access, "mallee", "RotateMasterKey")
            # A kill at any moment of it: before the file, between file and store, half-way.
            time.sleep(chance.uniform(0.0, 0.04))
            traces.kill(cloud, "cloud")
        wholecloud.wait_until(lambda: _state(cloud) == "waiting", BACK_S, "the last rotation")
        told = api.call(cloud.access, "mallee", "DescribeMasterKey")
        assert told["RecordsUnderOlderKeys"] == 0
        assert all(each["State"] == "waiting" for each in told["Rotations"][:KILLS])
        for key in keys:
            assert cloud.client("sts", key).get_caller_identity()["Account"] == key.account_id
    finally:
        _remove_users(cloud)


def _make_user(cloud: Cloud, name: str) -> api.Access:
    iam = cloud.client("iam")
    iam.create_user(UserName=name)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return replace(
        cloud.access,
        access_key_id=made["AccessKeyId"],
        secret_access_key=made["SecretAccessKey"],
    )


def _remove_users(cloud: Cloud) -> None:
    iam = cloud.client("iam")
    for name in USERS:
        for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName=name)


def _state(cloud: Cloud) -> str | None:
    """How far the newest rotation is: empty when there was none, None when nobody answers."""
    try:
        rotations = api.call(cloud.access, "mallee", "DescribeMasterKey")["Rotations"]
    except (api.Unreachable, api.Refused, botocore.exceptions.BotoCoreError):
        return None
    return rotations[0]["State"] if rotations else ""

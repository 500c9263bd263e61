"""Who launches or changes an instance hands it no more than he may pass."""

import json
from collections.abc import Callable
from typing import Any

import botocore.exceptions
import pytest

from mallee.cloud.state import records
from mallee.model.images.images import Blob, Image
from tests.cloud.iam.test_roles import allow, make, user_with
from tests.cloud.running import RunningCloud

IMAGE_ID = "ami-0123456789abcdef1"
INSTANCE = "i-0123456789abcdef0"


def outcome(call: Callable[..., Any], **asked: Any) -> str:
    """The code that a dry run is answered with."""
    with pytest.raises(botocore.exceptions.ClientError) as error:
        call(**asked)
    return error.value.response["Error"]["Code"]


@pytest.fixture(scope="module")
def iam(cloud: RunningCloud) -> Any:
    """Two profiles with their roles, and an image."""
    iam = cloud.client("iam")
    for name in ("weak", "mighty"):
        make(iam, name)
        iam.create_instance_profile(InstanceProfileName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    image = Image(
        id=IMAGE_ID,
        name="image",
        kind="machine",
        location="image",
        is_public=True,
        blob=Blob(sha256="0" * 64, size_bytes=1 << 20, format="qcow2"),
        disk_gib=1,
        created_at=0.0,
    )
    account = cloud.admin["account_id"]
    cloud.store.transact(lambda tx: tx.insert(records.IMAGE, account, image.id, image))
    return iam


def launching(ec2: Any, name: str) -> str:
    return outcome(
        ec2.run_instances,
        ImageId=IMAGE_ID,
        MinCount=1,
        MaxCount=1,
        DryRun=True,
        IamInstanceProfile={"Name": name},
    )


def test_a_launch_takes_the_permission_to_pass_the_role(cloud: RunningCloud, iam: Any) -> None:
    account = cloud.admin["account_id"]
    user_with(cloud, iam, "launcher", allow("ec2:*"))
    made = iam.create_access_key(UserName="launcher")["AccessKey"]
    key = {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}
    ec2 = cloud.client("ec2", key)
    assert launching(ec2, "weak") == "UnauthorizedOperation"
    weak = f"arn:aws:iam::{account}:role/weak"
    for condition, code in (
        ({}, "DryRunOperation"),
        ({"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}, "DryRunOperation"),
        ({"StringEquals": {"iam:PassedToService": "a.com"}}, "UnauthorizedOperation"),
        (
            {"ArnLike": {"iam:AssociatedResourceArn": f"arn:aws:ec2:*:{account}:instance/*"}},
            "DryRunOperation",
        ),
        (
            {"ArnLike": {"iam:AssociatedResourceArn": "arn:aws:ec2:*:1:instance/*"}},
            "UnauthorizedOperation",
        ),
    ):
        document = allow("iam:PassRole", weak, Condition=condition)
        iam.put_user_policy(UserName="launcher", PolicyName="pass", PolicyDocument=document)
        assert launching(ec2, "weak") == code, condition
        assert launching(ec2, "mighty") == "UnauthorizedOperation"


def test_a_message_of_a_refused_pass_says_so(cloud: RunningCloud, iam: Any) -> None:
    user_with(cloud, iam, "curious", allow("ec2:*"))
    made = iam.create_access_key(UserName="curious")["AccessKey"]
    key = {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}
    with pytest.raises(botocore.exceptions.ClientError) as error:
        cloud.client("ec2", key).run_instances(
            ImageId=IMAGE_ID, MinCount=1, MaxCount=1, IamInstanceProfile={"Name": "weak"}
        )
    message = error.value.response["Error"]["Message"]
    assert "iam:PassRole on resource" in message
    encoded = message.rpartition(" ")[2]
    decoded = cloud.client("sts").decode_authorization_message(EncodedMessage=encoded)
    told = json.loads(decoded["DecodedMessage"])
    assert told["context"]["action"] == "iam:PassRole"


@pytest.mark.parametrize("name", ["associate", "replace"])
def test_a_profile_given_later_takes_the_same_permission(
    cloud: RunningCloud, iam: Any, name: str
) -> None:
    user_with(cloud, iam, f"{name}r", allow("ec2:*"))
    made = iam.create_access_key(UserName=f"{name}r")["AccessKey"]
    key = {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}
    ec2 = cloud.client("ec2", key)
    call, asked = {
        "associate": (ec2.associate_iam_instance_profile, {"InstanceId": INSTANCE}),
        "replace": (
            ec2.replace_iam_instance_profile_association,
            {"AssociationId": "iip-assoc-0123456789abcdef0"},
        ),
    }[name]
    given = {"Name": "weak"}
    assert outcome(call, IamInstanceProfile=given, **asked) == "UnauthorizedOperation"
    document = allow("iam:PassRole", "arn:aws:iam::*:role/weak")
    iam.put_user_policy(UserName=f"{name}r", PolicyName="pass", PolicyDocument=document)
    assert outcome(call, IamInstanceProfile=given, **asked).endswith("NotFound")
    given = {"Name": "mighty"}
    assert outcome(call, IamInstanceProfile=given, **asked) == "UnauthorizedOperation"


def test_what_has_no_role_yet_takes_the_permission_for_any(cloud: RunningCloud, iam: Any) -> None:
    """Between the decision and the deed somebody might put a role there."""
    may = allow("ec2:*", "*"), allow("iam:AddRoleToInstanceProfile", "*")
    user_with(cloud, iam, "early", may[0])
    iam.put_user_policy(UserName="early", PolicyName="add", PolicyDocument=may[1])
    made = iam.create_access_key(UserName="early")["AccessKey"]
    key = {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}
    iam.create_instance_profile(InstanceProfileName="empty")
    ec2, own = cloud.client("ec2", key), cloud.client("iam", key)
    associate, given = ec2.associate_iam_instance_profile, {"Name": "empty"}
    add = {"InstanceProfileName": "empty", "RoleName": "nobody"}
    asked = {"InstanceId": INSTANCE, "IamInstanceProfile": given}
    assert outcome(associate, **asked) == "UnauthorizedOperation"
    assert outcome(own.add_role_to_instance_profile, **add) == "AccessDenied"
    document = allow("iam:PassRole", "*")
    iam.put_user_policy(UserName="early", PolicyName="pass", PolicyDocument=document)
    assert outcome(associate, **asked).endswith("NotFound")
    assert outcome(own.add_role_to_instance_profile, **add) == "NoSuchEntity"

"""CreateCredentials is CreateAccessKey by another name: no way around what forbids that."""

import json
from typing import Any

from tests.cloud.running import RunningCloud
from tests.cloud.signing import Answer, Sender

EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
ENDPOINT = "http://127.0.0.1:8773"


def user(cloud: RunningCloud, name: str, *statements: dict[str, Any]) -> dict[str, str]:
    """A key of a new user with an inline policy."""
    iam = cloud.client("iam")
    iam.create_user(UserName=name)
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}


def ask(cloud: RunningCloud, key: dict[str, str], **parameters: str) -> Answer:
    return Sender(cloud.port, key).ask(
        "mallee", "CreateCredentials", Endpoint=ENDPOINT, **parameters
    )


def test_a_user_makes_his_own(cloud: RunningCloud) -> None:
    own = "arn:aws:iam::*:user/${aws:username}"
    permissions = ["mallee:CreateCredentials", "iam:CreateAccessKey"]
    key = user(cloud, "own", {"Effect": "Allow", "Action": permissions, "Resource": own})
    made = ask(cloud, key)
    assert made.status == 200, made.text
    assert made.element("UserName") == "own"
    assert ask(cloud, key, UserName="admin").code == "AccessDenied"
    assert ask(cloud, key).code == "LimitExceeded"


def test_either_permission_alone_is_not_enough(cloud: RunningCloud) -> None:
    for number, forbidden in enumerate(("iam:CreateAccessKey", "mallee:CreateCredentials")):
        denial = {"Effect": "Deny", "Action": forbidden, "Resource": "*"}
        key = user(cloud, f"half-{number}", EVERYTHING, denial)
        refused = ask(cloud, key)
        assert refused.code == "AccessDenied"
        assert forbidden in refused.message


def test_nobody_makes_the_administrators(cloud: RunningCloud) -> None:
    refused = ask(cloud, user(cloud, "mighty", EVERYTHING), UserName="admin")
    assert refused.code == "AccessDenied"


def test_a_session_that_may_not_make_keys_makes_none_here(cloud: RunningCloud) -> None:
    cloud.client("iam").create_user(UserName="target")
    for grant in (
        cloud.client("sts").get_session_token(),
        cloud.client("sts").get_federation_token(
            Name="guest",
            Policy=json.dumps({"Version": "2012-10-17", "Statement": [EVERYTHING]}),
        ),
    ):
        given = grant["Credentials"]
        key = {
            "access_key_id": given["AccessKeyId"],
            "secret_access_key": given["SecretAccessKey"],
            "session_token": given["SessionToken"],
        }
        assert Sender(cloud.port, key).ask("sts", "GetCallerIdentity").status == 200
        assert ask(cloud, key, UserName="target").code == "InvalidClientTokenId"


def test_a_user_of_another_account_is_not_there(cloud: RunningCloud) -> None:
    made = Sender(cloud.port, cloud.admin).ask("mallee", "CreateAccount", AccountName="other")
    other = {
        "access_key_id": made.element("AccessKeyId"),
        "secret_access_key": made.element("SecretAccessKey"),
    }
    cloud.client("iam").create_user(UserName="ours")
    assert ask(cloud, other, UserName="ours").code == "NoSuchEntity"
    assert ask(cloud, other).status == 200, "an account's own administrator may"

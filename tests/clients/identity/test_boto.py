"""boto3 over identities: every paginator whole and in pieces, waiters, resources, role sessions."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import boto3
import botocore.session
import pytest
from botocore import credentials
from botocore.exceptions import ClientError, WaiterError

from mallee.aws import clientfiles
from tests.clients.identity.conftest import bearer_of
from tests.cloud.running import RunningCloud

EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
COUNT = 5
ONCE = {"Delay": 1, "MaxAttempts": 1}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements) or [EVERYTHING]})


def trust(account: str) -> str:
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    return document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal})


@pytest.fixture(scope="module")
def iam(cloud: RunningCloud) -> Any:
    """IAM of an account with several of everything."""
    made: Any = cloud.client("iam")
    account = cloud.admin["account_id"]
    arns: list[str] = []
    for number in range(COUNT):
        tags = [{"Key": f"key-{each}", "Value": "v"} for each in range(COUNT)]
        policy = made.create_policy(
            PolicyName=f"policy-{number}", PolicyDocument=document(), Tags=tags
        )
        arns.append(policy["Policy"]["Arn"])
    for _ in range(3):
        made.create_policy_version(PolicyArn=arns[0], PolicyDocument=document())
    for number in range(COUNT):
        name = f"user-{number}"
        made.create_user(UserName=name, Tags=tags)
        made.create_group(GroupName=f"group-{number}")
        made.create_role(
            RoleName=f"role-{number}", AssumeRolePolicyDocument=trust(account), Tags=tags
        )
        made.create_instance_profile(InstanceProfileName=f"profile-{number}", Tags=tags)
        made.add_role_to_instance_profile(
            InstanceProfileName=f"profile-{number}", RoleName="role-0"
        )
        made.create_virtual_mfa_device(VirtualMFADeviceName=f"device-{number}", Tags=tags)
    for number in range(COUNT):
        inline = {"PolicyName": f"inline-{number}", "PolicyDocument": document()}
        made.put_user_policy(UserName="user-0", **inline)
        made.put_group_policy(GroupName="group-0", **inline)
        made.put_role_policy(RoleName="role-0", **inline)
        made.attach_user_policy(UserName="user-0", PolicyArn=arns[number])
        made.attach_group_policy(GroupName="group-0", PolicyArn=arns[number])
        made.attach_role_policy(RoleName="role-0", PolicyArn=arns[number])
        made.add_user_to_group(UserName=f"user-{number}", GroupName="group-0")
        if number:
            made.attach_user_policy(UserName=f"user-{number}", PolicyArn=arns[0])
            made.add_user_to_group(UserName="user-0", GroupName=f"group-{number}")
    for _ in range(2):
        made.create_access_key(UserName="user-0")
    made.create_account_alias(AccountAlias="the-first")
    return made


def arn(cloud: RunningCloud, rest: str) -> str:
    return f"arn:aws:iam::{cloud.admin['account_id']}:{rest}"


PAGINATORS: dict[str, tuple[int, Callable[[RunningCloud], dict[str, Any]]]] = {
    "get_account_authorization_details": (3 * COUNT, lambda cloud: {}),
    "get_group": (COUNT, lambda cloud: {"GroupName": "group-0"}),
    "list_access_keys": (2, lambda cloud: {"UserName": "user-0"}),
    "list_account_aliases": (1, lambda cloud: {}),
    "list_attached_group_policies": (COUNT, lambda cloud: {"GroupName": "group-0"}),
    "list_attached_role_policies": (COUNT, lambda cloud: {"RoleName": "role-0"}),
    "list_attached_user_policies": (COUNT, lambda cloud: {"UserName": "user-0"}),
    "list_entities_for_policy": (
        COUNT + 2,
        lambda cloud: {"PolicyArn": arn(cloud, "policy/policy-0")},
    ),
    "list_group_policies": (COUNT, lambda cloud: {"GroupName": "group-0"}),
    "list_groups": (COUNT, lambda cloud: {}),
    "list_groups_for_user": (COUNT, lambda cloud: {"UserName": "user-0"}),
    "list_instance_profile_tags": (COUNT, lambda cloud: {"InstanceProfileName": "profile-0"}),
    "list_instance_profiles": (COUNT, lambda cloud: {}),
    "list_instance_profiles_for_role": (COUNT, lambda cloud: {"RoleName": "role-0"}),
    "list_mfa_device_tags": (COUNT, lambda cloud: {"SerialNumber": arn(cloud, "mfa/device-0")}),
    "list_mfa_devices": (0, lambda cloud: {"UserName": "user-0"}),
    "list_open_id_connect_provider_tags": (-1, lambda cloud: {}),
    "list_policies": (COUNT, lambda cloud: {"Scope": "Local"}),
    "list_policy_tags": (COUNT, lambda cloud: {"PolicyArn": arn(cloud, "policy/policy-0")}),
    "list_policy_versions": (4, lambda cloud: {"PolicyArn": arn(cloud, "policy/policy-0")}),
    "list_role_policies": (COUNT, lambda cloud: {"RoleName": "role-0"}),
    "list_role_tags": (COUNT, lambda cloud: {"RoleName": "role-0"}),
    "list_roles": (COUNT, lambda cloud: {}),
    "list_saml_provider_tags": (-1, lambda cloud: {}),
    "list_server_certificate_tags": (-1, lambda cloud: {}),
    "list_server_certificates": (0, lambda cloud: {}),
    "list_signing_certificates": (0, lambda cloud: {"UserName": "user-0"}),
    "list_ssh_public_keys": (0, lambda cloud: {"UserName": "user-0"}),
    "list_user_policies": (COUNT, lambda cloud: {"UserName": "user-0"}),
    "list_user_tags": (COUNT, lambda cloud: {"UserName": "user-0"}),
    "list_users": (COUNT + 1, lambda cloud: {}),
    "list_virtual_mfa_devices": (COUNT, lambda cloud: {}),
    "simulate_custom_policy": (
        3,
        lambda cloud: {
            "PolicyInputList": [document()],
            "ActionNames": ["ec2:RunInstances", "iam:GetUser", "sts:AssumeRole"],
        },
    ),
    "simulate_principal_policy": (
        3,
        lambda cloud: {
            "PolicySourceArn": arn(cloud, "user/user-0"),
            "ActionNames": ["ec2:RunInstances", "iam:GetUser", "sts:AssumeRole"],
        },
    ),
}
"""By paginator: the least number of items there are, and the request; -1: tested with its noun."""


def test_every_paginator_of_iam_is_here() -> None:
    loader = botocore.session.get_session().get_component("data_loader")
    known = loader.load_service_model("iam", "paginators-1")["pagination"]
    names = {botocore.xform_name(name) for name in known}
    assert names == set(PAGINATORS)


@pytest.mark.parametrize("name", [name for name, (count, _) in PAGINATORS.items() if count >= 0])
def test_pages_show_each_thing_once(cloud: RunningCloud, iam: Any, name: str) -> None:
    least, request = PAGINATORS[name]
    paginator = iam.get_paginator(name)

    def items(**config: int) -> list[str]:
        found = paginator.paginate(**request(cloud), PaginationConfig=config)
        return [
            json.dumps(item, default=str, sort_keys=True)
            for page in found
            for key in paginator.result_keys
            for item in key.search(page) or []
        ]

    whole = items()
    assert len(whole) >= least
    assert len(set(whole)) == len(whole)
    assert sorted(items(PageSize=2)) == sorted(whole)


@pytest.mark.parametrize(
    ("waiter", "request_"),
    [
        ("user_exists", {"UserName": "user-0"}),
        ("role_exists", {"RoleName": "role-0"}),
        ("instance_profile_exists", {"InstanceProfileName": "profile-0"}),
        ("policy_exists", {"PolicyArn": "policy/policy-0"}),
    ],
)
def test_waiters_see_what_is_there_and_nothing_else(
    cloud: RunningCloud, iam: Any, waiter: str, request_: dict[str, str]
) -> None:
    [(member, name)] = request_.items()
    full = arn(cloud, name) if member == "PolicyArn" else name
    iam.get_waiter(waiter).wait(**{member: full}, WaiterConfig=ONCE)
    with pytest.raises(WaiterError):
        iam.get_waiter(waiter).wait(**{member: f"{full}-not"}, WaiterConfig=ONCE)


def test_resources_walk_from_one_thing_to_the_next(cloud: RunningCloud, iam: Any) -> None:
    key = {
        "aws_access_key_id": cloud.admin["access_key_id"],
        "aws_secret_access_key": cloud.admin["secret_access_key"],
    }
    resource = boto3.resource("iam", endpoint_url=cloud.url, region_name="us-east-1", **key)
    user = resource.User("user-0")
    assert {group.name for group in user.groups.all()} == {f"group-{n}" for n in range(COUNT)}
    assert {policy.name for policy in user.policies.all()} == {f"inline-{n}" for n in range(COUNT)}
    assert len(list(user.attached_policies.all())) == COUNT
    assert user.policies.all().__iter__().__next__().policy_document["Version"] == "2012-10-17"
    role = resource.Role("role-0")
    assert role.assume_role_policy_document["Statement"][0]["Action"] == "sts:AssumeRole"
    assert resource.CurrentUser().user_name == "admin"
    assert resource.AccountSummary().summary_map["Users"] == COUNT + 1
    assert resource.Policy(arn(cloud, "policy/policy-0")).default_version.version_id == "v1"
    with pytest.raises(ClientError, match="NoSuchEntity"):
        resource.User("nobody").load()


def test_a_session_of_a_role_renews_itself(cloud: RunningCloud, iam: Any) -> None:
    """botocore's own provider for `role_arn` assumes the role, and again when it must."""
    admin = bearer_of(cloud, cloud.admin)
    source = credentials.Credentials(admin.access_key_id, admin.secret_access_key)

    def sts(_service: str, **options: Any) -> Any:
        session = botocore.session.get_session()
        return session.create_client("sts", "us-east-1", endpoint_url=cloud.url, **options)

    fetcher = credentials.AssumeRoleCredentialFetcher(
        sts, source, arn(cloud, "role/role-0"), {"RoleSessionName": "long", "DurationSeconds": 900}
    )
    renewing = credentials.DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
    session = botocore.session.get_session()
    session._credentials = renewing
    client = session.create_client("sts", "us-east-1", endpoint_url=cloud.url)
    assert client.get_caller_identity()["Arn"].endswith(":assumed-role/role-0/long")
    first = renewing.access_key
    renewing._refresh_using = fetcher.fetch_credentials
    fetcher._cache.clear()
    renewing._expiry_time = None
    renewing._protected_refresh(is_mandatory=True)
    assert renewing.access_key != first
    assert client.get_caller_identity()["Arn"].endswith(":assumed-role/role-0/long")


def test_the_administrations_model_works_in_boto3(cloud: RunningCloud, tmp_path: Any) -> None:
    packed = clientfiles.archive(bearer_of(cloud, cloud.admin))
    with zipfile.ZipFile(io.BytesIO(packed)) as opened:
        opened.extractall(tmp_path)
    core = botocore.session.Session()
    core.set_config_variable("data_path", str(tmp_path / "mallee/models"))
    session = boto3.Session(
        cloud.admin["access_key_id"],
        cloud.admin["secret_access_key"],
        region_name="us-east-1",
        botocore_session=core,
    )
    assert "mallee" in session.get_available_services()
    told = session.client("mallee").describe_master_key()
    assert told["OlderKeyIds"] == []
    assert session.client("sts").get_caller_identity()["Account"] == cloud.admin["account_id"]

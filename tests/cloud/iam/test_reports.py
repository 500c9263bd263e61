"""Reports tell the truth: who has which credentials, who may what, and when they last did."""

import csv
import datetime
import io
import json
import time
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.aws import policy as policies
from mallee.cloud.state import records
from tests.cloud.iam.devices import Device
from tests.cloud.iam.papers import Paper
from tests.cloud.running import RunningCloud
from tests.cloud.sts.people import People, policy, refused

PASSWORD = "Correct-Horse-7"


@pytest.fixture
def people(cloud: RunningCloud) -> People:
    return People(cloud)


@pytest.fixture
def admin(people: People) -> dict[str, str]:
    return people.account()


@pytest.fixture
def iam(people: People, admin: dict[str, str]) -> Any:
    return people.client("iam", admin)


def report(iam: Any) -> dict[str, dict[str, str]]:
    """The credential report, by user."""
    assert iam.generate_credential_report()["State"] == "STARTED"
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    given = iam.get_credential_report()
    assert given["ReportFormat"] == "text/csv"
    rows = csv.DictReader(io.StringIO(given["Content"].decode()))
    return {row["user"]: row for row in rows}


def test_credential_report_has_a_line_for_everybody(
    people: People, admin: dict[str, str], iam: Any
) -> None:
    assert refused(iam.get_credential_report) == "ReportNotPresent"
    key = people.user({"Action": "ec2:*"}, of=admin)
    name = key["name"]
    people.client("ec2", key).describe_vpcs()
    iam.create_login_profile(UserName=name, Password=PASSWORD)
    iam.update_account_password_policy(MaxPasswordAge=30)
    Device(iam, name).enable(iam, name)
    iam.upload_signing_certificate(UserName=name, CertificateBody=Paper("x").body)
    rows = report(iam)
    assert list(rows) == ["<root_account>", "admin", name]
    row = rows[name]
    assert row["arn"] == key.arn
    assert (row["password_enabled"], row["mfa_active"]) == ("true", "true")
    assert row["password_last_used"] == "no_information"
    changed = datetime.datetime.fromisoformat(row["password_last_changed"])
    ends = datetime.datetime.fromisoformat(row["password_next_rotation"])
    assert ends - changed == datetime.timedelta(days=30)
    assert row["access_key_1_active"] == "true"
    assert row["access_key_1_last_used_service"] == "ec2"
    assert row["access_key_1_last_used_region"] == "us-east-1"
    assert row["access_key_2_active"] == "false"
    assert row["access_key_2_last_rotated"] == "N/A"
    assert (row["cert_1_active"], row["cert_2_active"]) == ("true", "false")
    root = rows["<root_account>"]
    assert root["arn"] == f"arn:aws:iam::{admin['account_id']}:root"
    assert (root["password_enabled"], root["mfa_active"]) == ("false", "false")


def test_credential_report_gets_old(cloud: RunningCloud, admin: dict[str, str], iam: Any) -> None:
    report(iam)

    def age(tx: Any) -> None:
        record = tx.get(records.CREDENTIAL_REPORT, admin["account_id"])
        tx.write(record, replace(record.doc, created_at=record.doc.created_at - 5 * 3600))

    cloud.store.transact(age)
    assert refused(iam.get_credential_report) == "ReportExpired"
    report(iam)


def test_last_use_of_a_key_is_told_to_its_own_account(
    people: People, admin: dict[str, str], iam: Any
) -> None:
    key = people.user({"Action": "ec2:*"}, of=admin)
    asked = {"AccessKeyId": key["access_key_id"]}
    found = iam.get_access_key_last_used(**asked)
    assert found["UserName"] == key["name"]
    assert found["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    before = time.time()
    people.client("ec2", key).describe_vpcs()
    used = iam.get_access_key_last_used(**asked)["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("ec2", "us-east-1")
    assert abs(used["LastUsedDate"].timestamp() - before) < 30
    stranger = people.client("iam", people.account())
    assert refused(stranger.get_access_key_last_used, **asked) == "NoSuchEntity"
    assert refused(people.client("iam", key).get_access_key_last_used, **asked) == "AccessDenied"


def test_last_use_of_a_role_is_that_of_its_sessions(
    people: People, admin: dict[str, str], iam: Any
) -> None:
    trust = {"Principal": {"AWS": admin["account_id"]}}
    arn = people.role(trust, {"Action": "ec2:*"}, of=admin)
    name = arn.rpartition("/")[2]
    assert not iam.get_role(RoleName=name)["Role"]["RoleLastUsed"]
    key = people.user({"Action": "sts:AssumeRole"}, of=admin)
    session = people.assume(arn, key)
    people.client("ec2", session).describe_vpcs()
    used = iam.get_role(RoleName=name)["Role"]["RoleLastUsed"]
    assert used["Region"] == "us-east-1"


def test_advisor_tells_what_may_be_used_and_what_was(
    people: People, admin: dict[str, str], iam: Any
) -> None:
    key = people.user({"Action": ["ec2:Describe*", "iam:GetUser"]}, of=admin)
    people.client("ec2", key).describe_vpcs()
    job = iam.generate_service_last_accessed_details(Arn=key.arn, Granularity="ACTION_LEVEL")
    found = iam.get_service_last_accessed_details(JobId=job["JobId"])
    assert (found["JobStatus"], found["JobType"]) == ("COMPLETED", "ACTION_LEVEL")
    ec2, other = found["ServicesLastAccessed"]
    assert (ec2["ServiceNamespace"], other["ServiceNamespace"]) == ("ec2", "iam")
    assert ec2["LastAuthenticatedEntity"] == key.arn
    assert ec2["TotalAuthenticatedEntities"] == 1
    actions = {one["ActionName"]: one for one in ec2["TrackedActionsLastAccessed"]}
    assert actions["DescribeVpcs"]["LastAccessedEntity"] == key.arn
    assert actions["DescribeSubnets"] == {"ActionName": "DescribeSubnets"}
    assert "RunInstances" not in actions
    assert [one["ActionName"] for one in other["TrackedActionsLastAccessed"]] == ["GetUser"]
    assert "LastAuthenticated" not in other
    assert other["TotalAuthenticatedEntities"] == 0
    stranger = people.client("iam", people.account())
    asked = {"JobId": job["JobId"]}
    assert refused(stranger.get_service_last_accessed_details, **asked) == "NoSuchEntity"
    assert refused(stranger.generate_service_last_accessed_details, Arn=key.arn) == "NoSuchEntity"


def test_advisor_of_a_policy_tells_who_of_its_holders(
    people: People, admin: dict[str, str], iam: Any
) -> None:
    made = iam.create_policy(PolicyName="p", PolicyDocument=policy({"Action": "ec2:*"}))
    arn = made["Policy"]["Arn"]
    one, two = people.user(of=admin), people.user(of=admin)
    iam.attach_user_policy(UserName=one["name"], PolicyArn=arn)
    iam.create_group(GroupName="g")
    iam.attach_group_policy(GroupName="g", PolicyArn=arn)
    iam.add_user_to_group(GroupName="g", UserName=two["name"])
    people.client("ec2", two).describe_vpcs()
    job = iam.generate_service_last_accessed_details(Arn=arn)["JobId"]
    (ec2,) = iam.get_service_last_accessed_details(JobId=job)["ServicesLastAccessed"]
    assert ec2["LastAuthenticatedEntity"] == two.arn
    asked = {"JobId": job, "ServiceNamespace": "ec2"}
    first = iam.get_service_last_accessed_details_with_entities(**asked, MaxItems=1)
    assert first["IsTruncated"]
    second = iam.get_service_last_accessed_details_with_entities(**asked, Marker=first["Marker"])
    both = [*first["EntityDetailsList"], *second["EntityDetailsList"]]
    when = {item["EntityInfo"]["Arn"]: "LastAuthenticated" in item for item in both}
    assert when == {one.arn: False, two.arn: True}
    wrong = {"JobId": job, "ServiceNamespace": "s3"}
    assert refused(iam.get_service_last_accessed_details_with_entities, **wrong) == "InvalidInput"
    granting = iam.list_policies_granting_service_access(
        Arn=two.arn, ServiceNamespaces=["ec2", "iam"]
    )["PoliciesGrantingServiceAccess"]
    assert [one["ServiceNamespace"] for one in granting] == ["ec2", "iam"]
    assert [one["PolicyArn"] for one in granting[0]["Policies"]] == [arn]
    assert granting[1]["Policies"] == []


def test_a_policy_is_read_once_of_however_many_services(
    iam: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements = [
        {"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"},
        {"Effect": "Allow", "NotAction": ["iam:*", "kms:*", "s3:Get*"], "Resource": "*"},
        {"Effect": "Allow", "NotAction": "*", "Resource": "*"},
        {"Effect": "Allow", "Action": "STS:AssumeRole", "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "Resource": "*"},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.create_user(UserName="mostly")
    iam.put_user_policy(UserName="mostly", PolicyName="p", PolicyDocument=document)
    compiled, read = policies.compiled, list[str]()

    def count(text: str, kind: policies.Kind) -> policies.Compiled:
        read.append(text)
        return compiled(text, kind)

    monkeypatch.setattr(policies, "compiled", count)
    services = ["iam", "kms", "s3", "sts", *(f"service{number}" for number in range(196))]
    told = iam.list_policies_granting_service_access(
        Arn=iam.get_user(UserName="mostly")["User"]["Arn"], ServiceNamespaces=services
    )["PoliciesGrantingServiceAccess"]
    assert [one["ServiceNamespace"] for one in told if not one["Policies"]] == ["iam"]
    assert read.count(document) == 1


def test_authorization_details_hold_everything_and_come_in_pages(
    people: People, admin: dict[str, str], iam: Any
) -> None:
    key = people.user({"Action": "ec2:*"}, of=admin)
    iam.create_group(GroupName="g", Path="/x/")
    iam.add_user_to_group(GroupName="g", UserName=key["name"])
    given = "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess"
    iam.attach_group_policy(GroupName="g", PolicyArn=given)
    people.role({"Principal": {"AWS": admin["account_id"]}}, {"Action": "ec2:*"}, of=admin)
    made = iam.create_policy(PolicyName="p", PolicyDocument=policy({"Action": "ec2:*"}))
    whole = iam.get_account_authorization_details()
    users = {one["UserName"]: one for one in whole["UserDetailList"]}
    assert set(users) == {"admin", key["name"]}
    assert users[key["name"]]["GroupList"] == ["g"]
    (inline,) = users[key["name"]]["UserPolicyList"]
    assert inline["PolicyDocument"]["Statement"][0]["Action"] == "ec2:*"
    (group,) = whole["GroupDetailList"]
    assert group["AttachedManagedPolicies"][0]["PolicyArn"] == given
    (role,) = whole["RoleDetailList"]
    assert role["AssumeRolePolicyDocument"]["Statement"]
    assert [one["PolicyName"] for one in role["RolePolicyList"]] == ["p0"]
    assert {one["Arn"] for one in whole["Policies"]} == {made["Policy"]["Arn"], given}
    versions = [one["PolicyVersionList"][0]["VersionId"] for one in whole["Policies"]]
    assert versions == ["v1", "v1"]
    pages = iam.get_paginator("get_account_authorization_details")
    lists = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    seen = [
        item["Arn"]
        for page in pages.paginate(PaginationConfig={"PageSize": 1})
        for name in lists
        for item in page[name]
    ]
    assert sorted(seen) == sorted(one["Arn"] for name in lists for one in whole[name])
    only = iam.get_account_authorization_details(Filter=["Role"])
    assert only["UserDetailList"] == []
    assert len(only["RoleDetailList"]) == 1


def test_summary_tells_how_the_administrator_is_protected(iam: Any) -> None:
    before = iam.get_account_summary()["SummaryMap"]
    assert before["AccountMFAEnabled"] == before["AccountPasswordPresent"] == 0
    assert before["AccountAccessKeysPresent"] == 1
    device = Device(iam, "admins")
    assert iam.get_account_summary()["SummaryMap"]["MFADevicesInUse"] == 0
    device.enable(iam, "admin")
    iam.create_login_profile(UserName="admin", Password=PASSWORD)
    after = iam.get_account_summary()["SummaryMap"]
    assert after["AccountMFAEnabled"] == after["AccountPasswordPresent"] == 1
    assert after["MFADevices"] == after["MFADevicesInUse"] == 1

"""The simulator says what the cloud would do, why, and what it would need to know."""

import json
from collections.abc import Iterator
from typing import Any

import botocore.exceptions
import pytest

from mallee.cloud.iam import simulator
from tests.cloud.running import RunningCloud

INSTANCE = "arn:aws:ec2:us-east-1:123456789012:instance/i-1"
BUCKET = "arn:aws:s3:::box/*"


def text(*statements: dict[str, Any], indent: int | None = None) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=indent)


def allow(*names: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": names, "Resource": resource, **more}


def deny(*names: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": names, "Resource": resource, **more}


@pytest.fixture(scope="module")
def iam(cloud: RunningCloud) -> Any:
    return cloud.client("iam")


@pytest.fixture
def ann(iam: Any) -> Iterator[dict[str, Any]]:
    user = iam.create_user(UserName="ann", Tags=[{"Key": "team", "Value": "red"}])["User"]
    yield user
    for name in iam.list_user_policies(UserName="ann")["PolicyNames"]:
        iam.delete_user_policy(UserName="ann", PolicyName=name)
    iam.delete_user(UserName="ann")


def ask(
    iam: Any, *statements: dict[str, Any], action: str = "ec2:StopInstances", **more: Any
) -> Any:
    found = iam.simulate_custom_policy(
        PolicyInputList=[text(*statements)], ActionNames=[action], **more
    )
    return found["EvaluationResults"][0]


def code_of(call: Any, **parameters: Any) -> str:
    with pytest.raises(botocore.exceptions.ClientError) as error:
        call(**parameters)
    return error.value.response["Error"]["Code"]


def test_a_verdict_names_the_statement_that_decided(iam: Any) -> None:
    policy = (
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["dynamodb:*"],'
        '"Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":'
        '"2019-08-16T15:00:00Z"}}}}'
    )
    found = iam.simulate_custom_policy(
        PolicyInputList=[policy], ActionNames=["dynamodb:CreateBackup"]
    )["EvaluationResults"][0]
    assert found == {
        "EvalActionName": "dynamodb:CreateBackup",
        "EvalResourceName": "*",
        "EvalDecision": "allowed",
        "MatchedStatements": [
            {
                "SourcePolicyId": "PolicyInputList.1",
                "SourcePolicyType": "none",
                "StartPosition": {"Line": 1, "Column": 38},
                "EndPosition": {"Line": 1, "Column": 167},
            }
        ],
        "MissingContextValues": [],
    }


def test_a_denial_is_shown_alone(iam: Any) -> None:
    found = ask(iam, allow("*"), deny("ec2:Stop*"), allow("ec2:*"))
    assert found["EvalDecision"] == "explicitDeny"
    assert len(found["MatchedStatements"]) == 1
    assert ask(iam, allow("s3:*"))["EvalDecision"] == "implicitDeny"
    assert ask(iam, allow("s3:*"))["MatchedStatements"] == []


def test_each_action_is_tried_on_each_resource(iam: Any) -> None:
    found = iam.simulate_custom_policy(
        PolicyInputList=[text(allow("ec2:*", resource=INSTANCE))],
        ActionNames=["ec2:StopInstances", "ec2:StartInstances"],
        ResourceArns=[INSTANCE, f"{INSTANCE}2"],
    )["EvaluationResults"]
    assert [(one["EvalResourceName"][-1], one["EvalDecision"]) for one in found] == [
        ("1", "allowed"),
        ("2", "implicitDeny"),
        ("1", "allowed"),
        ("2", "implicitDeny"),
    ]
    one = found[0]["ResourceSpecificResults"][0]
    assert (one["EvalResourceName"], one["EvalResourceDecision"]) == (INSTANCE, "allowed")


def test_results_come_in_pages(iam: Any) -> None:
    pages = iam.get_paginator("simulate_custom_policy").paginate(
        PolicyInputList=[text(allow("*"))],
        ActionNames=[f"ec2:Action{number}" for number in range(7)],
        PaginationConfig={"PageSize": 3},
    )
    found = [one["EvalActionName"] for page in pages for one in page["EvaluationResults"]]
    assert found == [f"ec2:Action{number}" for number in range(7)]


def test_what_conditions_ask_for_is_told_or_missing(iam: Any) -> None:
    tls = allow("*", Condition={"Bool": {"aws:SecureTransport": "true"}})
    found = ask(iam, tls)
    assert found["EvalDecision"] == "implicitDeny"
    assert found["MissingContextValues"] == ["aws:SecureTransport"]
    entry = {
        "ContextKeyName": "aws:SecureTransport",
        "ContextKeyValues": ["true"],
        "ContextKeyType": "boolean",
    }
    assert ask(iam, tls, ContextEntries=[entry])["EvalDecision"] == "allowed"
    named = ask(iam, tls, ResourceArns=[INSTANCE])
    assert named["MissingContextValues"] == []
    assert named["ResourceSpecificResults"][0]["MissingContextValues"] == ["aws:SecureTransport"]


def test_a_boundary_and_an_organization_are_the_most_there_is(iam: Any) -> None:
    found = ask(iam, allow("*"), PermissionsBoundaryPolicyInputList=[text(allow("s3:*"))])
    assert found["EvalDecision"] == "implicitDeny"
    assert found["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    levels = [
        {"ServiceControlPolicyInputList": [text(allow("*"))]},
        {"ServiceControlPolicyInputList": [text(allow("s3:*"))]},
    ]
    found = ask(iam, allow("*"), OrderedOrganizationPolicyInputList=levels)
    assert found["EvalDecision"] == "implicitDeny"
    assert found["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}


def test_between_accounts_both_sides_must_allow(iam: Any) -> None:
    caller = "arn:aws:iam::210987654321:user/eve"
    granting = text({**allow("s3:GetObject", resource=BUCKET), "Principal": {"AWS": caller}})
    more = {
        "action": "s3:GetObject",
        "ResourceArns": [BUCKET],
        "ResourcePolicy": granting,
        "ResourceOwner": "arn:aws:iam::123456789012:root",
        "CallerArn": caller,
    }
    found = ask(iam, allow("s3:*"), **more)
    assert found["EvalDecision"] == "allowed"
    assert found["EvalDecisionDetails"] == {"IAM Policy": "allowed", "Resource Policy": "allowed"}
    found = ask(iam, allow("ec2:*"), **more)
    assert found["EvalDecision"] == "implicitDeny"
    assert found["EvalDecisionDetails"]["IAM Policy"] == "implicitDeny"
    more["ResourceOwner"] = "arn:aws:iam::210987654321:root"
    assert ask(iam, allow("ec2:*"), **more)["EvalDecision"] == "allowed"


def test_a_principals_policies_are_those_that_count(iam: Any, ann: dict[str, Any]) -> None:
    arn = ann["Arn"]
    iam.put_user_policy(
        UserName="ann",
        PolicyName="own",
        PolicyDocument=text(
            allow("ec2:*", Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}})
        ),
    )
    found = iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=["ec2:StopInstances", "iam:GetUser"]
    )["EvaluationResults"]
    assert [one["EvalDecision"] for one in found] == ["allowed", "implicitDeny"]
    match = found[0]["MatchedStatements"][0]
    assert (match["SourcePolicyId"], match["SourcePolicyType"]) == ("user_ann_own", "user")
    more = iam.simulate_principal_policy(
        PolicySourceArn=arn,
        PolicyInputList=[text(deny("ec2:Stop*"))],
        ActionNames=["ec2:StopInstances"],
    )["EvaluationResults"][0]
    assert more["EvalDecision"] == "explicitDeny"
    assert more["MatchedStatements"][0]["SourcePolicyId"] == "PolicyInputList.1"


def test_policies_of_a_principal_can_be_left_out(iam: Any, ann: dict[str, Any]) -> None:
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=text(deny("s3:*")))
    given = "arn:aws:iam::aws:policy/AdministratorAccess"
    iam.attach_user_policy(UserName="ann", PolicyArn=given)
    bound = "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess"
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=bound)
    inline = {"PolicyName": "own", "AttachmentType": "user", "AttachmentName": "ann"}
    no_bound = {"PolicyType": "permission-boundary"}
    for left_out, decision in (
        ([], "explicitDeny"),
        ([{"InlinePolicyIdentifier": inline}], "implicitDeny"),
        ([{"PolicyType": "inline"}, no_bound], "allowed"),
        ([{"PolicyType": "inline"}, {"PolicyArn": bound}], "allowed"),
        ([{"PolicyType": "inline"}, no_bound, {"PolicyArn": given}], "implicitDeny"),
        ([{"PolicyType": "inline"}, no_bound, {"PolicyType": "aws-managed"}], "implicitDeny"),
    ):
        found = iam.simulate_principal_policy(
            PolicySourceArn=ann["Arn"], ActionNames=["s3:GetObject"], PolicyExclusionList=left_out
        )
        assert found["EvaluationResults"][0]["EvalDecision"] == decision, left_out
    iam.detach_user_policy(UserName="ann", PolicyArn=given)


def test_a_launch_must_name_what_a_launch_takes(iam: Any) -> None:
    ec2 = "arn:aws:ec2:us-east-1:123456789012"
    named = [f"{ec2}:{kind}/*" for kind in ("instance", "security-group", "network-interface")]
    more = {"action": "ec2:RunInstances", "ResourceHandlingOption": "EC2-VPC-InstanceStore"}
    image = "arn:aws:ec2:us-east-1::image/ami-1"
    assert ask(iam, allow("*"), ResourceArns=[*named, image], **more)["EvalDecision"] == "allowed"
    asked = {
        "PolicyInputList": [text(allow("*"))],
        "ActionNames": ["ec2:RunInstances"],
        "ResourceArns": named,
    }
    for option in ("EC2-VPC-InstanceStore", "EC2-Nowhere"):
        code = code_of(iam.simulate_custom_policy, ResourceHandlingOption=option, **asked)
        assert code == "InvalidInput"


def test_groups_and_roles_can_be_asked_about_too(iam: Any) -> None:
    group = iam.create_group(GroupName="ops")["Group"]["Arn"]
    iam.attach_group_policy(GroupName="ops", PolicyArn="arn:aws:iam::aws:policy/IAMFullAccess")
    trust = text(
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "ec2.amazonaws.com"},
        }
    )
    role = iam.create_role(RoleName="job", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    for arn, decision in ((group, "allowed"), (role, "implicitDeny")):
        found = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["iam:GetUser"])
        assert found["EvaluationResults"][0]["EvalDecision"] == decision
    match = iam.simulate_principal_policy(PolicySourceArn=group, ActionNames=["iam:GetUser"])
    (statement,) = match["EvaluationResults"][0]["MatchedStatements"]
    assert statement["SourcePolicyId"] == "IAMFullAccess"
    assert statement["SourcePolicyType"] == "aws-managed"


def test_context_keys_are_listed_as_they_are_written(iam: Any, ann: dict[str, Any]) -> None:
    one = text(allow("*", resource="arn:aws:s3:::${aws:username}"))
    two = text(allow("*", Condition={"Bool": {"aws:SecureTransport": "true"}}))
    custom = iam.get_context_keys_for_custom_policy(PolicyInputList=[one])
    assert custom["ContextKeyNames"] == ["aws:username"]
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=one)
    both = iam.get_context_keys_for_principal_policy(
        PolicySourceArn=ann["Arn"], PolicyInputList=[two]
    )
    assert both["ContextKeyNames"] == ["aws:SecureTransport", "aws:username"]


def test_nonsense_is_refused(iam: Any, ann: dict[str, Any]) -> None:
    some = {"PolicyInputList": [text(allow("*"))], "ActionNames": ["ec2:StopInstances"]}
    custom = iam.simulate_custom_policy
    for wrong in (
        {"ActionNames": ["ec2:Stop*"]},
        {"ActionNames": ["StopInstances"]},
        {"PolicyInputList": ["{}"]},
        {"PolicyInputList": [text(allow("*"))] * 3000},
        {"CallerArn": "arn:aws:iam::123456789012:role/x"},
        {"ResourcePolicy": text({**allow("*"), "Principal": "*"})},
        {"ResourceOwner": "me"},
        {"PermissionsBoundaryPolicyInputList": [text(allow("*"))] * 2},
        {"ActionNames": ["ec2:A"] * 200, "ResourceArns": [INSTANCE] * 100},
    ):
        assert code_of(custom, **{**some, **wrong}) == "InvalidInput", wrong
    account = ann["Arn"].split(":")[4]
    principal = iam.simulate_principal_policy
    for arn, code in (
        (f"arn:aws:iam::{account}:user/nobody", "NoSuchEntity"),
        (f"arn:aws:iam::{account}:user/other/ann", "NoSuchEntity"),
        ("arn:aws:iam::210987654321:user/ann", "NoSuchEntity"),
        (f"arn:aws:iam::{account}:policy/p", "InvalidInput"),
    ):
        assert code_of(principal, PolicySourceArn=arn, ActionNames=["ec2:A"]) == code


def test_a_page_that_takes_too_long_ends(iam: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator._Effort.__init__, "__defaults__", (0.0,))
    code = code_of(
        iam.simulate_custom_policy,
        PolicyInputList=[text(allow("*"))],
        ActionNames=["ec2:A", "ec2:B", "ec2:C"],
    )
    assert code == "PolicyEvaluation"

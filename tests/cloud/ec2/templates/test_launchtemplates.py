"""Launch templates: versions that never change, launches that mean what the template says."""

import base64
import json
from typing import Any

import pytest

from mallee.cloud.ec2.instances import launchrequest
from mallee.cloud.ec2.templates import launchtemplates
from mallee.cloud.state import records
from tests.cloud.ec2.asking import described, launch_one, refusal, refused
from tests.cloud.ec2.test_quotas_of_users import a_user
from tests.cloud.ec2.world import IMAGE_ID, FakeHost, Front, World

DATA = {"ImageId": IMAGE_ID, "InstanceType": "t3.small"}
ONE = {"MinCount": 1, "MaxCount": 1}


def make(client: Any, name: str = "web", **data: Any) -> str:
    """Make a template; return its id."""
    made = client.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data or DATA)
    return made["LaunchTemplate"]["LaunchTemplateId"]


def numbers(client: Any, **asked: Any) -> list[int]:
    found = client.describe_launch_template_versions(**asked)["LaunchTemplateVersions"]
    return [version["VersionNumber"] for version in found]


@pytest.fixture
def template(alice: Any) -> str:
    return make(alice)


def test_a_new_template_has_one_version_which_is_the_default(alice: Any, template: str) -> None:
    (shown,) = alice.describe_launch_templates()["LaunchTemplates"]
    assert shown["LaunchTemplateId"] == template
    assert (shown["DefaultVersionNumber"], shown["LatestVersionNumber"]) == (1, 1)
    (version,) = alice.describe_launch_template_versions(LaunchTemplateName="web")[
        "LaunchTemplateVersions"
    ]
    assert version["LaunchTemplateData"] == DATA
    assert version["DefaultVersion"]
    assert version["CreatedBy"].startswith("arn:aws:iam::")


@pytest.mark.parametrize("name", ["ab", "a b c", "x" * 129, "größe"])
def test_names_that_aws_refuses_are_refused(alice: Any, name: str) -> None:
    code = refusal(alice.create_launch_template, LaunchTemplateName=name, LaunchTemplateData=DATA)
    assert code in ("InvalidLaunchTemplateName.MalformedException", "InvalidParameterValue")


def test_a_name_is_given_once_and_again_after_its_template_is_deleted(alice: Any) -> None:
    make(alice)
    code = refusal(alice.create_launch_template, LaunchTemplateName="web", LaunchTemplateData=DATA)
    assert code == "InvalidLaunchTemplateName.AlreadyExistsException"
    alice.delete_launch_template(LaunchTemplateName="web")
    make(alice)


def test_a_version_is_its_source_with_what_is_given(alice: Any, template: str) -> None:
    made = alice.create_launch_template_version(
        LaunchTemplateId=template,
        SourceVersion="1",
        VersionDescription="larger",
        LaunchTemplateData={"InstanceType": "t3.large"},
    )["LaunchTemplateVersion"]
    assert made["VersionNumber"] == 2
    assert not made["DefaultVersion"]
    assert made["LaunchTemplateData"] == {"ImageId": IMAGE_ID, "InstanceType": "t3.large"}
    alone = alice.create_launch_template_version(
        LaunchTemplateId=template, LaunchTemplateData={"InstanceType": "t3.large"}
    )["LaunchTemplateVersion"]
    assert alone["LaunchTemplateData"] == {"InstanceType": "t3.large"}
    assert numbers(alice, LaunchTemplateId=template) == [3, 2, 1]


def test_numbers_of_deleted_versions_do_not_come_back(alice: Any, template: str) -> None:
    for _ in range(2):
        alice.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=DATA)
    answer = alice.delete_launch_template_versions(
        LaunchTemplateId=template, Versions=["3", "1", "9"]
    )
    gone = answer["SuccessfullyDeletedLaunchTemplateVersions"]
    assert [one["VersionNumber"] for one in gone] == [3]
    kept = {
        one["VersionNumber"]: one["ResponseError"]["Code"]
        for one in answer["UnsuccessfullyDeletedLaunchTemplateVersions"]
    }
    assert kept == {1: "unexpectedError", 9: "launchTemplateVersionDoesNotExist"}
    alice.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=DATA)
    assert numbers(alice, LaunchTemplateId=template) == [4, 2, 1]


def test_versions_are_found_by_word_and_by_range(alice: Any, template: str) -> None:
    for _ in range(3):
        alice.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=DATA)
    alice.modify_launch_template(LaunchTemplateId=template, DefaultVersion="2")
    assert numbers(alice, LaunchTemplateId=template, Versions=["$Latest"]) == [4]
    assert numbers(alice, LaunchTemplateId=template, Versions=["$Default", "2"]) == [2]
    assert numbers(alice, LaunchTemplateId=template, MinVersion="2", MaxVersion="3") == [3, 2]
    assert sorted(numbers(alice, Versions=["$Latest", "$Default"])) == [2, 4]
    assert refusal(alice.describe_launch_template_versions, Versions=["1"]) == (
        "InvalidParameterValue"
    )
    code = refusal(
        alice.describe_launch_template_versions, LaunchTemplateId=template, Versions=["7"]
    )
    assert code == "InvalidLaunchTemplateId.VersionNotFound"


def test_a_page_of_versions_goes_on_where_the_last_ended(alice: Any, template: str) -> None:
    for _ in range(4):
        alice.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=DATA)
    pages = alice.get_paginator("describe_launch_template_versions").paginate(
        LaunchTemplateId=template, PaginationConfig={"PageSize": 2}
    )
    found = [one["VersionNumber"] for page in pages for one in page["LaunchTemplateVersions"]]
    assert found == [5, 4, 3, 2, 1]


def test_a_launch_is_what_its_template_says(alice: Any, host: FakeHost) -> None:
    alice.create_key_pair(KeyName="k")
    template = make(
        alice,
        **DATA,
        KeyName="k",
        UserData=base64.b64encode(b"hello").decode(),
        DisableApiTermination=True,
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "1"}]}],
        MetadataOptions={"HttpTokens": "optional"},
    )
    answer = alice.run_instances(LaunchTemplate={"LaunchTemplateId": template}, **ONE)
    (made,) = answer["Instances"]
    assert (made["InstanceType"], made["KeyName"]) == ("t3.small", "k")
    assert made["MetadataOptions"]["HttpTokens"] == "optional"
    assert {tag["Key"]: tag["Value"] for tag in made["Tags"]} == {
        "a": "1",
        "aws:ec2launchtemplate:id": template,
        "aws:ec2launchtemplate:version": "1",
    }
    protected = alice.describe_instance_attribute(
        InstanceId=made["InstanceId"], Attribute="disableApiTermination"
    )
    assert protected["DisableApiTermination"]["Value"]


def test_what_the_launch_says_goes_before_its_template(alice: Any, host: FakeHost) -> None:
    tag = {"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "template"}]}
    eni = {"ResourceType": "network-interface", "Tags": [{"Key": "e", "Value": "template"}]}
    make(alice, **DATA, TagSpecifications=[tag, eni])
    (made,) = alice.run_instances(
        LaunchTemplate={"LaunchTemplateName": "web", "Version": "$Latest"},
        InstanceType="t3.micro",
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "launch"}]}],
        **ONE,
    )["Instances"]
    assert made["InstanceType"] == "t3.micro"
    assert {tag["Value"] for tag in made["Tags"] if tag["Key"] == "a"} == {"launch"}
    (interface,) = alice.describe_network_interfaces()["NetworkInterfaces"]
    assert interface["TagSet"] == [{"Key": "e", "Value": "template"}]


def test_a_version_is_launched_even_after_the_default_moved(
    alice: Any, template: str, host: FakeHost
) -> None:
    alice.create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData={"InstanceType": "t3.nano"}
    )
    alice.modify_launch_template(LaunchTemplateId=template, DefaultVersion="2")
    kinds = [
        alice.run_instances(LaunchTemplate={"LaunchTemplateId": template, **version}, **ONE)[
            "Instances"
        ][0]["InstanceType"]
        for version in ({}, {"Version": "1"})
    ]
    assert kinds == ["t3.nano", "t3.small"]


def test_a_client_token_knows_what_was_sent_not_what_the_template_said(
    alice: Any, template: str, host: FakeHost
) -> None:
    wanted = {"LaunchTemplate": {"LaunchTemplateId": template}, "ClientToken": "t", **ONE}
    first = alice.run_instances(**wanted)["Instances"][0]["InstanceId"]
    alice.create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData={"InstanceType": "t3.nano"}
    )
    alice.modify_launch_template(LaunchTemplateId=template, DefaultVersion="2")
    assert alice.run_instances(**wanted)["Instances"][0]["InstanceId"] == first


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ({"LaunchTemplateId": "lt-00000000000000000"}, "InvalidLaunchTemplateId.NotFound"),
        ({"LaunchTemplateId": "lt-x"}, "InvalidLaunchTemplateId.Malformed"),
        ({"LaunchTemplateName": "nobody"}, "InvalidLaunchTemplateName.NotFoundException"),
        (
            {"LaunchTemplateName": "web", "Version": "9"},
            "InvalidLaunchTemplateId.VersionNotFound",
        ),
        (
            {"LaunchTemplateName": "web", "Version": "first"},
            "InvalidLaunchTemplateId.VersionNotFound",
        ),
    ],
)
def test_a_launch_from_what_is_not_there_is_refused(
    alice: Any, template: str, host: FakeHost, named: dict[str, str], code: str
) -> None:
    assert refusal(alice.run_instances, LaunchTemplate=named, **ONE) == code


def test_another_account_s_template_is_not_there(
    alice: Any, bob: Any, template: str, host: FakeHost
) -> None:
    code = refusal(bob.run_instances, LaunchTemplate={"LaunchTemplateId": template}, **ONE)
    assert code == "InvalidLaunchTemplateId.NotFound"
    make(bob)
    assert len(bob.describe_launch_templates()["LaunchTemplates"]) == 1


def test_a_template_says_nothing_that_a_launch_would_ignore(alice: Any) -> None:
    code, message = refused(
        alice.create_launch_template,
        LaunchTemplateName="web",
        LaunchTemplateData={**DATA, "HibernationOptions": {"Configured": True}},
    )
    assert code == "UnsupportedOperation"
    assert "HibernationOptions" in message


def test_every_word_of_a_template_is_a_launch_s() -> None:
    words = {name.partition(".")[2] for name in launchtemplates.honoured()}
    assert words - {"RamDiskId", "TagSpecifications"} <= launchrequest.HONOURS


def test_an_instance_s_data_launches_its_like(alice: Any, host: FakeHost) -> None:
    made = launch_one(alice, InstanceType="t3.small", UserData="hello")
    data = alice.get_launch_template_data(InstanceId=made["InstanceId"])["LaunchTemplateData"]
    assert base64.b64decode(data["UserData"]) == b"hello"
    template = make(alice, **data)
    (like,) = alice.run_instances(LaunchTemplate={"LaunchTemplateId": template}, **ONE)["Instances"]
    alike = ("InstanceType", "ImageId", "SubnetId", "SecurityGroups", "MetadataOptions")
    assert all(like[name] == described(alice, made["InstanceId"])[name] for name in alike)


def test_deleting_a_template_leaves_nothing_of_it(alice: Any, template: str, world: World) -> None:
    alice.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=DATA)
    alice.delete_launch_template(LaunchTemplateId=template)
    view = world.store.view
    assert not view.list(records.LAUNCH_TEMPLATE)
    assert not view.list(records.TEMPLATE_VERSION)


# --- who may ---


def allow(iam: Any, user: str, *statements: dict[str, Any]) -> None:
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps(policy))


def test_a_policy_about_the_type_holds_for_what_the_template_says(
    front: Front, alice: Any, host: FakeHost
) -> None:
    iam = front.client("alice", "iam")
    carol = a_user(front, iam, "carol")
    allow(
        iam,
        "carol",
        {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": "ec2:RunInstances",
            "Resource": "arn:aws:ec2:*:*:instance/*",
            "Condition": {"StringEquals": {"ec2:InstanceType": "t3.small"}},
        },
    )
    template = make(alice)
    named = {"LaunchTemplateId": template}
    assert refusal(carol.run_instances, LaunchTemplate=named, **ONE) == "UnauthorizedOperation"
    assert carol.run_instances(LaunchTemplate=named, InstanceType="t3.nano", **ONE)["Instances"]


def test_a_user_may_be_held_to_what_a_template_says(
    front: Front, alice: Any, host: FakeHost
) -> None:
    iam = front.client("alice", "iam")
    carol = a_user(front, iam, "carol")
    template = make(alice)
    arn = f"arn:aws:ec2:us-east-1:*:launch-template/{template}"
    allow(
        iam,
        "carol",
        {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": "ec2:RunInstances",
            "Resource": "*",
            "Condition": {"ArnNotLike": {"ec2:LaunchTemplate": arn}},
        },
        {
            "Effect": "Deny",
            "Action": "ec2:RunInstances",
            "Resource": "arn:aws:ec2:*::image/*",
            "Condition": {"Bool": {"ec2:IsLaunchTemplateResource": "false"}},
        },
    )
    named = {"LaunchTemplateId": template}
    assert carol.run_instances(LaunchTemplate=named, **ONE)["Instances"]
    assert refusal(carol.run_instances, ImageId=IMAGE_ID, **ONE) == "UnauthorizedOperation"
    code = refusal(carol.run_instances, LaunchTemplate=named, ImageId=IMAGE_ID, **ONE)
    assert code == "UnauthorizedOperation"

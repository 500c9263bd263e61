"""Instances and their profiles: given by who may pass the role, and by nobody else."""

import json
from typing import Any

import pytest

from tests.cloud.ec2.asking import described, launch_one, refusal, refused
from tests.cloud.ec2.world import FakeHost, Front

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        },
    }
)


@pytest.fixture
def iam(front: Front, alice: Any) -> Any:
    return front.client("alice", "iam")


def make_profile(iam: Any, name: str) -> dict[str, str]:
    """The ARN and id of a new profile with a new role of the same name."""
    profile = iam.create_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    return {"Arn": profile["Arn"], "Id": profile["InstanceProfileId"]}


def test_a_launch_gives_a_profile_by_name_or_arn(alice: Any, iam: Any, host: FakeHost) -> None:
    profile = make_profile(iam, "web")
    for given in ({"Name": "web"}, {"Arn": profile["Arn"]}):
        made = launch_one(alice, IamInstanceProfile=given)
        assert made["IamInstanceProfile"] == profile
    for name, value in (
        ("iam-instance-profile.arn", profile["Arn"]),
        ("iam-instance-profile.id", profile["Id"]),
        ("iam-instance-profile.name", "web"),
    ):
        found = alice.describe_instances(Filters=[{"Name": name, "Values": [value]}])
        assert len(found["Reservations"]) == 2, name
    assert "IamInstanceProfile" not in launch_one(alice)


def test_a_profile_must_be_there_and_have_a_role(
    alice: Any, bob: Any, iam: Any, host: FakeHost
) -> None:
    arn = make_profile(iam, "web")["Arn"]
    empty = iam.create_instance_profile(InstanceProfileName="empty")["InstanceProfile"]["Arn"]
    wrong = "InvalidParameterValue"
    for given in (
        {"Name": "nothing"},
        {"Name": "empty"},
        {"Arn": empty},
        {"Arn": arn + "x"},
        {"Arn": arn.replace("/web", "/other/web")},
        {"Name": "empty", "Arn": arn},
    ):
        assert refusal(launch_one, client=alice, IamInstanceProfile=given) == wrong, given
    # Another account's profile is not there.
    assert refusal(launch_one, client=bob, IamInstanceProfile={"Arn": arn}) == wrong
    assert (
        "no associated IAM Roles"
        in refused(launch_one, client=alice, IamInstanceProfile={"Name": "empty"})[1]
    )


def test_an_association_lives_from_nothing_to_nothing(
    alice: Any, bob: Any, iam: Any, host: FakeHost
) -> None:
    web, other = make_profile(iam, "web"), make_profile(iam, "other")
    instance = launch_one(alice)["InstanceId"]
    asked = {"InstanceId": instance, "IamInstanceProfile": {"Name": "web"}}
    made = alice.associate_iam_instance_profile(**asked)["IamInstanceProfileAssociation"]
    assert (made["State"], made["IamInstanceProfile"]) == ("associating", web)
    assert described(alice, instance)["IamInstanceProfile"] == web
    assert refusal(alice.associate_iam_instance_profile, **asked) == "IncorrectState"
    listed = alice.describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"]
    assert listed == [{**made, "State": "associated"}]
    first = made["AssociationId"]
    for name in ("disassociate_iam_instance_profile", "describe_iam_instance_profile_associations"):
        many = name.startswith("describe")
        foreign = {"AssociationIds": [first]} if many else {"AssociationId": first}
        assert refusal(getattr(bob, name), **foreign) == "InvalidAssociationID.NotFound"
    replaced = alice.replace_iam_instance_profile_association(
        AssociationId=first, IamInstanceProfile={"Arn": other["Arn"]}
    )["IamInstanceProfileAssociation"]
    assert replaced["AssociationId"] != first
    assert described(alice, instance)["IamInstanceProfile"] == other
    gone = {"AssociationId": first}
    code = refusal(alice.disassociate_iam_instance_profile, **gone)
    assert code == "InvalidAssociationID.NotFound"
    ended = alice.disassociate_iam_instance_profile(AssociationId=replaced["AssociationId"])
    assert ended["IamInstanceProfileAssociation"]["State"] == "disassociating"
    assert "IamInstanceProfile" not in described(alice, instance)
    filters = [{"Name": "instance-id", "Values": [instance]}]
    found = alice.describe_iam_instance_profile_associations(Filters=filters)
    assert found["IamInstanceProfileAssociations"] == []


def test_a_terminated_instance_has_no_association(alice: Any, iam: Any, host: FakeHost) -> None:
    make_profile(iam, "web")
    made = launch_one(alice, IamInstanceProfile={"Name": "web"})["InstanceId"]
    host.settle()
    alice.terminate_instances(InstanceIds=[made])
    listed = alice.describe_iam_instance_profile_associations()
    assert listed["IamInstanceProfileAssociations"] == []
    asked = {"InstanceId": made, "IamInstanceProfile": {"Name": "web"}}
    assert refusal(alice.associate_iam_instance_profile, **asked) == "IncorrectInstanceState"

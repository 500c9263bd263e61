"""An account's metadata defaults: kept, taken back, heeded by launches and by policies."""

from typing import Any

import pytest

from tests.cloud.ec2.asking import described, launch_one, refusal

SET = {
    "HttpEndpoint": "disabled",
    "HttpTokens": "optional",
    "HttpPutResponseHopLimit": 3,
    "InstanceMetadataTags": "enabled",
}
UNSET = {
    "HttpEndpoint": "no-preference",
    "HttpTokens": "no-preference",
    "HttpPutResponseHopLimit": -1,
    "InstanceMetadataTags": "no-preference",
}


def options(client: Any, instance_id: str) -> dict[str, Any]:
    """What an instance has of those that have defaults."""
    shown = described(client, instance_id)["MetadataOptions"]
    return {name: shown[name] for name in SET}


def kept(client: Any) -> dict[str, Any]:
    return client.get_instance_metadata_defaults()["AccountLevel"]


def test_what_is_set_is_kept_until_it_is_taken_back(alice: Any, bob: Any) -> None:
    assert kept(alice) == {}
    assert alice.modify_instance_metadata_defaults(HttpTokens="optional")["Return"] is True
    assert kept(alice) == {"HttpTokens": "optional", "ManagedBy": "account"}
    alice.modify_instance_metadata_defaults(**SET)
    assert kept(alice) == {**SET, "ManagedBy": "account"}
    # Another account has its own.
    assert kept(bob) == {}
    alice.modify_instance_metadata_defaults(HttpTokens="no-preference")
    assert "HttpTokens" not in kept(alice)
    alice.modify_instance_metadata_defaults(**UNSET)
    assert kept(alice) == {}


@pytest.mark.usefixtures("host")
def test_a_launch_that_says_nothing_takes_them(alice: Any, bob: Any) -> None:
    before = launch_one(alice)["InstanceId"]
    plain = options(alice, before)
    alice.modify_instance_metadata_defaults(**SET)
    assert options(alice, launch_one(alice)["InstanceId"]) == SET
    # What a launch or its template says goes first, one by one.
    said = {"HttpTokens": "required", "HttpPutResponseHopLimit": 9}
    told = launch_one(alice, MetadataOptions=said)["InstanceId"]
    assert options(alice, told) == {**SET, **said}
    made = alice.create_launch_template(
        LaunchTemplateName="open",
        LaunchTemplateData={"MetadataOptions": {"HttpTokens": "required"}},
    )
    template = {"LaunchTemplateId": made["LaunchTemplate"]["LaunchTemplateId"]}
    by_template = launch_one(alice, LaunchTemplate=template)["InstanceId"]
    assert options(alice, by_template) == {**SET, "HttpTokens": "required"}
    # What was there before, and what is another's, is as it was.
    assert options(alice, before) == plain
    assert options(bob, launch_one(bob)["InstanceId"]) == plain


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"HttpPutResponseHopLimit": 0}, "InvalidParameterValue"),
        ({"HttpPutResponseHopLimit": 65}, "InvalidParameterValue"),
        ({"HttpTokens": "perhaps"}, "InvalidParameterValue"),
        ({"HttpTokensEnforced": "enabled"}, "UnsupportedOperation"),
        ({**SET, "DryRun": True}, "DryRunOperation"),
    ],
)
def test_what_makes_no_sense_changes_nothing(alice: Any, wrong: dict[str, Any], code: str) -> None:
    assert refusal(alice.modify_instance_metadata_defaults, **wrong) == code
    assert kept(alice) == {}

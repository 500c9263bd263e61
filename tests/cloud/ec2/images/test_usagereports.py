"""Image usage reports: who has how many of an image, counted at one moment, for its owner alone."""

from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.reconcile.images import imagereports as reconciling
from mallee.cloud.state import records
from mallee.model.images.imagereports import KEPT_S
from tests.cloud.ec2.asking import launch_one, refusal
from tests.cloud.ec2.world import IMAGE_ID, FakeHost, World

BOTH: list[dict[str, Any]] = [
    {"ResourceType": "ec2:Instance"},
    {"ResourceType": "ec2:LaunchTemplate"},
]


def report(ec2: Any, *types: dict[str, Any], **more: Any) -> str:
    asked = {"ImageId": IMAGE_ID, "ResourceTypes": list(types) or BOTH, **more}
    return ec2.create_image_usage_report(**asked)["ReportId"]


def entries(ec2: Any, **asked: Any) -> set[tuple[str, str, int]]:
    found = ec2.describe_image_usage_report_entries(**asked)["ImageUsageReportEntries"]
    return {(one["ResourceType"], one["AccountId"], one["UsageCount"]) for one in found}


def template(ec2: Any, name: str, *images: str) -> None:
    first, *others = ({"ImageId": image} for image in images)
    ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=first)
    for data in others:
        ec2.create_launch_template_version(LaunchTemplateName=name, LaunchTemplateData=data)


def test_instances_and_templates_of_all_accounts_are_counted(
    alice: Any, bob: Any, host: FakeHost, world: World
) -> None:
    launch_one(alice)
    gone = launch_one(bob)["InstanceId"]
    launch_one(bob)
    host.settle()
    bob.terminate_instances(InstanceIds=[gone])
    template(bob, "now", IMAGE_ID)
    template(bob, "once", IMAGE_ID, "ami-00000000000000009")
    own, others = world.accounts["alice"], world.accounts["bob"]
    id = report(alice)
    assert entries(alice, ReportIds=[id]) == {
        ("ec2:Instance", own, 1),
        ("ec2:Instance", others, 1),
        ("ec2:LaunchTemplate", others, 2),
    }
    option = {"OptionName": "version-depth", "OptionValues": ["1"]}
    newest = {"ResourceType": "ec2:LaunchTemplate", "ResourceTypeOptions": [option]}
    id = report(alice, newest)
    assert entries(alice, ReportIds=[id]) == {("ec2:LaunchTemplate", others, 1)}
    id = report(alice, AccountIds=[own])
    assert entries(alice, ReportIds=[id]) == {("ec2:Instance", own, 1)}
    only = [{"Name": "account-id", "Values": [others]}]
    assert {one[1] for one in entries(alice, Filters=only)} == {others}
    # What comes after it is not in it.
    launch_one(bob)
    assert entries(alice, ReportIds=[id]) == {("ec2:Instance", own, 1)}


def test_a_report_is_shown_for_its_time_and_deleted(alice: Any, world: World) -> None:
    id = report(alice)
    (shown,) = alice.describe_image_usage_reports(ImageIds=[IMAGE_ID])["ImageUsageReports"]
    assert (shown["ReportId"], shown["State"]) == (id, "available")
    assert (shown["ExpirationTime"] - shown["CreationTime"]).days == 30
    assert [one["ResourceType"] for one in shown["ResourceTypes"]] == [
        "ec2:Instance",
        "ec2:LaunchTemplate",
    ]
    assert shown["ResourceTypes"][1]["ResourceTypeOptions"][0]["OptionValues"] == ["20"]
    alice.delete_image_usage_report(ReportId=id)
    assert alice.describe_image_usage_reports()["ImageUsageReports"] == []
    gone = "InvalidImageUsageReportId.NotFound"
    assert refusal(alice.delete_image_usage_report, ReportId=id) == gone
    assert refusal(alice.describe_image_usage_report_entries, ReportIds=[id]) == gone
    id = report(alice)

    def old(tx: Any) -> None:
        record = tx.get(records.IMAGE_REPORT, id)
        tx.write(record, replace(record.doc, created_at=record.doc.created_at - KEPT_S))

    world.store.transact(lambda tx: reconciling.forget(tx, id))
    assert world.store.view.get(records.IMAGE_REPORT, id) is not None
    world.store.transact(old)
    world.store.transact(lambda tx: reconciling.forget(tx, id))
    assert world.store.view.get(records.IMAGE_REPORT, id) is None


def test_it_is_the_owners_alone(alice: Any, bob: Any) -> None:
    asked: dict[str, Any] = {"ImageId": IMAGE_ID, "ResourceTypes": BOTH}
    assert refusal(bob.create_image_usage_report, **asked) == "InvalidAMIID.NotFound"
    id = report(alice)
    for ask in (bob.describe_image_usage_reports, bob.describe_image_usage_report_entries):
        assert refusal(ask, ReportIds=[id]) == "InvalidImageUsageReportId.NotFound"
    assert refusal(bob.delete_image_usage_report, ReportId=id) == (
        "InvalidImageUsageReportId.NotFound"
    )
    assert bob.describe_image_usage_reports()["ImageUsageReports"] == []


@pytest.mark.parametrize(
    "types",
    [
        [{"ResourceType": "ec2:Volume"}],
        [{"ResourceType": "ec2:Instance"}, {"ResourceType": "ec2:Instance"}],
        [
            {
                "ResourceType": "ec2:Instance",
                "ResourceTypeOptions": [{"OptionName": "version-depth", "OptionValues": ["1"]}],
            }
        ],
        [
            {
                "ResourceType": "ec2:LaunchTemplate",
                "ResourceTypeOptions": [{"OptionName": "version-depth", "OptionValues": ["0"]}],
            }
        ],
    ],
)
def test_what_cannot_be_counted_is_refused(alice: Any, types: list[dict[str, Any]]) -> None:
    asked = {"ImageId": IMAGE_ID, "ResourceTypes": types}
    assert refusal(alice.create_image_usage_report, **asked) == "InvalidParameterValue"


def test_a_report_about_what_is_no_account_is_refused(alice: Any) -> None:
    asked = {"ImageId": IMAGE_ID, "ResourceTypes": [{"ResourceType": "ec2:Instance"}]}
    ask = alice.create_image_usage_report
    assert refusal(ask, **asked, AccountIds=["somebody"]) == "InvalidParameterValue"

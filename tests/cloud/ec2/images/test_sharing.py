"""Images that others may launch: named, public, and not any more; what is blocked and allowed."""

from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.state import records
from tests.cloud.ec2.asking import launch_one, refusal, refused
from tests.cloud.ec2.images.conftest import Make
from tests.cloud.ec2.world import IMAGE_ID, FakeHost, World

GONE = "InvalidAMIID.NotFound"


def share(ec2: Any, id: str, *accounts: str) -> None:
    add = [{"UserId": account} for account in accounts]
    ec2.modify_image_attribute(ImageId=id, LaunchPermission={"Add": add})


def permissions(ec2: Any, id: str) -> list[dict[str, str]]:
    found = ec2.describe_image_attribute(ImageId=id, Attribute="launchPermission")
    return found["LaunchPermissions"]


def seen(ec2: Any, **asked: Any) -> set[str]:
    return {image["ImageId"] for image in ec2.describe_images(**asked)["Images"]}


def test_an_image_is_shared_by_name_and_no_more(
    alice: Any, bob: Any, world: World, own: Make, host: FakeHost
) -> None:
    id = own(tags={"secret": "yes"})
    assert refusal(launch_one, client=alice, ImageId=id) == GONE
    share(bob, id, world.accounts["alice"])
    assert permissions(bob, id) == [{"UserId": world.accounts["alice"]}]
    (image,) = alice.describe_images(ImageIds=[id])["Images"]
    assert (image["Public"], image["Tags"]) == (False, [])
    assert seen(alice, ExecutableUsers=["self"]) >= {id}
    assert seen(bob, ExecutableUsers=[world.accounts["alice"]]) == {id}
    assert seen(alice, Filters=[{"Name": "tag:secret", "Values": ["yes"]}]) == set()
    made = launch_one(alice, ImageId=id)["InstanceId"]
    for ask in (alice.deregister_image, alice.describe_image_attribute, alice.disable_image):
        asked = {"Attribute": "description"} if ask == alice.describe_image_attribute else {}
        assert refusal(ask, ImageId=id, **asked) == GONE
    remove = {"Remove": [{"UserId": world.accounts["alice"]}]}
    bob.modify_image_attribute(ImageId=id, LaunchPermission=remove)
    assert permissions(bob, id) == []
    assert refusal(launch_one, client=alice, ImageId=id) == GONE
    assert refusal(alice.describe_images, ImageIds=[id]) == GONE
    host.settle()
    found = alice.describe_instances(InstanceIds=[made])["Reservations"][0]["Instances"][0]
    assert found["State"]["Name"] == "running"


def test_the_older_way_says_the_same(alice: Any, bob: Any, world: World, own: Make) -> None:
    id = own()
    said = {"ImageId": id, "Attribute": "launchPermission", "UserGroups": ["all"]}
    bob.modify_image_attribute(**said, OperationType="add", UserIds=[world.accounts["alice"]])
    assert permissions(bob, id) == [{"Group": "all"}, {"UserId": world.accounts["alice"]}]
    assert seen(alice, ImageIds=[id], ExecutableUsers=["all"]) == {id}
    bob.modify_image_attribute(**said, OperationType="remove")
    assert permissions(bob, id) == [{"UserId": world.accounts["alice"]}]
    bob.reset_image_attribute(ImageId=id, Attribute="launchPermission")
    assert permissions(bob, id) == []
    assert refusal(alice.describe_images, ImageIds=[id]) == GONE


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, "MissingParameter"),
        ({"Attribute": "launchPermission"}, "MissingParameter"),
        ({"UserIds": ["123456789012"]}, "MissingParameter"),
        ({"Attribute": "kernel", "Value": "x"}, "InvalidParameterValue"),
        ({"Attribute": "description"}, "MissingParameter"),
        ({"Description": {"Value": "x" * 256}}, "InvalidParameterValue"),
        ({"ImdsSupport": {"Value": "v1.0"}}, "InvalidParameterValue"),
        (
            {"Description": {"Value": "x"}, "ImdsSupport": {"Value": "v2.0"}},
            "InvalidParameterCombination",
        ),
        ({"LaunchPermission": {"Add": [{"UserId": "bob"}]}}, "InvalidAMIAttributeItemValue"),
        (
            {"LaunchPermission": {"Add": [{"UserId": "1" * 12, "Group": "all"}]}},
            "InvalidParameterCombination",
        ),
        (
            {"LaunchPermission": {"Add": [{"OrganizationArn": "arn:aws:x"}]}},
            "UnsupportedOperation",
        ),
        ({"OrganizationArns": ["arn:aws:x"], "OperationType": "add"}, "UnsupportedOperation"),
        ({"ProductCodes": ["x"]}, "UnsupportedOperation"),
    ],
)
def test_what_cannot_be_changed_is_refused(
    bob: Any, own: Make, asked: dict[str, Any], code: str
) -> None:
    id = own()
    assert refusal(bob.modify_image_attribute, ImageId=id, **asked) == code
    assert permissions(bob, id) == []


def test_attributes_are_described_one_by_one(bob: Any, own: Make) -> None:
    id = own(boot_mode="uefi")

    def attribute(name: str) -> dict[str, Any]:
        found = bob.describe_image_attribute(ImageId=id, Attribute=name)
        return {k: v for k, v in found.items() if k not in ("ImageId", "ResponseMetadata")}

    bob.modify_image_attribute(ImageId=id, Description={"Value": "a better one"})
    bob.modify_image_attribute(ImageId=id, Attribute="imdsSupport", Value="v2.0")
    assert attribute("description") == {"Description": {"Value": "a better one"}}
    assert attribute("imdsSupport") == {"ImdsSupport": {"Value": "v2.0"}}
    assert attribute("bootMode") == {"BootMode": {"Value": "uefi"}}
    assert attribute("productCodes") in ({}, {"ProductCodes": []})
    assert attribute("deregistrationProtection") == {
        "DeregistrationProtection": {"Value": "disabled"}
    }
    (mapping,) = attribute("blockDeviceMapping")["BlockDeviceMappings"]
    assert mapping["DeviceName"] == "/dev/vda"
    asked = {"ImageId": id, "Attribute": "lastLaunchedTime"}
    assert refusal(bob.describe_image_attribute, **asked) == "UnsupportedOperation"
    (image,) = bob.describe_images(ImageIds=[id])["Images"]
    assert image["Description"] == "a better one"


def test_who_was_shared_with_can_let_go(alice: Any, bob: Any, world: World, own: Make) -> None:
    id = own()
    assert refusal(alice.cancel_image_launch_permission, ImageId=id) == GONE
    share(bob, id, world.accounts["alice"])
    assert alice.cancel_image_launch_permission(ImageId=id)["Return"]
    assert permissions(bob, id) == []
    assert refusal(alice.cancel_image_launch_permission, ImageId=id) == GONE
    asked = {"ImageId": IMAGE_ID}
    assert refusal(bob.cancel_image_launch_permission, **asked) == "InvalidRequest"


def test_an_account_blocks_that_its_images_become_everybodys(
    alice: Any, bob: Any, own: Make
) -> None:
    state = "ImageBlockPublicAccessState"
    before, after = own(), own()
    everybody = {"LaunchPermission": {"Add": [{"Group": "all"}]}}
    assert bob.get_image_block_public_access_state()[state] == "unblocked"
    bob.modify_image_attribute(ImageId=before, **everybody)
    bob.enable_image_block_public_access(ImageBlockPublicAccessState="block-new-sharing")
    assert bob.get_image_block_public_access_state()[state] == "block-new-sharing"
    asked = {"ImageId": after, **everybody}
    assert refusal(bob.modify_image_attribute, **asked) == "OperationNotPermitted"
    assert seen(alice, ImageIds=[before]) == {before}
    bob.modify_image_attribute(ImageId=before, **everybody)
    assert bob.disable_image_block_public_access()[state] == "unblocked"
    bob.modify_image_attribute(ImageId=after, **everybody)
    assert seen(alice, ImageIds=[after]) == {after}


# --- what an account allows ---


def criteria(ec2: Any, *given: dict[str, Any]) -> None:
    ec2.replace_image_criteria_in_allowed_images_settings(ImageCriteria=list(given))


def test_what_is_not_allowed_is_not_there(
    alice: Any, bob: Any, world: World, own: Make, host: FakeHost
) -> None:
    mine, of_alice = own(), own("alice", is_public=True)
    criteria(bob, {"ImageProviders": [world.accounts["alice"]], "ImageNames": ["tin?"]})
    assert bob.get_allowed_images_settings()["State"] == "disabled"
    assert {IMAGE_ID, of_alice} <= seen(bob)
    bob.enable_allowed_images_settings(AllowedImagesSettingsState="audit-mode")
    shown = {it["ImageId"]: it["ImageAllowed"] for it in bob.describe_images()["Images"]}
    assert (shown[mine], shown[IMAGE_ID], shown[of_alice]) == (True, True, False)
    assert launch_one(bob, ImageId=of_alice)["ImageId"] == of_alice
    bob.enable_allowed_images_settings(AllowedImagesSettingsState="enabled")
    assert seen(bob) == {mine, IMAGE_ID}
    assert refusal(bob.describe_images, ImageIds=[of_alice]) == GONE
    assert refusal(launch_one, client=bob, ImageId=of_alice) == GONE
    copying = {"Name": "copy", "SourceImageId": of_alice, "SourceRegion": "us-east-1"}
    assert refusal(bob.copy_image, **copying) == GONE
    assert launch_one(bob)["ImageId"] == IMAGE_ID
    allowed = [{"Name": "image-allowed", "Values": ["false"]}]
    found = bob.describe_instance_image_metadata(Filters=allowed)["InstanceImageMetadata"]
    assert [it["ImageMetadata"]["ImageId"] for it in found] == [of_alice]
    assert "ImageAllowed" not in alice.describe_images(ImageIds=[of_alice])["Images"][0]
    assert bob.disable_allowed_images_settings()["AllowedImagesSettingsState"] == "disabled"
    assert of_alice in seen(bob)


def test_each_criterion_stands_for_itself(bob: Any, world: World, own: Make) -> None:
    now = world.store.transact(lambda tx: tx.now)
    old = own("alice", is_public=True, created_at=now - 30 * 86_400, name="old one")
    tired = own("alice", is_public=True, deprecated_at=now - 5 * 86_400, name="tired one")
    bob.enable_allowed_images_settings(AllowedImagesSettingsState="enabled")

    def fitting(*given: dict[str, Any]) -> set[str]:
        criteria(bob, *given)
        return seen(bob, IncludeDeprecated=True) & {old, tired}

    assert fitting() == set()
    assert fitting({"ImageProviders": ["amazon"]}) == {old, tired}
    assert fitting({"ImageProviders": ["none"]}) == set()
    assert fitting({"ImageProviders": ["1" * 12]}) == set()
    assert fitting({"ImageNames": ["*one"]}) == {old, tired}
    assert fitting({"CreationDateCondition": {"MaximumDaysSinceCreated": 29}}) == {tired}
    assert fitting({"CreationDateCondition": {"MaximumDaysSinceCreated": 31}}) == {old, tired}
    assert fitting({"DeprecationTimeCondition": {"MaximumDaysSinceDeprecated": 4}}) == {old}
    assert fitting({"ImageNames": ["old*"]}, {"ImageNames": ["tired*"]}) == {old, tired}
    shown = bob.get_allowed_images_settings()["ImageCriteria"]
    assert shown == [{"ImageNames": ["old*"]}, {"ImageNames": ["tired*"]}]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"ImageProviders": ["none", "amazon"]}, "InvalidParameterCombination"),
        ({"ImageProviders": ["aws-marketplace"]}, "InvalidParameterValue"),
        ({"MarketplaceProductCodes": ["x"]}, "UnsupportedOperation"),
    ],
)
def test_criteria_that_mean_nothing_here_are_refused(
    bob: Any, given: dict[str, Any], code: str
) -> None:
    ask = bob.replace_image_criteria_in_allowed_images_settings
    assert refusal(ask, ImageCriteria=[given]) == code
    assert bob.get_allowed_images_settings().get("ImageCriteria", []) == []


def test_settings_are_each_accounts_own(alice: Any, bob: Any) -> None:
    bob.enable_allowed_images_settings(AllowedImagesSettingsState="enabled")
    bob.enable_image_block_public_access(ImageBlockPublicAccessState="block-new-sharing")
    assert alice.get_allowed_images_settings()["State"] == "disabled"
    shown = alice.get_image_block_public_access_state()
    assert shown["ImageBlockPublicAccessState"] == "unblocked"


def test_policies_know_whose_an_image_is_and_what(
    bob: Any, carol: Any, own: Make, world: World, host: FakeHost
) -> None:
    id, named = own(), world.accounts["alice"]
    foreign = carol(
        {
            "Action": "ec2:RunInstances",
            "Resource": "arn:aws:ec2:*::image/*",
            "Condition": {"StringNotEquals": {"ec2:Owner": world.accounts["bob"]}},
        },
        {
            "Action": "ec2:ModifyImageAttribute",
            "Resource": "*",
            "Condition": {"Bool": {"ec2:Public": "true"}},
        },
        {
            "Action": "ec2:DeregisterImage",
            "Resource": f"arn:aws:ec2:*::image/{id}",
            "Condition": {"StringEquals": {"ec2:RootDeviceType": "ebs"}},
        },
    )
    assert refusal(launch_one, client=foreign) == "UnauthorizedOperation"
    assert launch_one(foreign, ImageId=id)["ImageId"] == id
    share(foreign, id, named)
    foreign.modify_image_attribute(ImageId=id, LaunchPermission={"Add": [{"Group": "all"}]})
    code, _ = refused(
        foreign.modify_image_attribute, ImageId=id, Attribute="description", Value="x"
    )
    assert code == "UnauthorizedOperation"
    assert refusal(foreign.deregister_image, ImageId=id) == "UnauthorizedOperation"
    other = own(root_device_type="instance-store")
    assert foreign.deregister_image(ImageId=other)["Return"]


def test_a_public_image_that_goes_is_gone_for_everybody(
    alice: Any, bob: Any, own: Make, world: World
) -> None:
    id = own(is_public=True)
    assert seen(alice, ImageIds=[id]) == {id}
    bob.deregister_image(ImageId=id)
    assert refusal(alice.describe_images, ImageIds=[id]) == GONE
    record = world.store.view.get(records.IMAGE, id)
    assert record is not None
    assert record.doc == replace(record.doc, state="deregistered")

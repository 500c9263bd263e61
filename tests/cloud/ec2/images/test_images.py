"""Images: who sees what, under which owner, and that a deregistered one is gone for launches."""

from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.state import records
from tests.cloud.ec2.asking import launch_one, refusal, state
from tests.cloud.ec2.images.conftest import Make
from tests.cloud.ec2.world import IMAGE_ID, KERNEL_ID, ROOT_ID, FakeHost, World

PRIVATE_ID = "ami-00000000000000009"


@pytest.fixture
def private(world: World) -> str:
    """A private image of Bob's."""

    def make(tx: Any) -> None:
        tiny = tx.get(records.IMAGE, IMAGE_ID).doc
        image = replace(tiny, id=PRIVATE_ID, name="mine", is_public=False, tags={"a": "b"})
        tx.insert(records.IMAGE, world.accounts["bob"], PRIVATE_ID, image)

    world.store.transact(make)
    return PRIVATE_ID


def names(client: Any, **parameters: Any) -> list[str]:
    return sorted(it["Name"] for it in client.describe_images(**parameters)["Images"])


def test_an_image_as_it_is_shown(alice: Any, world: World) -> None:
    (image,) = alice.describe_images(ImageIds=[IMAGE_ID])["Images"]
    assert image["ImageType"] == "machine"
    assert image["State"] == "available"
    assert image["Public"] is True
    assert image["OwnerId"] == world.accounts["alice"]
    assert image["ImageOwnerAlias"] == "amazon"
    assert image["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] == 1
    assert image["CreationDate"].endswith("Z")


def test_what_the_first_account_makes_for_itself_is_not_called_the_clouds(
    alice: Any, own: Make
) -> None:
    id = own("alice")
    assert "ImageOwnerAlias" not in alice.describe_images(ImageIds=[id])["Images"][0]
    assert id not in [it["ImageId"] for it in alice.describe_images(Owners=["amazon"])["Images"]]


def test_public_images_are_everybodys_and_private_ones_their_owners(
    alice: Any, bob: Any, private: str
) -> None:
    assert "mine" in names(bob)
    assert "mine" not in names(alice)
    assert refusal(alice.describe_images, ImageIds=[private]) == "InvalidAMIID.NotFound"
    assert "tiny" in names(bob)


def test_owners_and_executable_users_narrow(alice: Any, bob: Any, private: str) -> None:
    assert names(bob, Owners=["self"]) == ["mine"]
    assert "tiny" in names(bob, Owners=["amazon"])
    assert "mine" not in names(bob, Owners=["amazon"])
    assert names(bob, Owners=["123456789012"]) == []
    assert names(bob, ExecutableUsers=["self"]) == ["mine"]
    assert "mine" not in names(bob, ExecutableUsers=["all"])


def test_filters_find_images(bob: Any, private: str) -> None:
    def found(name: str, value: str) -> list[str]:
        return names(bob, Filters=[{"Name": name, "Values": [value]}])

    assert found("name", "tiny-k*") == ["tiny-kernel"]
    assert found("image-type", "kernel") == ["tiny-kernel"]
    assert found("is-public", "false") == ["mine"]
    assert found("tag:a", "b") == ["mine"]
    assert found("root-device-type", "ebs") == ["mine", "tiny"]
    assert found("root-device-type", "instance-store") == ["tiny-root"]


def test_old_ids_are_understood(alice: Any) -> None:
    (image,) = alice.describe_images(ImageIds=[KERNEL_ID.replace("aki", "eki")])["Images"]
    assert image["ImageId"] == KERNEL_ID


def test_a_deregistered_image_is_not_launched_again(bob: Any, private: str, host: FakeHost) -> None:
    made = launch_one(bob, ImageId=private)["InstanceId"]
    assert bob.deregister_image(ImageId=private)["Return"]
    assert refusal(launch_one, client=bob, ImageId=private) == "InvalidAMIID.NotFound"
    assert "mine" not in names(bob)
    assert refusal(bob.deregister_image, ImageId=private) == "InvalidAMIID.Unavailable"
    host.settle()
    assert state(bob, made) == "running"


def test_only_its_owner_deregisters_an_image(bob: Any, alice: Any) -> None:
    assert refusal(bob.deregister_image, ImageId=IMAGE_ID) == "InvalidAMIID.NotFound"
    assert refusal(alice.deregister_image, ImageId="x") == "InvalidAMIID.Malformed"


def test_a_kernel_that_an_image_needs_stays(alice: Any, world: World) -> None:
    def need(tx: Any) -> None:
        root = tx.get(records.IMAGE, ROOT_ID)
        tx.write(root, replace(root.doc, kernel_id=KERNEL_ID))

    world.store.transact(need)
    assert refusal(alice.deregister_image, ImageId=KERNEL_ID) == "DependencyViolation"
    alice.deregister_image(ImageId=ROOT_ID)
    alice.deregister_image(ImageId=KERNEL_ID)

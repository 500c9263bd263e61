"""`mallee images`: a recipe becomes an image that proves itself, and another one by a change."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.box import client as api
from tests import tinyimages
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

TIMEOUT_S = 900.0
RECIPE = Path(__file__).parents[2] / "examples/recipes/tiny-web.toml"


def mallee(cloud: Cloud, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command as this machine's owner."""
    program = [sys.executable, "-I", "-m", "mallee.cli.main", "images", *words]
    return subprocess.run(
        [*program, "--root", str(cloud.layout.root)],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )


def left(cloud: Cloud) -> list[object]:
    """What was made for a guest and is still there."""
    named = [{"Name": "group-name", "Values": ["mallee-images-*"]}]
    keys = [{"Name": "key-name", "Values": ["mallee-images-*"]}]
    return [
        *cloud.ec2.describe_security_groups(Filters=named)["SecurityGroups"],
        *cloud.ec2.describe_key_pairs(Filters=keys)["KeyPairs"],
    ]


@pytest.fixture(scope="module")
def image(cloud: Cloud) -> Iterator[str]:
    packages = cloud.layout.packages / "tiny"
    if not packages.exists():
        packages.parent.mkdir(parents=True, exist_ok=True)
        packages.symlink_to(tinyimages.layout().packages / "tiny")
    built = mallee(cloud, "build", str(RECIPE))
    assert built.returncode == 0, built.stderr
    yield built.stdout.split()[0]
    cloud.ec2.deregister_image(ImageId=built.stdout.split()[0])


def test_a_recipes_image_is_an_accounts_own(cloud: Cloud, image: str) -> None:
    [shown] = cloud.ec2.describe_images(ImageIds=[image], Owners=["self"])["Images"]
    assert (shown["Name"], shown["State"], shown["Public"]) == ("tiny web", "available", False)
    tags = {tag["Key"]: tag["Value"] for tag in shown["Tags"]}
    assert tags["mallee:base"] == "tiny"
    again = mallee(cloud, "build", str(RECIPE))
    assert again.stdout.split()[0] == image
    assert "nothing has changed" in again.stderr
    stranger = cloud.client("ec2", cloud.account("recipes"))
    assert image not in {one["ImageId"] for one in stranger.describe_images()["Images"]}


def test_an_image_is_shared_with_the_accounts_that_are_named(cloud: Cloud, image: str) -> None:
    course = cloud.account("course").account_id
    shared = mallee(cloud, "build", str(RECIPE), "--share", "course")
    assert shared.stdout.split()[0] == image
    said = cloud.ec2.describe_image_attribute(ImageId=image, Attribute="launchPermission")
    assert said["LaunchPermissions"] == [{"UserId": course}]
    wrong = mallee(cloud, "build", str(RECIPE), "--share", "nobody")
    assert wrong.returncode == 1
    assert "nobody" in wrong.stderr
    api.call(cloud.access, "mallee", "DeleteAccount", {"AccountName": course, "Recursive": True})


def test_what_was_an_accounts_own_is_everybodys_when_that_is_said(cloud: Cloud, image: str) -> None:
    done = mallee(cloud, "build", str(RECIPE), "--public")
    assert done.stdout.split()[0] == image, done.stderr
    assert cloud.ec2.describe_images(ImageIds=[image])["Images"][0]["Public"]


def test_an_image_proves_itself(cloud: Cloud, image: str) -> None:
    done = mallee(cloud, "test", image, "--type", "m1.small")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{image} is good"
    assert "The recipe's own tests" in done.stderr
    assert "1 passed" in done.stderr
    assert left(cloud) == []


def test_a_change_makes_another_image(cloud: Cloud, image: str) -> None:
    change = (
        "--run",
        "echo changed >/srv/www/index.html",
        "--run",
        "rm -r /usr/share/mallee/tests",
    )
    done = mallee(cloud, "customise", image, "--type", "m1.small", "--name", "other", *change)
    assert done.returncode == 0, done.stderr
    [other] = cloud.ec2.describe_images(ImageIds=[done.stdout.strip()])["Images"]
    try:
        assert (other["Name"], other["SourceImageId"]) == ("other", image)
        instance = cloud.run(ImageId=other["ImageId"])
        told = cloud.ssh(instance, "cat /srv/www/index.html /root/.ssh/authorized_keys")
        assert told.startswith("changed\n")
        assert told.count("ssh-ed25519") == 1, "the key that opened it is gone"
        cloud.terminate(instance)
        assert left(cloud) == []
    finally:
        cloud.ec2.deregister_image(ImageId=other["ImageId"])


def test_a_shell_in_a_terminal_makes_another_image(cloud: Cloud, image: str) -> None:
    words = ("customise", image, "--type", "m1.small", "--name", "by hand")
    seen = typed(cloud, words, b"# ", b"echo by hand $((40 + 2)) >/srv/www/index.html; exit\n")
    assert "the new image is made" in seen
    named = [{"Name": "name", "Values": ["by hand"]}]
    [other] = cloud.ec2.describe_images(Filters=named)["Images"]
    try:
        assert other["ImageId"] in seen
        assert other["SourceImageId"] == image
        assert left(cloud) == []
    finally:
        cloud.ec2.deregister_image(ImageId=other["ImageId"])


def typed(cloud: Cloud, words: tuple[str, ...], prompt: bytes, line: bytes) -> str:
    """Run the command in a terminal, and type a line at a prompt; return all that is seen."""
    program = [sys.executable, "-I", "-m", "mallee.cli.main", "images", *words]
    ours, its = pty.openpty()
    with subprocess.Popen(
        [*program, "--root", str(cloud.layout.root)],
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    ) as process:
        os.close(its)
        seen, typed = b"", False
        try:
            # Reading a terminal that nobody holds any more is an error.
            while piece := os.read(ours, 4096):
                seen += piece
                if prompt in seen and not typed:
                    typed = True
                    os.write(ours, line)
        except OSError:
            process.wait(TIMEOUT_S)
        finally:
            os.close(ours)
    assert process.returncode == 0, seen.decode(errors="replace")
    return seen.decode(errors="replace")


def test_a_recipe_upon_an_image_of_the_cloud_is_built_in_a_guest(
    cloud: Cloud, image: str, root_dir: Path
) -> None:
    path = root_dir / "upon.toml"
    path.write_text(
        f"base = '{image}'\nusers = [{{ name = 'anna', password = 'sesam' }}]\n"
        "run = ['test -d /home/anna', 'no-such-program']\n"
    )
    done = mallee(cloud, "build", str(path), "--type", "m1.small")
    assert done.returncode == 1
    assert "Run no-such-program: status 127" in done.stderr
    assert left(cloud) == []
    assert not cloud.ec2.describe_images(Filters=[{"Name": "name", "Values": ["upon"]}])["Images"]


def test_an_image_that_is_not_there_is_said(cloud: Cloud) -> None:
    for verb in (("test",), ("customise", "--name", "other", "--run", "true")):
        done = mallee(cloud, *verb, "ami-00000000000000000")
        assert done.returncode == 1
        assert "InvalidAMIID.NotFound" in done.stderr
    assert left(cloud) == []

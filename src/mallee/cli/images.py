"""`mallee images`: the built-in images, built on this machine, and what the cloud offers."""

from pathlib import Path

from mallee.box import steps
from mallee.cli import client, words
from mallee.cli.root import DEFAULT, Root
from mallee.images import tiny
from mallee.model.layout import Layout


def build(name: str = "tiny", *, root: Root = DEFAULT, packages: Path | None = None) -> None:
    """Build a built-in image; the cloud registers it within seconds.

    Parameters
    ----------
    name
        Which image: `tiny`.
    packages
        A directory of Debian packages to build from, instead of the package mirror.
    """
    if name != "tiny":
        raise steps.Failed(f"there is no recipe named {name}", "mallee images build tiny")
    try:
        made = tiny.build(Layout(root), words.tell, packages)
    except tiny.CannotBuild as error:
        raise steps.Failed(str(error), "mallee images build tiny --help") from error
    for image in made.images:
        words.give(f"{image.key}\t{image.name}")


def list_images(*, root: Root = DEFAULT) -> None:
    """List the images that this account may use."""
    found = client.call(Layout(root), "ec2", "DescribeImages")["Images"]
    words.table(
        ("image", "kind", "state", "name"),
        [
            (each["ImageId"], each["ImageType"], each["State"], each.get("Name", ""))
            for each in sorted(found, key=lambda each: each.get("Name", ""))
        ],
    )

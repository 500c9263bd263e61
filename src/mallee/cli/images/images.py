"""`mallee images`: images that are built on this machine, and what the cloud offers.

`build` makes the tiny guest, a Debian, or what a recipe says; recipes upon an image of the cloud
are built in a guest (`customising`).
"""

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mallee.box import client as api
from mallee.box import owners, steps
from mallee.cli import client, progress, words
from mallee.cli.images import customising
from mallee.cli.root import DEFAULT, Root
from mallee.images import tiny
from mallee.images.recipes import build as building
from mallee.images.recipes import offers, recipe
from mallee.model.layout import Layout

REGISTERED_S_MAX = 60.0


def build(
    what: str = "tiny",
    *,
    root: Root = DEFAULT,
    packages: Path | None = None,
    refresh: bool = False,
    public: bool = False,
    share: Annotated[list[str], Parameter(negative=())] | None = None,
    mirror: str = "",
    type: str = "t3.small",
) -> None:
    """Build an image: a built-in one, or that of a recipe; the cloud registers it within seconds.

    Parameters
    ----------
    what
        `tiny`, `debian-12`, `debian-13`, or the file of a recipe.
    packages
        For `tiny`: a directory of Debian packages to build from, instead of the package mirror.
    refresh
        Make all of it anew, with what the mirror has today.
    public
        Let all accounts of the cloud launch it; otherwise its owner may share it.
    share
        The name or number of an account that may launch it; may be said several times.
    mirror
        For a built-in Debian: where its packages come from, instead of this machine's own mirror.
    type
        For a recipe upon an image of the cloud: the instance type in which it is built.
    """
    layout = Layout(root)
    _refuse("--packages", "it is for `tiny`", packages is not None and what != recipe.TINY)
    _refuse("--mirror", "a recipe says it itself", bool(mirror) and what not in recipe.DEBIANS)
    if what == recipe.TINY:
        _refuse("--refresh", "remove cache/packages/tiny for newer packages", refresh)
        _refuse("--share", "all accounts may launch `tiny`", bool(share))
        _build_tiny(layout, packages)
        return
    if what in recipe.BUILT_IN:
        wanted, public = recipe.built_in(what, mirror), True
    else:
        wanted = _read(Path(what))
    permissions = _permissions(layout, share or [], public=public)
    if wanted.is_foreign:
        _refuse("--refresh", "deregister the image, and build it again", refresh)
        image = customising.build(layout, wanted, type)
        _permit(layout, image, permissions)
        words.give(image)
        return
    key = _build(layout, wanted, building.Options(refresh=refresh, is_public=public))
    image = _registered(layout, wanted.name, key)
    if image:
        _permit(layout, image, permissions)
    words.give(f"{image or '-'}\t{wanted.name}")


def _permissions(layout: Layout, accounts: list[str], *, public: bool) -> list[dict[str, str]]:
    """Return who may launch what is built; raise `steps.Failed` for an unknown account."""
    if not accounts:
        return [{"Group": "all"}] if public else []
    _refuse("--share", "--public lets all accounts launch it", public)
    numbers = [
        client.call(layout, "mallee", "DescribeAccount", {"AccountName": account})["Account"]
        for account in accounts
    ]
    return [{"UserId": one["AccountId"]} for one in numbers]


def _permit(layout: Layout, image: str, permissions: list[dict[str, str]]) -> None:
    if permissions:
        asked = {"ImageId": image, "LaunchPermission": {"Add": permissions}}
        client.call(layout, "ec2", "ModifyImageAttribute", asked)


def _refuse(option: str, why: str, is_said: bool) -> None:
    if is_said:
        raise steps.Failed(f"{option} means nothing here", why)


def _build_tiny(layout: Layout, packages: Path | None) -> None:
    try:
        made = tiny.build(layout, words.tell, packages)
    except tiny.CannotBuild as error:
        raise steps.Failed(str(error), "mallee images build tiny --help") from error
    for image in made.images:
        words.give(f"{image.key}\t{image.name}")


def _read(path: Path) -> recipe.Recipe:
    if not path.exists():
        known = ", ".join(recipe.BUILT_IN)
        raise steps.Failed(
            f"there is no file {path}, and no built-in image of that name ({known})",
            "mallee images build --help; recipes are told in docs/recipes.md",
        )
    try:
        return recipe.read(path, lambda prompt: getpass.getpass(prompt))
    except recipe.Invalid as invalid:
        raise steps.Failed("\n  ".join(invalid.complaints), "put that right") from invalid


def _build(layout: Layout, wanted: recipe.Recipe, options: building.Options) -> str:
    """Build what is wanted unless it is there, and return the key of all that went into it."""
    if os.geteuid() != 0:
        raise steps.Failed("images are built by this machine's owner", "run this with sudo")
    log = building.log_path(layout, wanted)
    try:
        with building.begun(layout, wanted, options) as begun:
            if begun.found() is not None:
                words.tell("nothing has changed")
            else:
                *making, offering = map(_quiet, begun.parts())
                progress.run(making)
                if _has_cloud(layout):
                    customising.make_room(layout, wanted.name)
                progress.run([offering])
            return begun.final_key()
    except building.Failed as failed:
        raise steps.Failed(str(failed), f"all that was said is in {log}") from failed


def _has_cloud(layout: Layout) -> bool:
    try:
        api.read_access(layout, owners.read_settings(layout))
    except api.Unreachable:
        return False
    return True


def _quiet(part: building.Part) -> steps.Step:
    """Lines of programs are for who looks at them; all of them are in the log."""
    if sys.stderr.isatty():
        return steps.Step(part.name, lambda say: part.do(lambda line: say(line[:100])))
    return steps.Step(part.name, lambda say: part.do(lambda line: None))


def _registered(layout: Layout, name: str, key: str) -> str:
    """Wait until the cloud has registered an image, and return its id; nothing if no cloud runs."""
    asked = {
        "Owners": ["self"],
        "Filters": [
            {"Name": "name", "Values": [name]},
            {"Name": f"tag:{offers.RECIPE_TAG}", "Values": [key]},
            {"Name": "state", "Values": ["available"]},
        ],
    }
    found: list[str] = []

    def is_there() -> bool:
        answer = client.call(layout, "ec2", "DescribeImages", asked)
        found[:] = [image["ImageId"] for image in answer["Images"]]
        return bool(found)

    if not _has_cloud(layout):
        words.tell("no cloud runs here: it will be registered by `mallee up`")
        return ""
    failure = steps.Failed(
        f"the cloud did not register {name} within {REGISTERED_S_MAX:g} s",
        "mallee logs cloud; an image that was deregistered while instances of it run comes back "
        "when they are gone",
    )
    steps.wait_until(is_there, REGISTERED_S_MAX, failure)
    return found[0]


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

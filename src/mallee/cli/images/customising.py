"""`mallee images customise`: an image is opened in a guest, changed, and becomes a new image.

So are recipes built whose base is an image of the cloud: what is in it is a stranger's, and is
opened where a stranger's programs run anyway, in a guest. All is ordinary use of the API.
"""

import shlex
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import Parameter

from mallee.box import steps
from mallee.cli import client, progress, words
from mallee.cli.images import lentguest
from mallee.cli.root import DEFAULT, Root
from mallee.images.recipes import instructions, offers, recipe
from mallee.model.images import images as naming
from mallee.model.layout import Layout

AVAILABLE_S_MAX = 3600.0
CATALOGUE = "catalogue/"
"""How the locations of images begin that were built on the cloud's own machine."""
_LOOK_S = 2.0
_TAGS = {"ResourceType": "image"}


@dataclass(slots=True)
class _Change:
    """An image on its way to another one."""

    guest: lentguest.Guest
    name: str
    description: str
    tags: dict[str, str]
    image_id: str = ""

    def plan(self, doing: Sequence[steps.Step]) -> tuple[steps.Step, ...]:
        """Return the whole way."""
        return (
            steps.Step("Launch it", self.guest.launch),
            steps.Step("Wait for its SSH", self.guest.wait_answer),
            *doing,
            steps.Step("Take away what is only this machine's", self._part),
            steps.Step("Stop it", self.guest.stop),
            steps.Step("Make the image", self._make),
        )

    def run(self, step: instructions.Step) -> steps.Step:
        """Return a step that does an instruction in the guest."""

        def do(say: lentguest.Say) -> str:
            done = self.guest.ssh(f"sh -ec {shlex.quote(step.script)}", step.stdin)
            if done.returncode != 0:
                said = (done.stderr or done.stdout).decode(errors="replace").strip()
                raise steps.Failed(
                    f"{step.name}: status {done.returncode}: {said[-1000:]}", "put that right"
                )
            return ""

        return steps.Step(step.name, do)

    def _part(self, say: lentguest.Say) -> str:
        """Take away what tells machines apart, and the key that let us in."""
        kind, blob, *_ = self.guest.key.with_suffix(".pub").read_text().split()
        script = (
            f"{instructions.part().script}\n"
            "for file in /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys; do\n"
            f"    [ ! -e $file ] || sed -i '\\|{kind} {blob}|d' $file\n"
            "done\nsync\n"
        )
        done = self.guest.ssh(f"sh -c {shlex.quote(script)}")
        if done.returncode == 255:
            raise steps.Failed("the guest is gone", f"mallee console {self.guest.instance_id}")
        return ""

    def _make(self, say: lentguest.Say) -> str:
        asked = {
            "InstanceId": self.guest.instance_id,
            "Name": self.name,
            "Description": self.description,
            "TagSpecifications": [
                {**_TAGS, "Tags": [{"Key": key, "Value": self.tags[key]} for key in self.tags]}
            ],
        }
        self.image_id = self.guest.call("CreateImage", asked)["ImageId"]
        deadline = time.monotonic() + AVAILABLE_S_MAX
        while True:
            [found] = self.guest.call("DescribeImages", {"ImageIds": [self.image_id]})["Images"]
            if found["State"] == "available":
                return self.image_id
            if found["State"] != "pending" or time.monotonic() > deadline:
                why = found.get("StateReason", {}).get("Message", "it takes too long")
                raise steps.Failed(f"{self.image_id} is {found['State']}: {why}", "")
            say(f"{self.image_id} is {found['State']}")
            time.sleep(_LOOK_S)


def customise(
    image: str,
    *,
    name: str,
    run: Annotated[list[str], Parameter(negative=())] | None = None,
    root: Root = DEFAULT,
    type: str = "t3.small",
    user: str = "",
) -> None:
    """Open an image for changes, and make a new one of the result.

    Parameters
    ----------
    image
        The image's id.
    name
        The new image's name.
    run
        A command to run in it as root; may be said several times. Without any, a shell is opened.
    type
        The instance type to open it in.
    user
        Who is let in with the key; unless given, the usual names are tried.
    """
    layout = Layout(root)
    _must_exist(layout, image)
    check_name(layout, name)
    wish = lentguest.Wish(image_id=image, type=type, user=user)
    with lentguest.lent(layout, wish) as guest:
        change = _Change(guest, name, f"{image}, customised", {offers.BASE_TAG: image})
        commands = [instructions.Step(name=f"Run {one}", script=one) for one in run or ()]
        doing = [change.run(step) for step in commands]
        if not doing:
            progress.run(change.plan(())[:2])
            _shell(guest)
            progress.run(change.plan(())[2:])
        else:
            progress.run(change.plan(doing))
    words.give(change.image_id)


def build(layout: Layout, wanted: recipe.Recipe, type: str) -> str:
    """Build a recipe whose base is an image of the cloud; return the image's id."""
    _must_exist(layout, wanted.base)
    made = instructions.steps(wanted)
    key = wanted.base
    for step in made:
        key = step.key(key)
    tags = {offers.RECIPE_TAG: key, offers.BASE_TAG: wanted.base}
    if present := _present(layout, wanted.name, key):
        words.tell(f"nothing has changed: {present} is there")
        return present
    with lentguest.lent(layout, lentguest.Wish(image_id=wanted.base, type=type)) as guest:
        change = _Change(guest, wanted.name, wanted.description or wanted.name, tags)
        way = change.plan([change.run(step) for step in made])
        replace = steps.Step(
            "Replace the image before", lambda say: make_room(layout, wanted.name, CATALOGUE)
        )
        progress.run((*way[:-1], replace, way[-1]))
    return change.image_id


def _present(layout: Layout, name: str, key: str) -> str | None:
    tag = {"Key": offers.RECIPE_TAG, "Value": key}
    found = [image["ImageId"] for image in _named(layout, name) if tag in image.get("Tags", [])]
    return found[0] if found else None


def make_room(layout: Layout, name: str, also: str = "") -> str:
    """Deregister what recipes have made under a name; raise `steps.Failed` for another's image.

    The catalogue's are replaced by the catalogue, save for who says so (`CATALOGUE`).
    """
    gone: list[str] = []
    for image in _named(layout, name):
        if image["ImageLocation"].startswith(CATALOGUE) and also != CATALOGUE:
            continue
        if offers.RECIPE_TAG not in {tag["Key"] for tag in image.get("Tags", [])}:
            raise steps.Failed(
                f"{image['ImageId']} is named {name!r} and was made by no recipe",
                "give the recipe another `name`",
            )
        client.call(layout, "ec2", "DeregisterImage", {"ImageId": image["ImageId"]})
        gone.append(image["ImageId"])
    return ", ".join(gone)


def check_name(layout: Layout, name: str) -> None:
    """Raise `steps.Failed` unless a new image can have that name."""
    if not naming.NAME.fullmatch(name):
        raise steps.Failed(
            f"{name!r} cannot be an image's name: 3 to 128 letters, digits, ()[] ./-'@_",
            "give another --name",
        )
    if _named(layout, name):
        raise steps.Failed(f"there is an image named {name!r} already", "give another --name")


def _named(layout: Layout, name: str) -> list[dict[str, Any]]:
    asked = {"Owners": ["self"], "Filters": [{"Name": "name", "Values": [name]}]}
    return client.call(layout, "ec2", "DescribeImages", asked)["Images"]


def _must_exist(layout: Layout, image: str) -> None:
    client.call(layout, "ec2", "DescribeImages", {"ImageIds": [image]})


def _shell(guest: lentguest.Guest) -> None:
    words.tell("a shell in the image: leave it with `exit`, and the new image is made")
    status = subprocess.run(guest.words("sh -l", tty=True), check=False).returncode
    if status == 255:
        raise steps.Failed("the guest has hung up", f"mallee console {guest.instance_id} --log")

"""Steps follow from their recipe and from nothing else; each key from all that was before."""

from pathlib import Path

from mallee.images.recipes import instructions, recipe
from tests.images.recipes import builds

TEXT = """
base = "debian-12"
packages = ["nginx", "gcc=1"]
users = [{ name = "anna", password = "sesam", groups = ["sudo"] }, { name = "berta" }]
files = [{ path = "/srv/x", content = "x" }]
run = ["true", "false"]
services = ["nginx"]
hostname = "lab"
user-data = "#cloud-config\\n{}\\n"
"""


def keys(wanted: recipe.Recipe) -> list[str]:
    """The keys of its steps, one upon the other."""
    found = ["base"]
    for step in instructions.steps(wanted):
        found.append(step.key(found[-1]))
    return found[1:]


def test_parts_are_done_in_the_order_that_is_promised(tmp_path: Path) -> None:
    names = [step.name for step in instructions.steps(builds.parse(TEXT, tmp_path))]
    assert names == [
        "Install nginx, gcc=1",
        "Make the user anna",
        "Make the user berta",
        "Bring 1 files",
        "Run true",
        "Run false",
        "Enable nginx",
        "Set the host name, user data and tests",
    ]


def test_a_change_moves_its_key_and_those_after_it(tmp_path: Path) -> None:
    before = keys(builds.parse(TEXT, tmp_path))
    after = keys(builds.parse(TEXT.replace('"false"', '"ls"'), tmp_path))
    assert before[:5] == after[:5]
    assert not set(before[5:]) & set(after[5:])
    other = keys(builds.parse(TEXT.replace("sesam", "other"), tmp_path))
    assert (before[0], before[1] == other[1]) == (other[0], False)


def test_no_script_has_a_secret(tmp_path: Path) -> None:
    for step in instructions.steps(builds.parse(TEXT, tmp_path)):
        assert "$6$" not in step.script
        assert "$6$" not in repr(step)


def test_a_strangers_image_is_changed_by_its_own_tools(tmp_path: Path) -> None:
    foreign = TEXT.replace("debian-12", "ami-0123456789abcdef0")
    made = builds.parse(foreign, tmp_path)
    first, *_, last = instructions.steps(made)
    assert made.is_foreign
    assert first.packages == ()
    assert "apt-get -q -y --no-install-recommends install nginx gcc=1" in first.script
    assert "no cloud-init" in last.script

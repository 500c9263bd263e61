"""Every command of docs/when-it-does-not-work.md works, on a lab with an instance and a volume;
every code of the doctor is there, and no other."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.box import client
from mallee.cli import main
from mallee.lab import members, rooms
from mallee.model.hosts.ailments import Code
from tests import labs
from tests.labs import Lab

PAGE = (Path(__file__).parents[2] / "docs/when-it-does-not-work.md").read_text()
BLOCKS = re.findall(r"^(?:\*\*([A-Z][a-z ]+):\*\*\n)?```sh\n(.*?)^```$", PAGE, re.M | re.S)
ROWS = re.findall(r"^\| `([a-z-]+)` \| (.+) \| `(.+)` \| (.+) \|$", PAGE, re.M)
PLACES = {"": "front", "In the world": "world", "On the host": "n1"}
LAB = """
[hosts.front]
role = "front"
[hosts.n1]
"""
SAYS = {
    "mallee hosts": "n1",
    "mallee services": "objectstorage",
    "mallee hosts events HOST": "ENABLED",
    "mallee explain INSTANCE": "running",
    "mallee explain VOLUME": "available",
    "mallee doctor --json": '"code"',
    "mallee doctor --outside": "198.19.0.1-198.19.0.254 lead to the gateway host and back",
}
JUDGES = ("mallee doctor", "mallee trace", "mallee why-not")
"""These end with status 1 when something is wrong, as a page for such days must expect."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with labs.up(LAB) as made:
        yield made


@pytest.fixture(scope="module")
def names(lab: Lab) -> dict[str, str]:
    """What the page's placeholders are."""
    cloud = lab.cloud
    instance = cloud.run()
    made = client.call(
        cloud.access, "ec2", "CreateVolume", {"Size": 1, "AvailabilityZone": "us-east-1a"}
    )
    cloud.wait_state(instance, "running")
    return {"INSTANCE": instance, "VOLUME": made["VolumeId"], "HOST": "n1"}


def run(lab: Lab, host: str, line: str) -> tuple[int, str]:
    """Run a line of the page there, as its administrator."""
    mallee = f"{sys.executable} -P -m mallee.cli.main"
    words = re.sub(r"\bmallee (?=[a-z])", f"{mallee} ", line)
    told = members.variables(lab.place, lab.document, host)
    exports = "".join(f"export {name}={shlex.quote(value)}; " for name, value in told.items())
    inside = rooms.inside(lab.place, host, ("env", "bash", "-c", exports + words))
    done = subprocess.run(
        inside,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"AWS_PAGER": ""},
    )
    return done.returncode, done.stdout + done.stderr


def test_every_command_of_the_page_works(lab: Lab, names: dict[str, str]) -> None:
    lines = [(PLACES[where], line) for where, block in BLOCKS for line in block.splitlines()]
    lines += [("front", look.replace("\\|", "|")) for _, _, look, _ in ROWS]
    ran = set[str]()
    for host, line in dict.fromkeys(lines):
        there = re.sub("|".join(names), lambda found: names[found[0]], line)
        code, said = run(lab, host, there)
        assert code <= line.startswith(JUDGES), f"{host}: {there}: {said}"
        assert "Traceback" not in said, f"{host}: {there}: {said}"
        assert SAYS.get(line, "") in said, f"{host}: {there}: {said}"
        ran.add(line)
    assert SAYS.keys() <= ran


def test_every_code_of_the_doctor_is_there_and_no_other() -> None:
    assert [code for code, _, _, _ in ROWS] == list(dict.fromkeys(code for code, _, _, _ in ROWS))
    assert {code for code, _, _, _ in ROWS} == {one.value for one in Code}


def test_every_verb_that_it_names_exists() -> None:
    known = set(main.VERBS) | set(main.GROUPS)
    assert set(re.findall(r"`mallee ([a-z-]+)", PAGE)) <= known


def test_every_link_leads_to_a_heading() -> None:
    headings = {
        re.sub(r"[^a-z0-9 -]", "", text.lower()).replace(" ", "-")
        for text in re.findall(r"^## (.+)$", PAGE, re.M)
    }
    assert set(re.findall(r"\]\(#([a-z0-9-]+)\)", PAGE)) <= headings

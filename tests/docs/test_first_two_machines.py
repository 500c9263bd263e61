"""Every command of docs/first-two-machines.md works, in the order of the page, on two machines that
have nothing of Mallee before."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.lab import rooms
from tests import labs, tinyimages, wholecloud
from tests.labs import Lab

PAGE = (Path(__file__).parents[2] / "docs/first-two-machines.md").read_text()
BLOCKS = re.findall(r"^\*\*On (\w+):\*\*\n```sh\n(.*?)^```$", PAGE, re.M | re.S)
LAB = """
[hosts.beech]
role = "bare"
[hosts.ash]
role = "bare"
"""
SAYS = {
    "mallee services": "objectstorage",
    "mallee zones": "available",
    "mallee status": "node",
    "mallee hosts disable ash": "DISABLED",
    "mallee hosts events ash": "DISABLED",
    "mallee hosts enable ash": "ash: ENABLED",
    "mallee hosts retire ash --force": "ash: STOPPED",
    "mallee hosts --retired": "STOPPED",
}


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Two machines; what takes long and is alike on all is there already."""
    with labs.made(LAB) as made:
        for host in ("beech", "ash"):
            layout = made.layout(host)
            layout.node.mkdir(parents=True)
            shutil.copy(wholecloud.verdict(), layout.kvm_verdict)
        tinyimages.copy_into(made.layout("beech"))
        yield made


def run(lab: Lab, host: str, line: str) -> str:
    """Run a line of the page there, as its administrator."""
    mallee = f"{sys.executable} -P -m mallee.cli.main"
    words = re.sub(r"\bmallee (?=[a-z])", f"{mallee} ", line)
    shell = f"export MALLEE_ROOT={lab.place.root(host)}; {words}"
    inside = rooms.inside(lab.place, host, ("env", "bash", "-c", shell))
    done = subprocess.run(
        inside, capture_output=True, text=True, check=False, timeout=300, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, f"{host}: {line}: {done.stdout}{done.stderr}"
    return done.stdout


def test_every_command_of_the_page_works(lab: Lab) -> None:
    known = {"192.0.2.1": lab.address("beech"), "192.0.2.2": lab.address("ash")}
    said, ran = "", set[str]()
    for host, block in BLOCKS:
        for line in block.splitlines():
            there = line
            if there.startswith("echo INVITATION"):
                there = said.strip()
                assert re.fullmatch(r"echo \S+@\S+ \| mallee node join", there)
            if "IMAGE" in there:
                there = there.replace("IMAGE", image(lab))
            for name, address in known.items():
                there = there.replace(name, address)
            said = run(lab, host, there)
            assert SAYS.get(line, "") in said, f"{line}: {said}"
            ran.add(line)
            if line.startswith("echo INVITATION"):
                wholecloud.wait_until(lambda: ready(lab) == 2, 60.0, "both to be in order")
    assert SAYS.keys() <= ran


def image(lab: Lab) -> str:
    """The tiny image, once the cloud has it."""
    ask = (
        'eval "$(mallee credentials env)" && aws ec2 describe-images '
        "--filters Name=name,Values=mallee-tiny --query 'Images[0].ImageId' --output text"
    )
    wholecloud.wait_until(lambda: run(lab, "beech", ask).startswith("ami-"), 60.0, "the image")
    return run(lab, "beech", ask).strip()


def ready(lab: Lab) -> int:
    """How many hosts are in order."""
    return sum("\tENABLED\t" in line for line in run(lab, "beech", "mallee hosts").splitlines())

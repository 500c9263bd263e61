"""Every command of docs/first-two-machines.md and docs/teaching-lab.md works, in the order of the
pages, on two machines that have nothing of Mallee before.

The cloud is made once, as the second page says; what makes it is the first one's, with more words.
"""

import re
from collections.abc import Iterator

import pytest

from tests import labs, wholecloud
from tests.docs import pages
from tests.labs import Lab

FIRST = pages.commands(pages.read("first-two-machines.md"))
TEACHING = pages.commands(pages.read("teaching-lab.md"))
MADE, INVITED, JOINED = "mallee frontends make", "mallee node invite", "echo INVITATION"
LAB = """
[hosts.beech]
role = "bare"
[hosts.ash]
role = "bare"
[hosts.desk]
role = "world"
"""
SAYS = {
    "mallee services": "objectstorage",
    "mallee zones": "simpsons",
    "mallee status": "node",
    "mallee hosts disable ash": "DISABLED",
    "mallee hosts events ash": "DISABLED",
    "mallee hosts enable ash": "ash: ENABLED",
    "mallee hosts retire ash --force": "ash: STOPPED",
    "mallee hosts --retired": "STOPPED",
    "mallee users import-csv course.csv --apply": "lisa",
    "ssh -i lisa.pem root@ADDRESS uname -a": "Linux",
    "mallee hosts drain ash": "DISABLED",
}
PATIENT = (
    "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=90 "
    "-o ConnectionAttempts=20 "
)
"""As somebody who tries again until the instance has begun."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Two machines, and a cloud of both."""
    with labs.made(LAB) as made:
        pages.spare(made.place, "beech", "ash")
        (make,) = (line for _, line in TEACHING if line.startswith(MADE))
        (plain,) = (line for _, line in FIRST if line.startswith(MADE))
        assert len(plain.split()) == 4, "the other one is the same with more words"
        run(made, "beech", make)
        invitation = run(made, "beech", INVITED).strip()
        assert re.fullmatch(r"echo \S+@\S+ \| mallee node join", invitation)
        run(made, "ash", invitation)
        wholecloud.wait_until(lambda: ready(made) == 2, wholecloud.GUEST_S, "both to be in order")
        yield made


def run(lab: Lab, host: str, line: str) -> str:
    """Run a line of a page there, with the lab's addresses in place of the page's; return what it
    printed."""
    lan = lab.address("beech").rpartition(".")[0]
    known = {
        **{"192.0.2.1": lab.address("beech"), "192.0.2.2": lab.address("ash")},
        **{"192.168.1.192/26": f"{lan}.192/26", "192.168.1.10": lab.address("beech")},
    }
    there = re.sub("^ssh ", PATIENT, line)
    for name, address in known.items():
        there = there.replace(name, address)
    done = pages.run(lab, host, there)
    assert done.code == 0, f"{host}: {there}: {done.said}{done.complained}"
    return done.said


def walk(lab: Lab, lines: list[tuple[str, str]], names: dict[str, str]) -> None:
    """Run lines but those by which the cloud was made; placeholders are what the lines before them
    gave."""
    for host, line in lines:
        if line.startswith((MADE, JOINED)) or line == INVITED:
            continue
        before(lab, line, names)
        there = re.sub("|".join(names) or "^$", lambda found: names[found[0]], line)
        said = run(lab, host, there)
        assert SAYS.get(line, "") in said, f"{line}: {said}"
        learn(line, said, names)


def before(lab: Lab, line: str, names: dict[str, str]) -> None:
    """Wait for what a line presumes: the cloud's image, and a host that is empty."""
    if "IMAGE" in line and "IMAGE" not in names:
        ask = (
            'eval "$(mallee credentials env)" && aws ec2 describe-images '
            "--filters Name=name,Values=mallee-tiny --query 'Images[0].ImageId' --output text"
        )
        wholecloud.wait_until(
            lambda: run(lab, "beech", ask).startswith("ami-"), wholecloud.GUEST_S, "the image"
        )
        names["IMAGE"] = run(lab, "beech", ask).strip()
    if "--roles gateway,storage" in line:
        wholecloud.wait_until(lambda: is_empty(lab), 240.0, "guests to have gone from ash")


def is_empty(lab: Lab) -> bool:
    """Whether nothing runs on ash any more."""
    (ash,) = (line for line in run(lab, "beech", "mallee hosts").splitlines() if "\tash\t" in line)
    return "\t0 / " in ash


def learn(line: str, said: str, names: dict[str, str]) -> None:
    """Learn from what a line says what the page's placeholders are."""
    if "aws ec2 create-volume" in line:
        names["VOLUME"] = re.findall(r"vol-\w+", said)[0]
    if "PublicIpAddress" in line:
        shown = re.findall(r"^(i-\w+)\t(\S+)$", said, re.M)
        (names["INSTANCE"], names["ADDRESS"]), (names["OTHER"], names["ELSEWHERE"]) = shown


def ready(lab: Lab) -> int:
    """How many hosts are in order."""
    return sum("\tENABLED\t" in line for line in run(lab, "beech", "mallee hosts").splitlines())


def test_every_command_for_a_course_works(lab: Lab) -> None:
    names: dict[str, str] = {}
    people = [line for _, line in TEACHING].index("mallee credentials zip lisa.zip --user lisa") + 1
    walk(lab, TEACHING[:people], names)
    # As she does who was given the zip.
    lab.run("desk", "sh", "-c", f"cd {lab.place.path} && python3 -m zipfile -e lisa.zip .")
    walk(lab, TEACHING[people:], names)
    assert {"VOLUME", "ADDRESS", "ELSEWHERE"} <= names.keys()


def test_every_command_for_two_machines_works(lab: Lab) -> None:
    walk(lab, FIRST, {})


def test_no_line_is_expected_that_is_not_there() -> None:
    assert SAYS.keys() <= {line for _, line in FIRST + TEACHING}

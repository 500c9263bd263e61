"""Every command of docs/when-it-does-not-work.md works, on a lab with an instance and a volume;
every code of the doctor is there, and no other."""

import re
from collections.abc import Iterator

import pytest

from mallee.box import client
from mallee.cli import main
from mallee.model.hosts.ailments import Code
from tests import labs, wholecloud
from tests.docs import pages
from tests.labs import Lab

PAGE = pages.read("when-it-does-not-work.md")
ROWS = re.findall(r"^\| `([a-z-]+)` \| (.+) \| `(.+)` \| (.+) \|$", PAGE, re.M)
PLACES = {"": "front", "In the world": "world", "the host": "n1"}
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
EVERYWHERE = {"CidrIp": "0.0.0.0/0"}
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
    volume = made["VolumeId"]
    cloud.wait_state(instance, "running")
    often = {"Delay": 1, "MaxAttempts": int(wholecloud.GUEST_S)}
    cloud.ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=often)
    return {"INSTANCE": instance, "VOLUME": volume, "HOST": "n1"}


def test_every_command_of_the_page_works(lab: Lab, names: dict[str, str]) -> None:
    lines = [(PLACES[where], line) for where, line in pages.commands(PAGE)]
    lines += [("front", look.replace("\\|", "|")) for _, _, look, _ in ROWS]
    ran = set[str]()
    for host, line in dict.fromkeys(lines):
        there = re.sub("|".join(names), lambda found: names[found[0]], line)
        done = pages.run(lab, host, there)
        said = done.said + done.complained
        assert done.code <= line.startswith(JUDGES), f"{host}: {there}: {said}"
        assert "Traceback" not in said, f"{host}: {there}: {said}"
        assert SAYS.get(line, "") in said, f"{host}: {there}: {said}"
        ran.add(line)
    assert SAYS.keys() <= ran


def test_the_world_reaches_an_instance_of_a_lab_that_says_nothing_of_networks(
    lab: Lab, names: dict[str, str]
) -> None:
    cloud = lab.cloud
    group = cloud.ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"][0]
    echo = {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, "IpRanges": [EVERYWHERE]}
    cloud.ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[echo])
    address = cloud.instance(names["INSTANCE"])["PublicIpAddress"]
    ping = f"ping -c 1 -W 5 {address}"
    wholecloud.wait_until(
        lambda: pages.run(lab, "world", ping).code == 0, wholecloud.GUEST_S, "an answer"
    )


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

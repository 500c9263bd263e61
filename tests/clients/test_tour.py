"""The README's five minutes' tour, exactly as it is printed, with both generations of the CLI: with
Debian's and `mallee` as their users start them, then with the other one, where both stand by."""

import os
import re
import sys
from pathlib import Path

import pytest

from tests import wholecloud
from tests.clients import programs
from tests.standby import programs as standby
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

README = Path(__file__).parents[2] / "README.md"

SSH = """#!/bin/sh
# As a person does: says yes to the host key, tries again until the guest is up, asks its name.
exec /usr/bin/ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \\
    -o LogLevel=ERROR -o ConnectTimeout=60 -o ConnectionAttempts=30 "$@" hostname
"""


def lines() -> list[str]:
    """The commands of the tour."""
    chapter = README.read_text().split("## Five minutes' tour")[1]
    return chapter.split("```")[1].strip().splitlines()


@pytest.mark.parametrize("program", programs.CLIS, ids=["cli-1", "cli-2"])
def test_the_tour_leads_where_it_says(cloud: Cloud, tmp_path: Path, program: Path) -> None:
    commands = tmp_path / "bin"
    commands.mkdir()
    aws, mallee = str(program), f"{sys.executable} -m mallee.cli.main"
    if program == wholecloud.AWS_1:
        aws, mallee = str(standby.aws(program)), str(standby.mallee())
    _command(commands / "aws", f'#!/bin/sh\nexec {aws} "$@"\n')
    _command(commands / "mallee", f'#!/bin/sh\nexec {mallee} "$@"\n')
    _command(commands / "ssh", SSH)
    found: dict[str, str] = {}
    shown: list[str] = []
    setting = ""
    for line in lines():
        if line.startswith("eval"):
            setting = line
            continue
        for placeholder, value in found.items():
            line = re.sub(rf"\b{placeholder}\b", value, line)
        said = programs.run(
            cloud,
            *("bash", "-ec", f"cd {tmp_path}\n{setting}\n{line}"),
            PATH=f"{commands}:{os.environ['PATH']}",
            AWS_ACCESS_KEY_ID="",
            AWS_SECRET_ACCESS_KEY="",
            AWS_ENDPOINT_URL="",
        )
        assert said.status == 0, f"{line}: {said.err}"
        shown.append(said.out)
        _learn(line, said.out, found)
    assert cloud.access.account_id in shown[0]
    assert shown[-6].startswith("ip-172-31-")
    assert "mallee-tiny: ssh ready" in shown[-5]
    assert shown[-2].endswith("hello")
    cloud.wait_state(found["ID"], "terminated")
    cloud.ec2.delete_security_group(GroupName="tour")
    cloud.ec2.delete_key_pair(KeyName="tour")


def _learn(line: str, out: str, found: dict[str, str]) -> None:
    """Pick from an answer what a reader would put in later lines."""
    if "describe-images" in line:
        found["AMI"] = re.search(r"(ami-\w+)\s+mallee-tiny$", out, re.M)[1]
    elif "run-instances" in line:
        found["ID"] = re.search(r"\bi-[0-9a-f]{17}\b", out)[0]
    elif "PublicIpAddress" in line:
        found["ADDRESS"] = out


def _command(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)

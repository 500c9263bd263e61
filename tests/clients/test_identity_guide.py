"""docs/identity.md leads where it says: every command in it, from top to bottom, in one shell."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import wholecloud
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

GUIDE = Path(__file__).parents[2] / "docs/identity.md"
EXPECTED = re.compile(r"^(.*?)\s+# (refused|says): (.+)$", re.S)
SHELL = """
fail() { printf 'guide: %s\\n' "$1" >&2; cat said >&2; exit 1; }
"""


def commands() -> Iterator[str]:
    """Every command of the guide; one with a document in it is several lines."""
    for block in re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.M | re.S):
        lines = iter(block.splitlines())
        for line in lines:
            command = line
            if re.search(r"<<'?EOF'?$", line):
                while not command.endswith("\nEOF"):
                    command += "\n" + next(lines)
            yield command


def script() -> str:
    """The guide as one script, which ends at the first command that does other than it says."""
    made = [SHELL]
    for command in commands():
        expected = EXPECTED.match(command)
        bare = expected[1] if expected else command
        told = bare.splitlines()[0].replace("'", "")
        # What sets a variable or defines a function must do so in this shell.
        made.append(f": > said; {{ {bare}\n}} > said 2>&1; status=$?")
        if expected and expected[2] == "refused":
            made.append(f"[ $status != 0 ] || fail 'not refused: {told}'")
        else:
            made.append(f"[ $status = 0 ] || fail 'refused: {told}'")
        if expected:
            made.append(f"grep -qF -- '{expected[3].strip()}' said || fail 'says else: {told}'")
    return "\n".join(made) + "\n"


def test_the_guide_leads_where_it_says(tmp_path: Path) -> None:
    # A cloud of its own: it sets what holds for a whole account.
    with wholecloud.fresh() as cloud:
        done = walk(cloud, tmp_path)
    assert done.returncode == 0, done.stderr[-4000:]


def walk(cloud: Cloud, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run the whole guide in an empty directory, with nothing in the environment but a PATH."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, line in (
        ("aws", f'exec {wholecloud.AWS_1} "$@"'),
        ("mallee", f'exec {sys.executable} -m mallee.cli.main "$@"'),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    place = tmp_path / "desk"
    place.mkdir()
    return subprocess.run(
        ["bash", "-c", script()],
        cwd=place,
        env={
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "AWS_PAGER": "",
            "AWS_EC2_METADATA_DISABLED": "true",
            "MALLEE_ROOT": str(cloud.layout.root),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_every_command_of_the_guide_is_run() -> None:
    found = list(commands())
    assert len(found) > 50
    assert sum("# refused:" in command for command in found) >= 6
    assert len(GUIDE.read_text().split("```")) % 2 == 1

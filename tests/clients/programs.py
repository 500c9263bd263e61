"""Clients as their users run them: real programs in a process of their own."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests import wholecloud
from tests.standby import programs as standby
from tests.wholecloud import Cloud

CLIS = (wholecloud.AWS_1, wholecloud.AWS_2)
"""Both generations of the AWS CLI."""


@dataclass(frozen=True, slots=True)
class Said:
    """How a program ended and what it said."""

    status: int
    out: str
    err: str


def line_of(cloud: Cloud, program: Path) -> tuple[str, ...]:
    """How a generation of the AWS CLI begins its line: Debian's knows no variable for endpoints."""
    standing = str(standby.aws(program))
    if program == wholecloud.AWS_1:
        return (standing,)
    return (standing, "--endpoint-url", cloud.access.endpoint)


def run(cloud: Cloud, *line: str | Path, **environment: str) -> Said:
    """Run a program with this cloud's credentials in its environment."""
    done = subprocess.run(
        [str(word) for word in line],
        env={**cloud.environment(), "MALLEE_ROOT": str(cloud.layout.root), **environment},
        # Whatever the tests themselves were started with is none of the program's.
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    return Said(done.returncode, done.stdout.strip(), done.stderr.strip())


def aws(cloud: Cloud, program: Path, *words: str) -> str:
    """What the AWS CLI prints as text; it must succeed."""
    said = run(cloud, *line_of(cloud, program), "--output", "text", *words)
    assert said.status == 0, f"{' '.join(words)}: {said.err}"
    return said.out


def refusal(cloud: Cloud, program: Path, *words: str) -> str:
    """The one line with which the AWS CLI tells of a refusal."""
    said = run(cloud, *line_of(cloud, program), *words)
    assert said.status != 0, f"{' '.join(words)}: {said.out}"
    return said.err.splitlines()[-1]


def mallee(cloud: Cloud, *words: str, **environment: str) -> Said:
    """Run the `mallee` command."""
    return run(cloud, standby.mallee(), *words, **environment)

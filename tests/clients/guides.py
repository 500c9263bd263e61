"""Runs every command of a guide in `docs/`, from top to bottom, in one shell."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests import wholecloud
from tests.cloud.running import RunningCloud
from tests.standby import programs as standby
from tests.wholecloud import Cloud

EXPECTED = re.compile(r"^(.*?)\s+# (refused|says): (.+)$", re.S)
SHELL = """
fail() { printf 'guide: %s\\n' "$1" >&2; cat said >&2; exit 1; }
"""


def commands(guide: Path) -> Iterator[str]:
    """Every command of the guide; one with a document in it is several lines."""
    for block in re.findall(r"^```sh\n(.*?)^```$", guide.read_text(), re.M | re.S):
        lines = iter(block.splitlines())
        for line in lines:
            command = line
            if re.search(r"<<'?EOF'?$", line):
                while not command.endswith("\nEOF"):
                    command += "\n" + next(lines)
            yield command


def script(guide: Path) -> str:
    """The guide as one script, which ends at the first command that does other than it says."""
    made = [SHELL]
    for command in commands(guide):
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


def _programs() -> dict[str, str]:
    return {
        "aws": f'exec {standby.aws(wholecloud.AWS_1)} "$@"',
        "mallee": f'exec {standby.mallee()} "$@"',
    }


def walk(
    cloud: Cloud | RunningCloud, guide: Path, place: Path, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the whole guide in an empty directory, with nothing in the environment but a PATH.

    On it are `aws`, `mallee` and `more`: programs by their names, as lines of the shell.
    """
    folder = place / "bin"
    folder.mkdir()
    for name, line in {**_programs(), **(more or {})}.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    desk = place / "desk"
    desk.mkdir()
    done = subprocess.run(
        ["bash", "-c", script(guide)],
        cwd=desk,
        env={
            "PATH": f"{folder}:{os.environ['PATH']}",
            "HOME": str(place),
            "AWS_PAGER": "",
            "AWS_EC2_METADATA_DISABLED": "true",
            "MALLEE_ROOT": str(cloud.layout.root),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    if done.returncode != 0 and isinstance(cloud, Cloud):
        # A guest that is not there says nothing: the cloud knows why, as long as it is there.
        done.stderr += f"\n{_instances(cloud)}"
    return done


def _instances(cloud: Cloud) -> str:
    """Every instance with its state and the reason for it, as its owner sees them."""
    found = cloud.ec2.describe_instances()["Reservations"]
    every = [one for reservation in found for one in reservation["Instances"]]
    told = [(one["InstanceId"], one["State"]["Name"], one.get("StateReason")) for one in every]
    ends = [line for log in cloud.layout.libvirt.glob("log/qemu/i-*.log") for line in _said(log)]
    return "\n".join([*map(str, told), *ends])


def _said(log: Path) -> list[str]:
    """What a guest's QEMU and libvirt said at last, if it ended unasked."""
    lines = log.read_text(errors="replace").splitlines()
    if not any("reason=crashed" in line for line in lines):
        return []
    return [f"{log.stem}: {line[:300]}" for line in lines[-12:]]

"""Every command of docs/lab.md works, in the order of the page; every document there is right."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from mallee.box import steps
from mallee.lab import document, openvswitch
from mallee.lab import up as making
from mallee.lab.rooms import Place
from mallee.model.layout import Layout
from tests import tinyimages, wholecloud

PAGE = (Path(__file__).parents[2] / "docs/lab.md").read_text()
DOCUMENTS = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.M | re.S)
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)
    for line in block.splitlines()
]
SAYS = {
    "mallee lab enter front -- mallee hosts": "n2",
    "mallee lab enter n1 -- mallee status": "node",
    "mallee lab enter world -- aws ec2 describe-availability-zones": "us-east-1a",
    "mallee lab cut n1": "n1.eth0: cut",
    "mallee lab enter n1 -- ip -br link": "NO-CARRIER",
    "mallee lab cut n1 --loss 30 --delay-ms 20": "n1.eth0: loses 30 % each way; 20 ms each way",
    "mallee lab cut n2 --mtu 1400": "n2.eth0: nothing larger than 1400",
    "mallee lab mend n1": "n2.eth0",
    'mallee lab enter front -- sh -c "mallee doctor || true"': "packets larger than 1400 bytes",
    "mallee lab mend": "all good",
}


@pytest.fixture
def labs_dir() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="l-", dir="/tmp"))
    path.chmod(0o755)
    place = Place(path / "lab")
    try:
        for host in ("front", "n1", "n2"):
            layout = Layout(place.root(host))
            layout.node.mkdir(parents=True)
            shutil.copy(wholecloud.verdict(), layout.kvm_verdict)
        tinyimages.copy_into(Layout(place.root("front")))
        (path / "lab.toml").write_text(DOCUMENTS[0])
        yield path
    finally:
        if place.document.exists():
            steps.run(making.down_plan(place), wholecloud.Silent())
        shutil.rmtree(path, ignore_errors=True)


def test_every_command_of_the_page_works(labs_dir: Path) -> None:
    commands = labs_dir / "bin"
    commands.mkdir()
    mallee = commands / "mallee"
    mallee.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m mallee.cli.main "$@"\n')
    mallee.chmod(0o755)
    environment = os.environ | {
        "MALLEE_LABS": str(labs_dir),
        "PATH": f"{commands}:{os.environ['PATH']}",
    }
    ran: list[str] = []
    for line in COMMANDS:
        done = subprocess.run(
            line,
            shell=True,
            cwd=labs_dir,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        assert SAYS.get(line, "") in done.stdout, f"{line}: {done.stdout}"
        ran.append(line)
    assert SAYS.keys() <= set(ran)
    assert not (labs_dir / "lab").exists()


def test_every_document_of_the_page_is_right() -> None:
    assert [len(document.parse(text).hosts) for text in DOCUMENTS] == [4, 3]


def test_every_key_is_in_the_table_and_no_other() -> None:
    named = set(re.findall(r"^\| `([a-zA-Z._]+)` \|", PAGE, re.M))
    known = {f"hosts.NAME.{name}" for name in _fields(document.Host)}
    known |= {f"switches.NAME.{name}" for name in _fields(document.Switch)}
    known |= {f"nics.{name}" for name in _fields(document.Nic)}
    known |= set(_fields(document.Lab)) - {"hosts", "switches"}
    assert named == known
    for ailment in _fields(document.Cable):
        assert f"`{ailment}`" in PAGE


def test_it_names_the_package_of_open_vswitch() -> None:
    assert f"`{openvswitch.PACKAGE}`" in PAGE


def _fields(struct: type[msgspec.Struct]) -> list[str]:
    return [field.name for field in msgspec.structs.fields(struct)]

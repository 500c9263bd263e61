"""docs/network-modes.md: its documents are right, its commands work, and no mode is left out."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from mallee.box import steps
from mallee.lab import document
from mallee.lab import up as making
from mallee.lab.rooms import Place
from mallee.model.configuration import settings
from mallee.model.layout import Layout
from mallee.model.network import modes
from tests import tinyimages, wholecloud

PAGE = (Path(__file__).parents[2] / "docs/network-modes.md").read_text()
DOCUMENTS = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.M | re.S)
SETTINGS = [text for text in DOCUMENTS if "[cloud" not in text]
LABS = [text for text in DOCUMENTS if "[hosts." in text]
PARTS = [text for text in DOCUMENTS if "[cloud" in text and text not in LABS]
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)
    for line in block.splitlines()
]
SAYS = {
    "mallee lab enter front -- mallee config show": 'mode = "system"',
    "mallee lab enter front -- ip -br address": "198.18.50.2/24",
    "mallee lab enter front -- bridge link": "br0",
}


@pytest.fixture
def labs_dir() -> Iterator[Path]:
    """A directory of labs with the page's first one, whose front end has the images."""
    path = Path(tempfile.mkdtemp(prefix="l-", dir="/tmp"))
    path.chmod(0o755)
    place = Place(path / "lan")
    try:
        _prepare(place)
        (path / "lan.toml").write_text(LABS[0])
        yield path
    finally:
        if place.document.exists():
            steps.run(making.down_plan(place), wholecloud.Silent())
        shutil.rmtree(path, ignore_errors=True)


def _prepare(place: Place) -> None:
    layout = Layout(place.root("front"))
    layout.node.mkdir(parents=True)
    shutil.copy(wholecloud.verdict(), layout.kvm_verdict)
    tinyimages.copy_into(layout)


@pytest.mark.machine
def test_every_command_of_the_page_works(labs_dir: Path) -> None:
    commands = labs_dir / "bin"
    commands.mkdir()
    mallee = commands / "mallee"
    mallee.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m mallee.cli.main "$@"\n')
    mallee.chmod(0o755)
    path = f"{commands}:{os.environ['PATH']}"
    environment = os.environ | {"MALLEE_LABS": str(labs_dir), "PATH": path}
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
    assert SAYS.keys() <= set(COMMANDS)
    assert not (labs_dir / "lan").exists()


def test_every_settings_block_is_right_and_every_mode_has_one() -> None:
    shown = [settings.parse(text).network.mode for text in SETTINGS]
    assert set(shown) == set(get_args(modes.Mode))


def test_every_lab_of_the_page_is_right() -> None:
    first, second = (document.parse(text).cloud.network.mode for text in LABS)
    assert (first, second) == ("system", "managed")
    # What is to be put in the place of the last tables of the first one.
    kept = LABS[0].partition("[cloud]")[0]
    assert [document.parse(kept + text).cloud.network.mode for text in PARTS] == ["static"]


def test_each_mode_has_the_way_of_each_packet() -> None:
    ways = PAGE[PAGE.index("## How every packet goes") : PAGE.index("## Settings for each")]
    drawings = re.findall(r"^```\n(.*?)^```$", ways, re.M | re.S)
    assert len(drawings) == 4
    for drawing in drawings:
        for way in ("same host", "other host", "other group", "world", "elastic", "metadata"):
            assert f" {way}" in drawing

"""docs/network-modes.md: its documents are right, its commands work, and no mode is left out."""

import re
from typing import get_args

import pytest

from mallee.lab import document
from mallee.model.configuration import settings
from mallee.model.network import modes
from tests.docs import pages

PAGE = pages.read("network-modes.md")
DOCUMENTS = pages.documents(PAGE)
SETTINGS = [text for text in DOCUMENTS if "[cloud" not in text]
LABS = [text for text in DOCUMENTS if "[hosts." in text]
PARTS = [text for text in DOCUMENTS if "[cloud" in text and text not in LABS]
COMMANDS = [line for _, line in pages.commands(PAGE)]
SAYS = {
    "mallee lab enter front -- mallee config show": 'mode = "system"',
    "mallee lab enter front -- ip -br address": "198.18.50.2/24",
    "mallee lab enter front -- bridge link": "br0",
}


@pytest.mark.machine
def test_every_command_of_the_page_works() -> None:
    with pages.directory("lan", LABS[0], ("front",)) as labs:
        pages.run_all(COMMANDS, labs, SAYS)
        assert not (labs / "lan").exists()


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

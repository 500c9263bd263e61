"""docs/people.md shows commands that exist and files that can be read."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from mallee.cli import main
from mallee.cli.people import directories, ldapdirectory

TOP = Path(__file__).parents[2]
PAGE = (TOP / "docs/people.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


COMMANDS = [line for block in blocks("") for line in block.splitlines() if "mallee " in line[:7]]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_there(line: str) -> None:
    import shlex

    words = shlex.split(line)[1:]
    function, bound, _ = main.app.parse_args(words, exit_on_error=False, print_error=False)
    assert function is not None
    assert bound is not None


def test_the_ldap_file_is_complete_and_shows_the_defaults() -> None:
    (text,) = blocks("toml")
    shown = msgspec.convert(tomllib.loads(text), ldapdirectory.Directory)
    given = ldapdirectory.Directory(url=shown.url, people=ldapdirectory.People(shown.people.base))
    assert shown.people == given.people
    assert shown.groups is not None
    assert msgspec.structs.replace(shown.groups, map={}) == ldapdirectory.Groups(shown.groups.base)
    assert set(tomllib.loads(text)) == set(ldapdirectory.Directory.__struct_fields__)


def test_the_csv_file_can_be_read(tmp_path: Path) -> None:
    (text,) = blocks("csv")
    file = tmp_path / "people.csv"
    file.write_text(text)
    assert [person.is_enabled for person in directories.read_csv(file)] == [True, False]
    assert text.splitlines()[0] == ",".join(directories.COLUMNS)

"""docs/administration.md names every setting with its default, every daemon, every verb."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from mallee.box import status
from mallee.cli import main
from mallee.model.configuration.settings import Settings
from tests.docs import pages

TOP = Path(__file__).parents[2]
PAGE = pages.read("administration.md")
README = (TOP / "README.md").read_text()


def defaults() -> dict[str, str]:
    return dict(flat("", msgspec.to_builtins(Settings())))


def flat(table: str, values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from flat(f"{table}{name}.", cast(dict[str, Any], value))
        else:
            yield f"{table}{name}", shown(value)


def shown(value: object) -> str:
    match value:
        case bool():
            return f"`{str(value).lower()}`"
        case str():
            return f"`{value}`" if value else "empty"
        case () | []:
            return "empty"
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def test_every_setting_is_there_with_its_default_and_no_other() -> None:
    rows = re.findall(r"^\| `([a-z0-9_.]+)` \| ([^|]+) \| [^|]+ \|$", PAGE, re.M)
    assert {name: default for name, default in rows if name in defaults() or "." in name} == (
        defaults()
    )


def test_every_daemon_says_what_it_is_for() -> None:
    for daemon in (status.SUPERVISOR, *status.DAEMONS):
        assert re.search(rf"^\| `{daemon}` \|", PAGE, re.M), daemon


def test_every_verb_is_documented_and_every_documented_verb_exists() -> None:
    verbs = set(main.VERBS) | set(main.GROUPS)
    named = set(re.findall(r"`(?:mallee )([a-z-]+)", README + PAGE))
    named |= set(re.findall(r"`([a-z-]+)(?: [A-Za-z .]+)?`", README.partition("| `mallee …` |")[2]))
    assert verbs - named == set()
    assert set(re.findall(r"`mallee ([a-z-]+)", README + PAGE)) - verbs == set()

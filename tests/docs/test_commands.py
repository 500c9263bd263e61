"""Every `mallee …` that a page or a message names is there: its verb, and each of its options."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.cli import main

TOP = Path(__file__).parents[2]
PAGES = (*sorted(TOP.glob("*.md")), *sorted((TOP / "docs").glob("*.md")))
_WORDS = r"mallee((?: [a-z][a-z0-9-]*\b(?![./:@=]))+)((?: [^`&|;\n#]*)?)"
_SPANS = re.compile(rf"`(?:sudo )?{_WORDS}`")
_LINES = re.compile(rf"(?:^|&& |-- |\| |; )(?:sudo )?{_WORDS}", re.M)
_FENCES = re.compile(r"^```[a-z]*\n(.*?)^```$", re.M | re.S)
_SAID = re.compile(_WORDS)


def named(text: str) -> Iterator[tuple[list[str], str]]:
    """Commands that a page names: their first words, and what follows."""
    for block in _FENCES.findall(text):
        yield from ((first.split(), rest) for first, rest in _LINES.findall(block))
    for first, rest in _SPANS.findall(_FENCES.sub("", text)):
        yield first.split(), rest


def faults(first: list[str], rest: str) -> list[str]:
    """What of a command is not there."""
    verb, *others = first
    if verb in main.VERBS:
        return missing_options([verb], " ".join((*others, rest)))
    if verb not in main.GROUPS:
        return [f"no verb {verb}"]
    if not others and verb in main.LISTS:
        return missing_options([verb, "list"], rest)
    if others and others[0] not in main.GROUPS[verb][1]:
        return [f"no verb {verb} {others[0]}"]
    return missing_options([verb, others[0]], rest) if others else []


def missing_options(verbs: list[str], rest: str) -> list[str]:
    """Options that are named and that the verb does not have."""
    found = main.app
    for verb in verbs:
        found = found[verb]
    known = {name for argument in found.assemble_argument_collection() for name in argument.names}
    own = rest.partition(" -- ")[0]
    return [
        f"{' '.join(verbs)} has no {name}"
        for name in re.findall(r"(?<!\S)--[a-z][a-z0-9-]*", own)
        if name not in {*known, "--help", "--version"}
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_is_there(page: Path) -> None:
    told = [(first, rest, faults(first, rest)) for first, rest in named(page.read_text())]
    assert [one for one in told if one[2]] == []


def test_every_command_of_the_overview_is_there() -> None:
    table = (TOP / "README.md").read_text().partition("| `mallee …` |")[2].partition("\n\n")[0]
    rows = [row.split(" | ")[0] for row in table.splitlines() if row.startswith("| `")]
    told = [_SAID.findall(f"mallee {span}") for row in rows for span in re.findall("`(.+?)`", row)]
    assert len(told) > 50
    assert [
        one for found in told for first, rest in found for one in faults(first.split(), rest)
    ] == []


def test_what_is_not_there_is_found() -> None:
    block = "sudo mallee hosts drain n1 --slowly\nmallee frontend 192.0.2.1\n"
    page = f"`mallee node leave`\n```sh\n{block}```\n"
    assert [one for first, rest in named(page) for one in faults(first, rest)] == [
        "hosts drain has no --slowly",
        "no verb frontend",
        "no verb node leave",
    ]


def test_every_command_that_a_message_names_is_there() -> None:
    wrong: list[str] = []
    for path in sorted((TOP / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found = _SAID.findall(node.value)
                wrong += [
                    f"{path.name}:{node.lineno}: {fault}"
                    for first, rest in found
                    if first.split()[0] in {*main.GROUPS, *main.VERBS}
                    for fault in faults(first.split(), rest)
                ]
    assert wrong == []

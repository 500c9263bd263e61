"""docs/recipes.md tells every key of a recipe, and shows one that is good."""

import re
from pathlib import Path

import msgspec
import pytest

from mallee.cli import main
from mallee.images.recipes import instructions, recipe, texts

TOP = Path(__file__).parents[2]
PAGE = (TOP / "docs/recipes.md").read_text()
EXAMPLES = TOP / "examples/recipes"


def test_every_key_is_told_and_no_other() -> None:
    told = re.findall(r"^\| `([a-z-]+)` \| ", PAGE, re.M)
    keys = [field.encode_name for field in msgspec.structs.fields(texts.RecipeText)]
    assert sorted(told) == sorted(keys)


@pytest.mark.parametrize("kind", [texts.UserText, texts.FileText])
def test_every_key_of_users_and_files_is_told(kind: type[msgspec.Struct]) -> None:
    missing = [
        field.encode_name
        for field in msgspec.structs.fields(kind)
        if f"`{field.encode_name}" not in PAGE
    ]
    assert missing == []


@pytest.mark.parametrize("verb", ["build", "customise", "test"])
def test_its_verbs_exist_and_are_shown(verb: str) -> None:
    assert verb in main.GROUPS["images"][1]
    assert f"mallee images {verb}" in PAGE


def test_the_course_that_is_shown_is_the_example() -> None:
    [shown] = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
    assert shown == (EXAMPLES / "web-course.toml").read_text()
    assert sum(1 for line in shown.splitlines() if line[:1].isalpha()) <= 10


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_every_example_is_a_recipe(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_PASSWORD", "sesam")
    made = recipe.read(path, lambda prompt: "")
    assert instructions.steps(made)
    assert made.test, "an example says how it is tested"

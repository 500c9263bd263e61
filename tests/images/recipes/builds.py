"""Builds of recipes for tests: a text in, what was built and how out."""

from dataclasses import dataclass
from pathlib import Path

from mallee.images.recipes import build, recipe
from mallee.model.images import catalogue
from mallee.model.layout import Layout


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did, step by step, and the image that it offers."""

    said: dict[str, str]
    image: catalogue.CatalogueImage


def parse(text: str, folder: Path) -> recipe.Recipe:
    """The recipe of a text that lies in the folder as `course.toml`; nobody is asked anything."""
    path = folder / "course.toml"
    path.write_text(text)

    def nobody(prompt: str) -> str:
        raise AssertionError(prompt)

    return recipe.read(path, nobody)


def complaints(text: str, folder: Path) -> tuple[str, ...]:
    """What is said of a recipe that is none."""
    try:
        parse(text, folder)
    except recipe.Invalid as invalid:
        return invalid.complaints
    raise AssertionError("nothing was said")


def run(layout: Layout, text: str) -> Built:
    """Build a recipe's image."""
    wanted = parse(text, layout.root)
    with build.begun(layout, wanted, build.Options()) as begun:
        said = {part.name: part.do(lambda line: None) for part in begun.parts()}
        image = begun.found()
    assert image is not None
    return Built(said, image)


def log(layout: Layout, name: str = "course") -> str:
    """All that the last build of an image said."""
    return (layout.log / f"image-{name}.log").read_text()

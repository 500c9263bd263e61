"""The built-in Debian, built for tests: `mallee images build debian-12`, offered to their clouds.

Built by hand (`python -m tests.debianimages`: minutes, and Debian's mirror) into `build/debian` of
the working tree, where tests find it; without it they are skipped. Again, it is a matter of a
second, unless what it is made of has changed.
"""

import os
import shutil
import sys
from pathlib import Path

from mallee.images.recipes import build as building
from mallee.images.recipes import offers, recipe
from mallee.model.images import catalogue
from mallee.model.layout import Layout
from tests import tinyimages

BASE = "debian-12"
NAME = f"mallee-{BASE}"
ROOT = Path(__file__).parent.parent / "build" / "debian"
_DOCUMENT = catalogue.RECIPE + offers.slug(NAME)


def is_built() -> bool:
    """Whether there is an image to test with."""
    return catalogue.document_path(Layout(ROOT), _DOCUMENT).exists()


def build(base: str = BASE) -> None:
    """Make the image; needs root, mmdebstrap and Debian's mirror."""
    layout = Layout(ROOT)
    layout.packages.mkdir(parents=True, exist_ok=True)
    tools = layout.packages / "tiny"
    if not tools.exists():
        tools.symlink_to(tinyimages.layout().packages / "tiny")
    options = building.Options(is_public=True)
    with building.begun(layout, recipe.built_in(base), options) as begun:
        if begun.found() is not None:
            return
        for part in begun.parts():
            sys.stderr.write(f"{part.name}\n")
            part.do(lambda line: None)


def offer(layout: Layout) -> None:
    """Put the image into a cloud's catalogue, from which it registers it."""
    made = Layout(ROOT)
    document = catalogue.document_path(made, _DOCUMENT)
    for image in catalogue.decode(document.read_bytes()).images:
        target = catalogue.blob_path(layout, image.blob)
        try:
            os.link(catalogue.blob_path(made, image.blob), target)
        except FileExistsError:
            continue
        except OSError:
            shutil.copy(catalogue.blob_path(made, image.blob), target)
    shutil.copy(document, catalogue.document_path(layout, _DOCUMENT))


if __name__ == "__main__":
    build()

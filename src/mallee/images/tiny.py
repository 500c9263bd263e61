"""The tiny guest: builds its images from Debian packages and offers them in the catalogue.

The command line (`mallee images build tiny`) and faststart call `build`. What the images contain
is told by the files in `guest/`.
"""

from collections.abc import Callable
from pathlib import Path

from mallee.model.catalogue import Catalogue
from mallee.model.layout import Layout

Progress = Callable[[str], None]
"""Takes one line for the user per step, as it begins."""


class CannotBuild(Exception):
    """The image cannot be built; the message says why and what to do."""


def build(layout: Layout, progress: Progress, packages: Path | None = None) -> Catalogue:
    """Build all images of the tiny guest and write their blobs and catalogue document.

    Packages come from `packages` (a directory of .deb files) or else from the cache under the
    root, filled by apt at the first time. The same packages give the same bytes, so a second
    build changes nothing. Raises `CannotBuild`.
    """
    raise NotImplementedError

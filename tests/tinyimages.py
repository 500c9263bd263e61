"""The tiny guest's images, built once per run of tests into `build/tiny` of the working tree.

For all tests and benchmarks that boot a guest. Packages are fetched at the first time ever and
stay there, so that later runs need no network; building again without change changes nothing.
"""

import fcntl
import functools
import os
import shutil
import subprocess
from pathlib import Path

from mallee.images import tiny
from mallee.model.images import catalogue
from mallee.model.images.images import Blob
from mallee.model.layout import Layout

_ROOT = Path(__file__).parent.parent / "build" / "tiny"
_STAMP = _ROOT / "built"


@functools.cache
def layout() -> Layout:
    """A root directory that holds nothing but the built images and their catalogue document."""
    built = Layout(_ROOT)
    _ROOT.mkdir(parents=True, exist_ok=True)
    # Several workers of one run ask for the images at once: one builds, the others find them.
    with (_ROOT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_fresh():
            tiny.build(built, lambda line: None)
            _STAMP.touch()
    return built


def _is_fresh() -> bool:
    """Whether the images are younger than everything that they are made by."""
    recipe = Path(tiny.__file__).parent.rglob("*")
    youngest = max(path.stat().st_mtime for path in recipe if "__pycache__" not in path.parts)
    return _STAMP.exists() and _STAMP.stat().st_mtime > youngest


def document() -> catalogue.Catalogue:
    """The catalogue document of the tiny guest."""
    return catalogue.decode(catalogue.document_path(layout(), catalogue.TINY).read_bytes())


def file_of(blob: Blob) -> Path:
    """The file of one of its blobs; not to be written to."""
    return catalogue.blob_path(layout(), blob)


def copy_into(other: Layout) -> None:
    """Give another cloud these images: links where the file system can, blobs never change."""
    for folder in (other.blobs, other.catalogue):
        folder.mkdir(parents=True, exist_ok=True)
    for blob in _blobs():
        target = catalogue.blob_path(other, blob)
        if not target.exists():
            try:
                os.link(file_of(blob), target)
            except OSError:
                shutil.copy(file_of(blob), target)
    name = catalogue.TINY
    shutil.copy(catalogue.document_path(layout(), name), catalogue.document_path(other, name))


def _blobs() -> set[Blob]:
    found = {image.blob for image in document().images}
    boot = catalogue.proof_boot(document())
    return found | {boot.kernel} | ({boot.ramdisk} if boot.ramdisk else set())


def clone(blob: Blob, to: Path, size: str = "1G") -> Path:
    """Make a disk of that size at `to` that begins as the blob; return `to`."""
    backing = ["-b", str(file_of(blob)), "-F", blob.format]
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *backing, str(to), size], check=True)
    return to

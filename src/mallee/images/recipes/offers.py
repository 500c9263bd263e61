"""Offers a built image to the cloud: its files among the blobs, its document in the catalogue.

The document is written last and whole; the cloud registers what it lists. An image that a recipe
makes bears tags: the key of all that went into it, and its base.
"""

import hashlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from mallee.images import catalogue, tiny
from mallee.model.images import catalogue as documents
from mallee.model.images.images import DirectBoot
from mallee.model.layout import Layout

RECIPE_TAG = "mallee:recipe"
BASE_TAG = "mallee:base"
_GIB = 1 << 30
_DISK = "disk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An image, and what is said of it."""

    name: str
    description: str
    base: str
    key: str
    """Of all that went into it."""
    size_bytes: int
    is_public: bool
    kernel: Path | None
    """For the fast boot path; None: it boots by itself."""
    ramdisk: Path | None

    @property
    def document(self) -> str:
        """The name of its document."""
        return documents.RECIPE + slug(self.name)

    @property
    def tags(self) -> dict[str, str]:
        """What it bears."""
        return {RECIPE_TAG: self.key, BASE_TAG: self.base}


def slug(name: str) -> str:
    """Return a file's name for an image's: readable, and no other image's."""
    readable = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    if readable == name:
        return readable
    return f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def find(layout: Layout, offer: Offer) -> documents.CatalogueImage | None:
    """Return the image if the catalogue offers this very one."""
    path = documents.document_path(layout, offer.document)
    if not path.exists():
        return None
    image = documents.image(documents.decode(path.read_bytes()), _DISK)
    is_same = (image.name, image.tags) == (offer.name, offer.tags)
    is_there = documents.blob_path(layout, image.blob).exists()
    return image if is_same and is_there else None


def publish(layout: Layout, offer: Offer, disk: Path) -> None:
    """Move the disk to the blobs, and write the document."""
    layout.cloud.mkdir(parents=True, exist_ok=True)
    boot: DirectBoot | None = None
    if offer.kernel is not None and offer.ramdisk is not None:
        given = [
            catalogue.store(layout, Path(shutil.copy(path, disk.with_name(form))), form)
            for path, form in ((offer.kernel, "kernel"), (offer.ramdisk, "ramdisk"))
        ]
        boot = DirectBoot(given[0], given[1], tiny.COMMAND_LINE)
    image = documents.CatalogueImage(
        key=_DISK,
        name=offer.name,
        description=offer.description,
        kind="machine",
        blob=catalogue.store(layout, disk, "qcow2"),
        disk_gib=-(-offer.size_bytes // _GIB),
        direct_boot=boot,
        is_public=offer.is_public,
        tags=offer.tags,
    )
    document = documents.Catalogue(
        name=offer.document, description=offer.description, images=(image,)
    )
    catalogue.publish(layout, document)

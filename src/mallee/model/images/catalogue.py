"""The catalogue: documents that offer built-in images for registration.

A builder (`mallee.images`) puts an image's files into `Layout.blobs` and writes one document into
`Layout.catalogue`; the cloud's image reconciler reads the documents and registers what they list as
images of the first account. A document that is written again replaces its predecessor:
an image is the same image as long as its blob is.
"""

import re
from pathlib import Path

import msgspec

from mallee.model.images.images import Blob, DirectBoot
from mallee.model.layout import Layout

TINY = "tiny"
"""The name of the tiny guest's document: the default image, and the one that proves KVM."""

TINY_DISK = "tiny"
"""The key of the tiny guest's whole-disk image, the one to launch when nobody says which."""

FIRST_LINE = "mallee-tiny: userspace"
"""The very first line that the tiny guest's userspace writes to its serial console."""


_SHA256 = re.compile(r"[0-9a-f]{64}")


class InvalidCatalogue(Exception):
    """A catalogue document cannot be read; the message says what is wrong with it."""


class CatalogueImage(msgspec.Struct, frozen=True, kw_only=True):
    """One image of a document; the members mean what they mean in `images.Image`."""

    key: str
    """Names the image within its document, for `kernel` and `ramdisk` to refer to."""
    name: str
    """The name to register under, unique among the catalogue's images: `mallee-tiny-kernel`."""
    description: str
    kind: str
    """`machine`, `kernel` or `ramdisk`."""
    architecture: str = "x86_64"
    blob: Blob
    disk_gib: int = 0
    direct_boot: DirectBoot | None = None
    kernel: str | None = None
    """The key of the kernel image that this machine image boots with."""
    ramdisk: str | None = None
    """The key of the ramdisk image that goes with the kernel."""
    is_root_file_system: bool = False
    is_public: bool = True
    """Whether all accounts may launch it; otherwise it is the first account's, who may share it."""
    tags: dict[str, str] = {}
    """What it bears when it is registered; its owner may change them afterwards."""


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """A document. Images that others refer to come before those that refer to them."""

    name: str
    description: str
    images: tuple[CatalogueImage, ...]
    program: str = ""
    """Digest of the program that made them, where it says so: another one may make others."""


RECIPE = "recipe-"
"""How the names of documents begin whose images were built from recipes: who deregisters such an
image is rid of it, while a built-in one comes back when the cloud starts again."""


def document_path(layout: Layout, name: str) -> Path:
    """Where the document of that name lies."""
    return layout.catalogue / f"{name}.json"


def blob_path(layout: Layout, blob: Blob) -> Path:
    """Where the cloud keeps the blob's file."""
    return layout.blobs / blob.sha256


def encode(catalogue: Catalogue) -> bytes:
    """Return the document as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(catalogue), indent=2) + b"\n"


def decode(document: bytes) -> Catalogue:
    """Read a document; raise `InvalidCatalogue`."""
    try:
        read = msgspec.json.decode(document, type=Catalogue)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidCatalogue(f"catalogue document: {error}") from error
    for offered in read.images:
        boot = offered.direct_boot
        for blob in (offered.blob, boot and boot.kernel, boot and boot.ramdisk):
            if blob is not None and not _SHA256.fullmatch(blob.sha256):
                raise InvalidCatalogue(f"{offered.key}: {blob.sha256[:80]!r} is no SHA-256")
    return read


def image(catalogue: Catalogue, key: str) -> CatalogueImage:
    """The image with that key; raise `InvalidCatalogue` when there is none."""
    for candidate in catalogue.images:
        if candidate.key == key:
            return candidate
    raise InvalidCatalogue(f"catalogue document {catalogue.name} has no image {key!r}")


def proof_boot(catalogue: Catalogue) -> DirectBoot:
    """Kernel, ramdisk and command line that prove an accelerator by reaching `FIRST_LINE`."""
    boot = image(catalogue, TINY_DISK).direct_boot
    if boot is None:
        raise InvalidCatalogue(f"catalogue document {catalogue.name} offers no direct boot")
    return boot

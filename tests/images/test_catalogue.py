"""Blobs are named by their content; storing and publishing twice is doing it once."""

import hashlib
import os
from pathlib import Path

import pytest

from mallee.images import catalogue
from mallee.model.images import catalogue as documents
from mallee.model.images.images import Blob, DirectBoot
from mallee.model.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.cloud.mkdir()
    return made


def document(sha256: str = "a" * 64) -> documents.Catalogue:
    blob = Blob(sha256, 3, "kernel")
    image = documents.CatalogueImage(
        key=documents.TINY_DISK,
        name="an-image",
        description="An image.",
        kind="machine",
        blob=Blob("b" * 64, 3, "raw"),
        disk_gib=1,
        direct_boot=DirectBoot(blob, None, "console=ttyS0"),
    )
    return documents.Catalogue(name="some", description="Some.", images=(image,))


def store(layout: Layout, content: bytes) -> Blob:
    source = layout.root / "new"
    source.write_bytes(content)
    return catalogue.store(layout, source, "raw")


def test_a_blob_is_named_by_its_content(layout: Layout) -> None:
    blob = store(layout, b"abc")
    assert blob == Blob(hashlib.sha256(b"abc").hexdigest(), 3, "raw")
    assert documents.blob_path(layout, blob).read_bytes() == b"abc"
    assert documents.blob_path(layout, blob).stat().st_mode & 0o777 == 0o644


def test_storing_moves_the_file(layout: Layout) -> None:
    store(layout, b"abc")
    assert not (layout.root / "new").exists()


def test_storing_again_keeps_the_file_and_makes_it_young(layout: Layout) -> None:
    path = documents.blob_path(layout, store(layout, b"abc"))
    os.utime(path, (0, 0))
    before = path.stat()
    store(layout, b"abc")
    assert (path.stat().st_ino, path.read_bytes()) == (before.st_ino, b"abc")
    assert path.stat().st_mtime > before.st_mtime


def test_a_document_reads_as_it_was_written(layout: Layout) -> None:
    catalogue.publish(layout, document())
    assert documents.decode(documents.document_path(layout, "some").read_bytes()) == document()


def test_publishing_again_changes_nothing(layout: Layout) -> None:
    catalogue.publish(layout, document())
    before = documents.document_path(layout, "some").stat().st_ino
    catalogue.publish(layout, document())
    assert documents.document_path(layout, "some").stat().st_ino == before


def test_a_changed_document_replaces_its_predecessor(layout: Layout) -> None:
    catalogue.publish(layout, document())
    catalogue.publish(layout, document("c" * 64))
    [path] = layout.catalogue.iterdir()
    assert documents.proof_boot(documents.decode(path.read_bytes())).kernel.sha256 == "c" * 64


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"\xff", b'{"name": 1}'])
def test_a_damaged_document_is_refused(text: bytes) -> None:
    with pytest.raises(documents.InvalidCatalogue):
        documents.decode(text)


@pytest.mark.parametrize("name", ["../../../etc/shadow", "", "A" * 64, "a" * 64 + "\n"])
def test_a_blob_that_would_lie_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(documents.InvalidCatalogue, match="SHA-256"):
        documents.decode(documents.encode(document(name)))


def test_an_image_that_is_not_offered_is_named() -> None:
    with pytest.raises(documents.InvalidCatalogue, match="'other'"):
        documents.image(document(), "other")

"""Image files go when nothing names them, and never before."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.cloud.reconcile import blobs, runner
from mallee.cloud.state import records, store
from mallee.model import catalogue
from mallee.model.catalogue import Catalogue, CatalogueImage
from mallee.model.images import Blob, DirectBoot, Image
from mallee.model.layout import Layout
from tests.cloud import clouds

LATER_S = blobs.UNTOUCHED_S + 60
KERNEL, DISK, OFFERED, NOBODYS = (digit * 64 for digit in "1234")


@pytest.fixture
def layout(root_dir: Path) -> Layout:
    layout = Layout(root_dir)
    for folder in (layout.catalogue, layout.blobs):
        folder.mkdir(parents=True)
    for name in (KERNEL, DISK, OFFERED, NOBODYS, "other"):
        (layout.blobs / name).touch()
    image = CatalogueImage(
        key="disk",
        name="d",
        description="",
        kind="machine",
        blob=Blob(sha256=OFFERED, size_bytes=0, format="raw"),
    )
    document = Catalogue(name="recipe-d", description="", images=(image,))
    path = catalogue.document_path(layout, "recipe-d")
    path.write_bytes(catalogue.encode(document))
    return layout


@pytest.fixture
def opened(root_dir: Path) -> Iterator[store.Store]:
    for one in clouds.open_store(root_dir, clouds.HandClock()):
        image = Image(
            id="ami-9",
            name="d",
            kind="machine",
            location="",
            blob=Blob(sha256=DISK, size_bytes=0, format="raw"),
            direct_boot=DirectBoot(Blob(sha256=KERNEL, size_bytes=0, format="kernel"), None, ""),
            created_at=0.0,
            state="deregistered",
        )
        one.transact(lambda tx, image=image: tx.insert(records.IMAGE, "1", image.id, image))
        yield one


async def test_what_nothing_names_goes_after_hours(opened: store.Store, layout: Layout) -> None:
    await runner.settle_all(blobs.reconciler(opened, layout))
    assert len(list(layout.blobs.iterdir())) == 5
    later = blobs.reconciler(opened, layout, lambda: time.time() + LATER_S)
    await runner.settle_all(later)
    left = {path.name for path in layout.blobs.iterdir()}
    assert left == {KERNEL, DISK, OFFERED, "other"}


async def test_a_replaced_images_file_goes_with_its_record(
    opened: store.Store, layout: Layout
) -> None:
    image = opened.view.get(records.IMAGE, "ami-9")
    assert image is not None
    opened.transact(lambda tx: tx.delete(image))
    catalogue.document_path(layout, "recipe-d").unlink()
    await runner.settle_all(blobs.reconciler(opened, layout, lambda: time.time() + LATER_S))
    assert [path.name for path in layout.blobs.iterdir()] == ["other"]

"""Image files go when nothing names them, and never before."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.cloud.reconcile import runner
from mallee.cloud.reconcile.images import blobs
from mallee.cloud.state import records, store
from mallee.model.images import catalogue
from mallee.model.images.catalogue import Catalogue, CatalogueImage
from mallee.model.images.images import Blob, DirectBoot, Image
from mallee.model.layout import Layout
from mallee.model.storage.transfers import Access, Task, Way
from tests.cloud import clouds
from tests.handclock import HandClock

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
    for one in clouds.open_store(root_dir, HandClock()):
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


def bringing(opened: store.Store, ended_at: float | None) -> str:
    """Have a task that takes a bundle in."""
    task = Task(
        id="import-reg-0123456789abcdef0",
        way=Way.BUNDLE_IN,
        access=Access("1", "AIDANOBODY"),
        began_at=0.0,
        ended_at=ended_at,
    )
    kind = records.REGISTRATION_TASK
    opened.transact(lambda tx: tx.insert(kind, "1", task.id, task))
    return task.id


async def test_what_was_brought_waits_for_its_task(opened: store.Store, layout: Layout) -> None:
    """A host may be away for longer than files are kept that nothing names."""
    layout.brought.mkdir()
    note = layout.brought / f"{bringing(opened, None)}~{NOBODYS}"
    note.touch()
    later = blobs.reconciler(opened, layout, lambda: time.time() + LATER_S)
    await runner.settle_all(later)
    assert note.exists()
    assert (layout.blobs / NOBODYS).exists()


@pytest.mark.parametrize("is_forgotten", [False, True])
async def test_notes_go_with_their_tasks_and_then_the_files(
    opened: store.Store, layout: Layout, *, is_forgotten: bool
) -> None:
    id = "import-reg-0123456789abcdef1" if is_forgotten else bringing(opened, 1.0)
    layout.brought.mkdir()
    note = layout.brought / f"{id}~{NOBODYS}"
    note.touch()
    await runner.settle_all(blobs.reconciler(opened, layout))
    assert note.exists(), "it was touched just now"
    later = blobs.reconciler(opened, layout, lambda: time.time() + LATER_S)
    await runner.settle_all(later)
    assert not note.exists()
    await runner.settle_all(later)
    assert not (layout.blobs / NOBODYS).exists()


async def test_a_file_that_was_broken_off_goes(opened: store.Store, layout: Layout) -> None:
    part = layout.blobs / f"part-{'0' * 16}"
    part.touch()
    await runner.settle_all(blobs.reconciler(opened, layout))
    assert part.exists()
    await runner.settle_all(blobs.reconciler(opened, layout, lambda: time.time() + LATER_S))
    assert not part.exists()

"""The catalogue is registered once, images follow their blobs and stay while guests need them."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.cloud.reconcile import runner
from mallee.cloud.reconcile.images import images
from mallee.cloud.state import records, store
from mallee.model.images import catalogue
from mallee.model.images.catalogue import Catalogue, CatalogueImage
from mallee.model.images.images import Blob, Image
from mallee.model.layout import Layout
from tests.cloud import clouds
from tests.handclock import HandClock

_numbers = count(1)


def entropy(size: int) -> bytes:
    return next(_numbers).to_bytes(size, "little")


def blob(digit: str) -> Blob:
    return Blob(sha256=digit * 64, size_bytes=1, format="raw")


def document(disk: Blob) -> Catalogue:
    return Catalogue(
        name="tiny",
        description="",
        images=(
            CatalogueImage(key="kernel", name="k", description="", kind="kernel", blob=blob("1")),
            CatalogueImage(
                key="disk", name="d", description="", kind="machine", blob=disk, kernel="kernel"
            ),
        ),
    )


@pytest.fixture
def layout(root_dir: Path) -> Layout:
    layout = Layout(root_dir)
    layout.catalogue.mkdir(parents=True)
    return layout


@pytest.fixture
def opened(root_dir: Path) -> Iterator[store.Store]:
    for one in clouds.open_store(root_dir, HandClock()):
        one.transact(lambda tx: clouds.add_host(tx, "host-1"))
        yield one


def publish(layout: Layout, disk: Blob) -> None:
    path = catalogue.document_path(layout, "tiny")
    path.unlink(missing_ok=True)
    path.write_bytes(catalogue.encode(document(disk)))


def named(opened: store.Store, name: str) -> list[Image]:
    return [image.doc for image in opened.view.by(records.IMAGE, "name", name)]


async def test_a_document_is_registered_once(opened: store.Store, layout: Layout) -> None:
    reconciler = images.reconciler(opened, layout, entropy)
    publish(layout, blob("2"))
    await runner.settle_all(reconciler)
    (kernel,), (disk,) = named(opened, "k"), named(opened, "d")
    assert kernel.id.startswith("aki-")
    assert disk.id.startswith("ami-")
    assert disk.kernel_id == kernel.id
    assert disk.is_public
    rev = opened.view.rev
    assert reconciler.keys() == ()
    publish(layout, blob("2"))
    await runner.settle_all(reconciler)
    await runner.settle_all(images.reconciler(opened, layout, entropy))
    assert opened.view.rev == rev


async def test_a_new_blob_is_a_new_image_and_the_old_one_goes(
    opened: store.Store, layout: Layout
) -> None:
    reconciler = images.reconciler(opened, layout, entropy)
    publish(layout, blob("2"))
    await runner.settle_all(reconciler)
    (old,) = named(opened, "d")
    publish(layout, blob("3"))
    for _ in range(2):
        await runner.settle_all(reconciler)
    (new,) = named(opened, "d")
    assert new.id != old.id
    assert new.kernel_id == old.kernel_id


async def test_an_old_image_stays_as_long_as_an_instance_came_from_it(
    opened: store.Store, layout: Layout
) -> None:
    reconciler = images.reconciler(opened, layout, entropy)
    publish(layout, blob("2"))
    await runner.settle_all(reconciler)
    (old,) = named(opened, "d")
    opened.transact(lambda tx: clouds.launch(tx, 1, image_id=old.id))
    publish(layout, blob("3"))
    for _ in range(2):
        await runner.settle_all(reconciler)
    kept, _ = named(opened, "d")
    assert kept == replace(old, state="deregistered", is_public=False)


async def test_a_broken_document_stops_no_other(opened: store.Store, layout: Layout) -> None:
    (layout.catalogue / "a.json").write_text("{")
    publish(layout, blob("2"))
    await runner.settle_all(images.reconciler(opened, layout, entropy))
    assert len(named(opened, "d")) == 1


async def test_a_document_waits_for_the_first_account(root_dir: Path, layout: Layout) -> None:
    publish(layout, blob("2"))
    empty = store.Store.open(f"sqlite:///{root_dir}/empty.db", clock=HandClock())
    reconciler = images.reconciler(empty, layout, entropy)
    await runner.settle_all(reconciler)
    assert empty.view.list(records.IMAGE) == []
    assert len(reconciler.keys()) == 1
    empty.close()


def recipe(disk: Blob) -> Catalogue:
    image = CatalogueImage(
        key="disk",
        name="d",
        description="",
        kind="machine",
        blob=disk,
        is_public=False,
        tags={"mallee:base": "tiny"},
    )
    return Catalogue(name="recipe-d", description="", images=(image,))


def publish_recipe(layout: Layout, disk: Blob) -> Path:
    path = catalogue.document_path(layout, "recipe-d")
    path.unlink(missing_ok=True)
    path.write_bytes(catalogue.encode(recipe(disk)))
    return path


async def test_a_recipes_image_is_its_owners_alone(opened: store.Store, layout: Layout) -> None:
    publish_recipe(layout, blob("2"))
    await runner.settle_all(images.reconciler(opened, layout, entropy))
    [disk] = named(opened, "d")
    assert (disk.is_public, disk.tags) == (False, {"mallee:base": "tiny"})


async def test_a_recipes_image_that_is_deregistered_does_not_come_back(
    opened: store.Store, layout: Layout
) -> None:
    path = publish_recipe(layout, blob("2"))
    reconciler = images.reconciler(opened, layout, entropy)
    await runner.settle_all(reconciler)
    [record] = opened.view.by(records.IMAGE, "name", "d")
    opened.transact(lambda tx: tx.write(record, replace(record.doc, state="deregistered")))
    await runner.settle_all(reconciler)
    assert not path.exists()
    await runner.settle_all(images.reconciler(opened, layout, entropy))
    assert named(opened, "d") == []
    publish_recipe(layout, blob("2"))
    await runner.settle_all(reconciler)
    assert [image.state for image in named(opened, "d")] == ["available"]


async def test_a_recipe_replaces_no_image_of_another_kind(
    opened: store.Store, layout: Layout
) -> None:
    publish_recipe(layout, blob("2"))
    reconciler = images.reconciler(opened, layout, entropy)
    await runner.settle_all(reconciler)
    [record] = opened.view.by(records.IMAGE, "name", "d")
    own = replace(record.doc, id="ami-own", location="somebody/d", blob=blob("5"))
    opened.transact(lambda tx: tx.insert(records.IMAGE, record.account, own.id, own))
    publish_recipe(layout, blob("3"))
    await runner.settle_all(reconciler)
    found = {image.location: image.state for image in named(opened, "d")}
    assert found == {"somebody/d": "available", "catalogue/recipe-d/disk": "available"}

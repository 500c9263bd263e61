"""What the tests of images begin with."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.state import records
from mallee.model.images.images import ImageMapping
from mallee.model.storage.snapshots import NO_VOLUME, Content, Snapshot
from tests.cloud.ec2.world import IMAGE_ID, World

Make = Callable[..., str]


@pytest.fixture
def own(world: World) -> Make:
    """Makes private images of Bob's over files, with what is said of them; returns their ids."""
    count = 0

    def make(account: str = "bob", **more: Any) -> str:
        nonlocal count
        count += 1
        id = f"ami-{0xA0 + count:017x}"

        def insert(tx: Any) -> None:
            tiny = tx.get(records.IMAGE, IMAGE_ID).doc
            doc = replace(tiny, id=id, name=f"own {count}", is_public=False)
            tx.insert(records.IMAGE, world.accounts[account], id, replace(doc, **more))

        world.store.transact(insert)
        return id

    return make


@pytest.fixture
def of_snapshot(world: World, own: Make) -> Callable[..., tuple[str, str]]:
    """Makes a private image of Bob's over a snapshot; returns the ids of both."""
    count = 0

    def make(account: str = "bob", **more: Any) -> tuple[str, str]:
        nonlocal count
        count += 1
        owner = world.accounts[account]
        doc = Snapshot(
            id=f"snap-{count:017x}",
            volume_id=NO_VOLUME,
            size_gib=2,
            content=Content(account=owner, root="ab" * 32, size_bytes=2 << 30),
            started_at=1e9,
        )
        doc = replace(doc, **more)
        world.store.transact(lambda tx: tx.insert(records.SNAPSHOT, owner, doc.id, doc))
        root = ImageMapping(device="/dev/vda", snapshot_id=doc.id, size_gib=2)
        return own(account, blob=None, mappings=(root,)), doc.id

    return make

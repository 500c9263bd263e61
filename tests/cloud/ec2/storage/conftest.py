"""What the tests of volumes and snapshots begin with."""

from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.state import records
from mallee.model.storage.snapshots import NO_VOLUME, Content, Snapshot
from tests.cloud.ec2.storage.contents import Add
from tests.cloud.ec2.world import World


@pytest.fixture
def add(world: World) -> Add:
    """Makes snapshots that have content, as if they were imported."""
    count = 0

    def make(account: str = "alice", **more: Any) -> str:
        nonlocal count
        count += 1
        owner = world.accounts[account]
        doc = Snapshot(
            id=f"snap-{count:017x}",
            volume_id=NO_VOLUME,
            size_gib=1,
            content=Content(account=owner, root="ab" * 32, size_bytes=1 << 30),
            started_at=1e9,
        )
        doc = replace(doc, **more)
        world.store.transact(lambda tx: tx.insert(records.SNAPSHOT, owner, doc.id, doc))
        return doc.id

    return make

"""A desk with a bucket `bbb`, and one that keeps versions, `versions`."""

from collections.abc import AsyncIterator
from concurrent import futures
from pathlib import Path

import pytest

from mallee.walrus.engine import Engine
from tests.cloud.clouds import open_store
from tests.cloud.s3.desk import Desk
from tests.handclock import HandClock


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """S3's handlers over a fresh store and engine."""
    clock = HandClock()
    opening = open_store(tmp_path, clock)
    store = next(opening)
    engine = Engine(tmp_path / "walrus", clock=clock)
    with futures.ThreadPoolExecutor(4) as threads:
        made = Desk(store, engine, clock, threads)
        await made.ask("CreateBucket", Bucket="bbb")
        await made.ask("CreateBucket", Bucket="versions")
        await made.ask(
            "PutBucketVersioning",
            Bucket="versions",
            VersioningConfiguration={"Status": "Enabled"},
        )
        yield made
    engine.close()
    next(opening, None)

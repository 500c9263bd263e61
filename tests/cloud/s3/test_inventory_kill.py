"""SIGKILL while a list is made: half of one is never there, and a whole one comes afterwards."""

import contextlib
import sqlite3
import time
from pathlib import Path
from typing import Any

from mallee.walrus import places
from mallee.walrus.engine import Engine
from mallee.walrus.records import Version
from tests.cloud.s3 import processes
from tests.cloud.s3.processes import Processes
from tests.cloud.s3.test_inventory import allow, manifest, wanted

OBJECTS = 60_000
TOGETHER = 5_000
KILLS = 3
WAIT_S = 240
FILES = 4
"""A list's lines, its manifest, the manifest's checksum, and what Hive reads."""


def fill(made: Processes) -> None:
    """Put very many empty objects beside the one that a bucket has, past the protocol."""
    where = places.Places(made.layout.objects)
    with contextlib.closing(sqlite3.connect(where.index)) as index:
        [(bucket, about)] = index.execute("SELECT bucket, about FROM object").fetchall()
    engine = Engine(made.layout.objects)
    for start in range(1, OBJECTS, TOGETHER):

        def work(tx: Any, _: Any, start: int = start) -> None:
            for n in range(start, min(start + TOGETHER, OBJECTS)):
                version = Version(id="null", modified_ms=0, etag=f"{hash(n):032x}", about=about)
                tx.add(bucket, b"k%07d" % n, version)

        engine.commit(work).result()
    engine.close()


def keys(made: Processes) -> list[str]:
    """Return what a list has left in its bucket."""
    found = made.client("s3").list_objects_v2(Bucket="lists").get("Contents", ())
    return [one["Key"] for one in found]


def wait_begun(made: Processes) -> None:
    """Wait until a list is on its way to the disk, or there."""
    incoming = places.Places(made.layout.objects).incoming
    deadline = time.monotonic() + WAIT_S
    while not (any(incoming.iterdir()) or keys(made)):
        assert time.monotonic() < deadline, "no list was begun"
        time.sleep(0.005)


def test_a_list_is_whole_or_not_there(root_dir: Path) -> None:
    with processes.started(root_dir) as made:
        s3 = made.client("s3")
        for name in ("many", "lists"):
            s3.create_bucket(Bucket=name)
        allow(s3, "lists")
        s3.put_object(Bucket="many", Key="k0")
        fill(made)
        wanted(s3, "many", "lists")
        for _ in range(KILLS):
            wait_begun(made)
            made.restart("s3")
            assert len(keys(made)) in (0, FILES)
        _, lines = manifest(made.client("s3"), "lists")
        assert len({line[1] for line in lines}) == len(lines) == OBJECTS
        assert len(keys(made)) == FILES

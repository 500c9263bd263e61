"""Power fails at any step of the disk: nothing acknowledged is lost, nothing is half there."""

import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from mallee.walrus.engine import Engine
from tests.walrus import stores
from tests.walrus.powercut import FAILED, KEYS, data_of

CUTS = 240
SHARDS = 8

Objects = Mapping[bytes, bytes]


def apply(objects: Objects, line: str) -> Objects:
    """Return the objects after a change."""
    verb, key, *rest = line.split()
    changed = dict(objects)
    match verb, [int(one) if one.isdigit() else one for one in rest]:
        case "put", [int(seed), int(size)]:
            changed[key.encode()] = data_of(seed, size)
        case "remove", []:
            changed.pop(key.encode(), None)
        case "copy", [target]:
            changed[str(target).encode()] = changed[key.encode()]
        case "upload", [int(one), int(size), int(other), int(rest_size)]:
            changed[key.encode()] = data_of(one, size) + data_of(other, rest_size)
        case unknown:
            raise AssertionError(unknown)
    return changed


def possible(journal: str) -> list[Objects]:
    """Return what may be there after what was printed: without and with what was under way."""
    objects: Objects = {}
    pending = ""
    for line in journal.splitlines():
        if line == "done":
            objects, pending = apply(objects, pending), ""
        else:
            pending = line.removeprefix("try ")
    return [objects, apply(objects, pending)] if pending else [objects]


def audit(root: Path, journal: str) -> None:
    """Open what is left; it is whole, and everything acknowledged is in it."""
    engine = Engine(root)
    engine.collect()
    try:
        there = {key: data for key in KEYS if (data := stores.get(engine, key)) is not None}
        assert there in possible(journal), journal
        assert not engine.check(), journal
        assert engine.scrub()[0].damages == (), journal
    finally:
        engine.close()


@pytest.mark.parametrize("shard", range(SHARDS))
def test_power_may_fail_at_any_step(tmp_path: Path, shard: int) -> None:
    chance = random.Random(shard)
    cuts = [(chance.randrange(1 << 30), chance.randrange(1, 400)) for _ in range(CUTS // SHARDS)]
    argv = [sys.executable, "-m", "tests.walrus.powercut"]
    orders = "".join(f"{tmp_path / str(n)} {seed} {step}\n" for n, (seed, step) in enumerate(cuts))
    ran = subprocess.run(
        argv, input=orders, stdout=subprocess.PIPE, text=True, timeout=120, check=True
    )
    assert ran.stdout.split() == [str(FAILED)] * len(cuts)
    for n in range(len(cuts)):
        audit(tmp_path / str(n) / "walrus", (tmp_path / str(n) / "journal").read_text())

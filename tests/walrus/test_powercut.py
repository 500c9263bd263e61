"""Power fails at any step of the disk: nothing acknowledged is lost, nothing is half there."""

import random
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from mallee.walrus.engine import Engine
from mallee.walrus.records import NULL
from tests import inmemory
from tests.walrus import stores
from tests.walrus.failingdisk import FAILED
from tests.walrus.powercut import KEYS, data_of

CUTS = 24
"""Of each kind."""
STEPS = {
    "put": 6,
    "marker": 2,
    "remove": 2,
    "remove-many": 2,
    "copy": 2,
    "describe": 2,
    "part": 20,
    "complete": 2,
    "abort": 2,
    "removing": 6,
    "compacting": 6,
    "scrub": 2,
}
"""What power fails in, and about how many steps of the disk and of commits that has."""

Versions = tuple[tuple[str, bytes | None], ...]
"""Of a key, the newest first: ids, and bytes; None for a marker."""
Objects = Mapping[bytes, Versions]

QUIET = {"describe", "part", "abort", "collect", "scrub", "reopen"}
"""What changes nothing that can be seen."""


def apply(objects: Objects, line: str) -> Objects:
    """Return the objects after a change."""
    verb, name, *rest = line.split()
    key, changed = name.encode(), dict(objects)
    match verb, rest:
        case "put", [id, seed, size]:
            changed[key] = added(changed.get(key, ()), id, data_of(int(seed), int(size)))
        case "marker", [id]:
            changed[key] = added(changed.get(key, ()), id, None)
        case "remove", [id]:
            changed[key] = without(changed[key], id)
        case "remove-many", []:
            changed = {key: without(versions, NULL) for key, versions in changed.items()}
        case "copy", [target]:
            data = changed[key][0][1]
            changed[target.encode()] = added(changed.get(target.encode(), ()), NULL, data)
        case "complete", [one, size, other, rest_size]:
            data = data_of(int(one), int(size)) + data_of(int(other), int(rest_size))
            changed[key] = added(changed.get(key, ()), NULL, data)
        case _:
            assert verb in QUIET, line
    return {key: versions for key, versions in changed.items() if versions}


def added(versions: Versions, id: str, data: bytes | None) -> Versions:
    """Return the versions with one more in front, which may replace one."""
    kept = without(versions, NULL) if id == NULL else versions
    return ((id, data), *kept)


def without(versions: Versions, id: str) -> Versions:
    """Return the versions but one."""
    return tuple(one for one in versions if one[0] != id)


def possible(journal: str) -> list[Objects]:
    """Return what may be there after what was printed: without and with what was under way."""
    objects: Objects = {}
    pending = ""
    for line in journal.splitlines():
        if line == "done":
            objects, pending = apply(objects, pending), ""
        elif line.startswith("try "):
            pending = line.removeprefix("try ")
    return [objects, apply(objects, pending)] if pending else [objects]


def there(engine: Engine) -> Objects:
    """Return everything that the engine has, read."""
    found: dict[bytes, Versions] = {}
    for key, listed in stores.list_versions(engine):
        version = listed.version
        data = None if version.is_marker else stores.read(engine, version, 0, version.size)
        found[key] = (*found.get(key, ()), (version.id, data))
    return found


def audit(root: Path, journal: str) -> None:
    """Open what is left; it is whole, and everything acknowledged is in it."""
    engine = Engine(root)
    engine.collect()
    try:
        assert there(engine) in possible(journal), journal
        assert not engine.check(), journal
        assert engine.scrub()[0].damages == (), journal
        stores.put(engine, KEYS[0], b"goes on")
        assert stores.get(engine, KEYS[0]) == b"goes on"
    finally:
        engine.close()


def interrupted(journal: str) -> str:
    """Return what was under way when the power failed."""
    lines = journal.splitlines()
    if lines and lines[-1] in ("compacting", "removing"):
        return lines[-1]
    return lines[-1].split()[1] if lines and lines[-1].startswith("try ") else ""


@pytest.mark.parametrize("kind", STEPS)
def test_power_may_fail_at_any_step(kind: str) -> None:
    # What is lost with the power is for `failingdisk` to say: below it may be any disk.
    with inmemory.directory() as place:
        cut_and_audit(place, kind)


def cut_and_audit(place: Path, kind: str) -> None:
    """Cut the power of stores under a directory, and see what is left of each."""
    chance = random.Random(kind)
    roots = [place / str(n) for n in range(CUTS)]
    runs = [
        f"{root} {chance.randrange(1 << 30)} {kind} {chance.randrange(1, 9)} {1 + n % STEPS[kind]}"
        for n, root in enumerate(roots)
    ]
    assert ran(runs) == [FAILED] * CUTS
    again = [
        f"{root} {chance.randrange(1 << 30)} recovery 1 {1 + n % 6}" for n, root in enumerate(roots)
    ]
    # Where there is little to put right it is over before the power fails.
    assert FAILED in ran(again)
    was_cut: Counter[str] = Counter()
    for root in roots:
        journal = (root / "journal").read_text()
        audit(root / "walrus", journal)
        was_cut[interrupted(journal)] += 1
    # Some have fewer steps than others: then the power fails in what comes next.
    assert was_cut[kind] >= CUTS // 3, was_cut


def ran(orders: Sequence[str]) -> list[int]:
    """Run workloads; return how each ended."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.walrus.powercut"],
        input="\n".join(orders) + "\n",
        stdout=subprocess.PIPE,
        text=True,
        timeout=240,
        check=True,
    )
    return [int(one) for one in ran.stdout.split()]

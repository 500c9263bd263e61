"""SIGKILL at any moment, with several processes writing: nothing acknowledged is lost."""

import hashlib
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mallee.walrus.engine import Engine
from tests.walrus import stores

KILLS = 6
WRITERS = 3


def run_and_kill(root: Path, first: int, chance: random.Random) -> dict[bytes, str]:
    """Run writers until each has acknowledged some objects, kill them; return what they told."""
    argv = [sys.executable, "-m", "tests.walrus.killedwriter", str(root)]
    writers = [
        subprocess.Popen([*argv, str(first + n)], stdout=subprocess.PIPE, text=True)
        for n in range(WRITERS)
    ]
    told: list[str] = []
    try:
        for writer in writers:
            assert writer.stdout is not None
            told += [writer.stdout.readline() for _ in range(chance.randrange(1, 80))]
    finally:
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
    for writer in writers:
        assert writer.stdout is not None
        told += writer.stdout.readlines()
        writer.stdout.close()
        writer.wait()
    lines = [line.split() for line in told if line.endswith("\n")]
    return {key.encode(): digest for key, digest in lines}


@pytest.mark.parametrize("seed", range(2))
def test_kill_loses_nothing_acknowledged(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    acknowledged: dict[bytes, str] = {}
    for kill in range(KILLS):
        acknowledged |= run_and_kill(tmp_path, kill * WRITERS, chance)
        engine = Engine(tmp_path)
        for key, digest in acknowledged.items():
            data = stores.get(engine, key)
            if digest == "-":
                assert data is None, f"{key} is back"
            elif digest != "?":
                assert data is not None, f"{key} is lost"
                assert hashlib.sha256(data).hexdigest() == digest
        engine.collect()
        assert not engine.check()
        assert engine.scrub()[0].damages == ()
        engine.close()
    assert len(acknowledged) > KILLS
    assert "-" in acknowledged.values()

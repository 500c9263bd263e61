"""kill -9 at any moment loses nothing that was acknowledged, and leaves nothing half done."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable

from mallee.cloud.state import records, store
from tests.cloud.state import killed_writer

OpenStore = Callable[[], store.Store]
KILLS = 20


def run_and_kill(writers: subprocess.Popen[str], url: str, first: int, lines: int) -> list[int]:
    """Run a writer until it has acknowledged some transactions, kill it; return them all."""
    assert writers.stdin is not None
    assert writers.stdout is not None
    print(url, first, file=writers.stdin, flush=True)
    writer = int(writers.stdout.readline())
    told = [int(writers.stdout.readline()) for _ in range(lines)]
    os.kill(writer, signal.SIGKILL)
    while (line := writers.stdout.readline()) != f"{killed_writer.ENDED}\n":
        told.append(int(line))
    return told


def assert_whole(opened: store.Store, acknowledged: set[int]) -> None:
    """Every transaction is there with all that it made, or not at all."""
    vpcs = {int(one.id.removeprefix("vpc-")) for one in opened.view.list(records.VPC)}
    instances = {int(one.id.removeprefix("i-")) for one in opened.view.list(records.INSTANCE)}
    numbers = {int(key) for key in opened.view.held("numbers")}
    assert vpcs == instances == numbers
    assert opened.view.total("shares") == 2 * len(vpcs)
    made = {number for number in acknowledged if opened.history(records.VPC, f"vpc-{number}")}
    assert acknowledged == made
    assert {number for number in acknowledged if number > max(vpcs) - 10} <= vpcs


def test_kill_loses_nothing_acknowledged(url: str, open_store: OpenStore) -> None:
    chance = random.Random(20)
    first = 0
    command = [sys.executable, "-m", "tests.cloud.state.killed_writer"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as writers:
        for _ in range(KILLS):
            told = run_and_kill(writers, url, first, chance.randrange(1, 60))
            opened = open_store()
            assert_whole(opened, set(told))
            opened.close()
            first = max(told) + 100

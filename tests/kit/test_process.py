import os
from pathlib import Path

import pytest

from mallee.kit import process
from tests.wholecloud import wait_until


def test_run_feeds_and_returns() -> None:
    assert process.run(["cat"], stdin=b"hello").stdout == b"hello"


def test_a_failure_says_what_was_run_and_what_it_said() -> None:
    with pytest.raises(process.Failed, match=r"sh -c .*: status 3: no luck") as caught:
        process.run(["sh", "-c", "echo no luck >&2; exit 3"])
    assert caught.value.finished.code == 3


def test_at_the_deadline_all_that_was_started_is_dead(tmp_path: Path) -> None:
    path = tmp_path / "pids"
    script = f"sleep 600 & echo $$ $! > {path}; wait"
    with pytest.raises(process.TimedOut, match=r"after 6 s"):
        process.run(["sh", "-c", script], timeout_s=6)
    pids = [int(line) for line in path.read_text().split()]
    assert len(pids) == 2
    # Who was killed is dead when the kernel comes to it, and nobody waits for a grandchild.
    wait_until(lambda: not any(map(process.is_alive, pids)), 60, "all of them to be dead")


async def test_the_asynchronous_run_is_the_same() -> None:
    assert (await process.run_async(["cat"], stdin=b"hello")).text == "hello"
    with pytest.raises(process.Failed):
        await process.run_async(["false"])
    with pytest.raises(process.TimedOut):
        await process.run_async(["sh", "-c", "sleep 600 & wait"], timeout_s=0.2)


def test_a_zombie_is_not_alive() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert not process.is_alive(child)
    os.waitpid(child, 0)
    assert not process.is_alive(child)
    assert process.is_alive(os.getpid())


async def test_a_program_opens_a_secret_by_its_name_and_it_is_nowhere_else() -> None:
    told = process.InMemory(b"secret")
    program = ("sh", "-c", "cat /dev/stdin; readlink /proc/self/fd/0")
    both = process.run(program, told), await process.run_async(program, told)
    assert all(finished.stdout.startswith(b"secret/memfd:") for finished in both)
    assert "secret" not in repr(told)

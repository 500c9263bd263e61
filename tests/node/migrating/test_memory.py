"""A guest that writes its memory all the while has all of it where it goes."""

from pathlib import Path

import pytest

from mallee.node.plan.guests import domain
from mallee.node.plan.guests.seen import DomainState
from tests.node.migrating import pairs

pytestmark = pytest.mark.host

ROUNDS = 8
WRITES = (
    "busybox mkdir /w && busybox mount -t tmpfs none /w && (while :; do "
    "busybox dd if=/dev/urandom of=/w/a bs=64k count=16 conv=notrunc 2>/dev/null; "
    "busybox cp /w/a /w/b; busybox cmp -s /w/a /w/b && echo ki''lo || echo lo''st; "
    "done) & echo be''gun"
)
"""A mebibyte again and again, through the kernel's own mapping, whose entries stay in a processor's
TLB for long; each time it is compared with its copy. One loop does so, also if the line is typed
twice: two would write over each other's files."""


async def test_no_write_to_an_emulated_guests_memory_is_lost(root_dir: Path) -> None:
    async with pairs.running(root_dir) as both:
        await pairs.tell(both.old, WRITES, b"begun")
        await pairs.said(both.old, b"kilo", ROUNDS)
        await both.go()
        await pairs.wait_migration(both.old, lambda said: said.is_given)
        await pairs.said(both.new, b"kilo", ROUNDS)
        for host in (both.old, both.new):
            assert b"lost" not in pairs.console(host)


async def test_a_machine_whose_writes_could_be_lost_stays_and_says_why(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(domain, "_ODD_KIB", 0)
        async with pairs.running(root_dir) as both:
            before.undo()
            await both.go()
            seen = await pairs.wait_migration(both.old, lambda said: bool(said.failure))
            assert seen.migration is not None
            assert "begun by an older agent" in seen.migration.failure
            assert both.state(both.old) is DomainState.RUNNING
            assert both.state(both.new) is None

"""The object store of a simulation: the blocks of all accounts, and the sweep that removes some.

Whatever a guest writes is a *mark*, a number that nothing else ever has; what a volume holds is its
last mark and all that were before it. A mark is one block, and a tree's root is named after the
last of its marks. So whoever reads finds what was written, or that it is gone. The store is always
reached; who keeps it may be killed between any two pages of a sweep, and another one goes on.
"""

import asyncio
import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from mallee.cloud.blocks import needed, turns
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.kit.clock import Clock
from mallee.model.storage.snapshots import Content

EVERY_S = 3.0
PAGE = 4
"""Blocks that are looked at together."""
PAUSE_S = 0.5
"""Between two pages, at most."""


class Gone(Exception):
    """Something is not there that is to be read."""


@dataclass(slots=True)
class Shelf:
    """All that is kept, and what each mark came after."""

    before: list[int] = field(default_factory=lambda: [0])
    """By mark: which was there when it was written; 0: nothing."""
    objects: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    """By account: the marks that are there."""
    roots: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    """By account: the last mark of each tree that is there."""
    on_swept: Callable[[], None] = field(default=lambda: None)
    on_fault: Callable[[BaseException], None] = field(default=lambda _: None)

    def write(self, found: int) -> int:
        """Return the mark of what is written over `found`."""
        self.before.append(found)
        return len(self.before) - 1

    def since(self, mark: int, base: int) -> list[int]:
        """Return the marks up to one, without those up to `base`; raise `Gone` when `base` is none
        of them."""
        found: list[int] = []
        while mark != base:
            if mark == 0:
                raise Gone(f"{base} was never written there")
            found.append(mark)
            mark = self.before[mark]
        return found[::-1]

    def put_root(self, account: str, mark: int) -> str:
        """Put the root of a tree whose blocks are there; return its name."""
        name = hashlib.sha256(f"{account} {mark}".encode()).hexdigest()
        self.roots.setdefault(account, {})[name] = mark
        return name

    def read(self, content: Content) -> int:
        """Return the last mark of a tree; raise `Gone` when anything of it is."""
        mark = self.roots.get(content.account, {}).get(content.root)
        if mark is None:
            raise Gone(f"the root {content.root} of {content.account}")
        if missing := set(self.since(mark, 0)) - self.objects.get(content.account, set()):
            raise Gone(f"blocks {sorted(missing)} of {content.account}")
        return mark

    def marked(self, account: str, roots: set[str]) -> set[int]:
        """Return the marks that trees need; raise `Gone`."""
        there = self.roots.get(account, {})
        if missing := roots - there.keys():
            raise Gone(f"the roots {sorted(missing)} of {account}")
        return {mark for root in roots for mark in self.since(there[root], 0)}

    def sweep(self, account: str, roots: set[str]) -> Iterator[None]:
        """Remove what is not needed, a page at a time; raise `Gone` when nobody knows what is."""
        kept = self.marked(account, roots)
        there = self.roots.get(account, {})
        for name in [name for name in there if name not in roots]:
            del there[name]
        objects = self.objects.get(account, set())
        all = sorted(objects)
        for at in range(0, len(all), PAGE):
            objects.difference_update(set(all[at : at + PAGE]) - kept)
            self.on_swept()
            yield


def reconciler(opened: store.Store, shelf: Shelf, clock: Clock, rng: random.Random) -> Reconciler:
    """Return what sweeps, as `cloud.s3.sweeping`."""

    def keys() -> tuple[str, ...]:
        view, now = opened.view, clock.now()
        spaces = view.list(records.BLOCK_SPACE)
        return tuple(one.id for one in spaces if turns.may_sweep(view, one.id, now))

    async def settle(account: str) -> None:
        if not await opened.run(lambda tx: turns.begin_sweep(tx, account)):
            return
        await opened.catch_up()
        try:
            for _ in shelf.sweep(account, needed.roots(opened.view, account)):
                await asyncio.sleep(rng.random() * PAUSE_S)
        except Gone as error:
            shelf.on_fault(error)
        await opened.run(lambda tx: turns.end_sweep(tx, account))

    return Reconciler(name="blocks", keys=keys, settle=settle, every_s=EVERY_S, is_local=True)

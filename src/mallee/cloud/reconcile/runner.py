"""Runs the reconcilers: each again whenever something changed, and every few seconds anyway.

A *reconciler* looks at keys one by one and puts each right: fetch, plan, apply. It gets no event
and keeps no retries: what failed is found again. A key that fails is logged with its error and does
not hold up the others. The daemon starts one runner. Of several front ends each runs those whose
lease it has (`state.leases`), besides those that are about its own machine.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mallee.cloud.state.leases import Alone, Leases
from mallee.cloud.state.store import Store
from mallee.kit import logs

LOOK_AGAIN_S = 0.5
"""How soon it is noticed that another process's work has become this one's."""
PAUSE_S = 0.02
"""The shortest time between two rounds of a reconciler: changes that come in swarms share one."""

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """A reconciler as the runner sees it."""

    name: str
    keys: Callable[[], tuple[str, ...]]
    """What may have to be put right now; it only looks, and is quick."""
    settle: Callable[[str], Awaitable[None]]
    """Puts one key right; twice is once."""
    every_s: float = 1.0
    waits_for_change: bool = True
    """Whether a change of the store calls it, besides the clock."""
    is_local: bool = False
    """Whether it is about what this process or its machine has, so that each front end runs it."""


def shared(reconcilers: tuple[Reconciler, ...]) -> tuple[str, ...]:
    """Return the names of those that one of several front ends runs."""
    return tuple(one.name for one in reconcilers if not one.is_local)


async def run(
    store: Store, reconcilers: tuple[Reconciler, ...], leases: Leases | None = None
) -> None:
    """Run until cancelled; without leases all work is this process's."""
    held = leases or Alone()
    async with asyncio.TaskGroup() as group:
        for reconciler in reconcilers:
            group.create_task(
                _run_one(store, reconciler, held), name=f"reconcile {reconciler.name}"
            )


async def settle_all(reconciler: Reconciler) -> None:
    """Look once at every key of one reconciler, all at the same time."""
    keys = reconciler.keys()
    ends = await asyncio.gather(*map(reconciler.settle, keys), return_exceptions=True)
    for key, end in zip(keys, ends, strict=True):
        if isinstance(end, BaseException):
            _log.error("not settled", reconciler=reconciler.name, key=key, exc_info=end)


async def _run_one(store: Store, reconciler: Reconciler, leases: Leases) -> None:
    while True:
        if not reconciler.is_local and not leases.holds(reconciler.name):
            await asyncio.sleep(LOOK_AGAIN_S)
            continue
        rev = store.view.rev
        (end,) = await asyncio.gather(settle_all(reconciler), return_exceptions=True)
        if isinstance(end, BaseException):
            _log.error("not looked at", reconciler=reconciler.name, exc_info=end)
        await asyncio.sleep(PAUSE_S)
        if reconciler.waits_for_change:
            await store.wait_changed(rev, reconciler.every_s)
        else:
            await asyncio.sleep(reconciler.every_s)

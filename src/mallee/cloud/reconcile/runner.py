"""Runs the reconcilers: each again whenever something changed, and every few seconds anyway.

A reconciler is a function that fetches, plans and applies; it gets no event and keeps no retries.
One that fails is logged with its key and does not hold up the others. The daemon starts one runner.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mallee.cloud.state.store import Store


@dataclass(frozen=True, slots=True)
class Reconciler:
    """A named reconciler: `keys` tells what there is to look at, `settle` puts one key right."""

    name: str
    keys: Callable[[], tuple[str, ...]]
    settle: Callable[[str], Awaitable[None]]


async def run(store: Store, reconcilers: tuple[Reconciler, ...], every_s: float = 1.0) -> None:
    """Run until cancelled."""
    raise NotImplementedError

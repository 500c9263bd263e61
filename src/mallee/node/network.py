"""Keeps the host's network as it is wanted: applied when that changes, and looked after.

Part of the reconciler, which tells it what is wanted (`want`) and waits before it plugs a tap
(`wait_applied`). Not its business: how a network is made (`do.network`).
"""

import asyncio
from collections.abc import Callable, Mapping

from mallee.kit import logs
from mallee.model.hosts.hosts import HostWanted, InterfaceWanted
from mallee.node import apply
from mallee.node.host import Host

LOOK_AFTER_S = 3.0

log = logs.get(__name__)


class NetworkKeeper:
    """Applies the newest `HostWanted` to the network. Lives in the agent's loop."""

    def __init__(self, host: Host, fitted: Callable[[HostWanted], HostWanted]) -> None:
        """`fitted` adds what is known on the host alone; it may block."""
        self._host = host
        self._fitted = fitted
        self._wanted: HostWanted | None = None
        self._poked = asyncio.Event()
        self._tried = asyncio.Event()
        self._tried_generation = -1
        self._error: Exception | None = None
        self.interfaces: Mapping[str, InterfaceWanted] = {}
        """Every interface that this host shall carry, by id."""
        self.problems: tuple[str, ...] = ()

    @property
    def tried_generation(self) -> int:
        """The generation for which the network was last set, or tried to be; -1: none yet."""
        return self._tried_generation

    def want(self, wanted: HostWanted) -> None:
        """Have this applied next."""
        self._wanted = wanted
        self.interfaces = {one.id: one for vpc in wanted.vpcs for one in vpc.interfaces}
        self._poked.set()

    async def run(self) -> None:
        """Apply what is wanted until cancelled; what was made stays."""
        while True:
            self._poked.clear()
            if self._wanted is not None:
                await self._apply(self._wanted)
            try:
                async with asyncio.timeout(LOOK_AFTER_S):
                    await self._poked.wait()
            except TimeoutError:
                continue

    async def wait_applied(self, generation: int) -> None:
        """Wait until a network of that generation or a newer one stands.

        Raises what the last try to make it raised (one of `apply.FAILURES`).
        """
        while self._tried_generation < generation:
            await self._tried.wait()
        if self._error is not None:
            raise self._error

    async def _apply(self, wanted: HostWanted) -> None:
        try:
            fitted = await asyncio.to_thread(self._fitted, wanted)
            problems = await asyncio.to_thread(self._host.network.apply, fitted)
            self._error = None
        except apply.FAILURES as error:
            log.warning("network not applied", generation=wanted.generation, error=str(error))
            problems = (f"The network of host {self._host.name} cannot be set: {error}.",)
            self._error = error
        for problem in set(problems) - set(self.problems):
            log.warning("network", problem=problem)
        self.problems = problems
        self._tried_generation = wanted.generation
        self._tried.set()
        self._tried = asyncio.Event()

"""Looks again and again whether the guests of this host answer: on their first interface, and
their agents where they have one.

A task of the reconciler; what it finds is reported along with all else of an instance (`joined`).
What follows from answers and silence is `plan.reachability`'s business; nothing is kept over a
restart of the agent, for the cloud keeps what it was told.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from mallee.kit import logs
from mallee.model.compute.instances import InstanceSeen, Phase
from mallee.model.hosts.hosts import InterfaceWanted
from mallee.node import apply, guestagents
from mallee.node.host import Host
from mallee.node.ledger import Ledger
from mallee.node.plan.network import reachability
from mallee.node.plan.network.reachability import Known

LOOK_EVERY_S = 5.0

Seen = dict[str, InstanceSeen]

log = logs.get(__name__)


@dataclass(slots=True)
class Reachability:
    """What is known of the running guests. Lives in the agent's loop."""

    host: Host
    ledger: Ledger
    _known: dict[str, Known] = field(default_factory=dict[str, Known])
    _agents: guestagents.Looks = field(init=False)

    def __post_init__(self) -> None:
        """Know nothing of any guest."""
        self._agents = guestagents.Looks(self.host.hypervisor)

    async def run(self, seen: Callable[[], Seen], tell: Callable[[], None]) -> None:
        """Look until cancelled; tell when something is different."""
        while True:
            before = seen()
            await self.look(before)
            if self.joined(before) != before:
                tell()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self, seen: Seen) -> None:
        """Ask every running guest once."""
        running = {id: one for id, one in seen.items() if one.phase is Phase.RUNNING}
        first = self._first_interfaces()
        asked = tuple(first[id] for id in running if id in first)
        try:
            answering = await asyncio.to_thread(self.host.network.answering, asked)
        except apply.FAILURES as error:
            log.warning("guests not asked", error=str(error))
            return
        now = self.host.clock.now()
        silent = await self._agents.look(running, now)
        self._known = {
            id: reachability.observe(
                self._known.get(id), one.launch, first[id].id in answering and id not in silent, now
            )
            for id, one in running.items()
            if id in first
        }

    def joined(self, seen: Seen) -> Seen:
        """Return what is seen with what is known of the guests' answering."""
        return {id: self._join(id, one) for id, one in seen.items()}

    def _join(self, id: str, one: InstanceSeen) -> InstanceSeen:
        known = self._known.get(id)
        if known is None or known.launch != one.launch or one.phase is not Phase.RUNNING:
            return one
        return msgspec.structs.replace(one, reach=known.reach)

    def _first_interfaces(self) -> dict[str, InterfaceWanted]:
        wanted = self.ledger.wanted
        vpcs = wanted.vpcs if wanted is not None else ()
        return {
            interface.instance_id: interface
            for vpc in vpcs
            for interface in vpc.interfaces
            if interface.device_index == 0
        }

"""The agents inside guests: whether they answer, and what they are asked to do.

A guest that has the port open is asked; one that has it open and says nothing is *silent*, which a
guest without an agent never is. Guests are not trusted: each question has an end, only so many are
asked at once, and a silent one is not asked again at once.
Called by `reachability`, `apply` and `questions`. All but `Looks` blocks.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from mallee.node.do.guests.hypervisor import AgentSilent, Hypervisor, HypervisorFailed, QemuSilent
from mallee.node.plan.guests import domain, guestagent

PING_S = 2
POWER_OFF_S = 1
"""An agent that obeys this says nothing."""
ASK_EVERY_S = 15.0
AT_ONCE = 4
PER_LOOK_MAX = 16
"""Guests asked in one look; of more, those that were asked longest ago."""


@dataclass(slots=True)
class Looks:
    """What agents of this host's guests said when they were asked last. Lives in the loop."""

    hypervisor: Hypervisor
    _asked_at: dict[str, float] = field(default_factory=dict[str, float])
    _silent: set[str] = field(default_factory=set[str])

    async def look(self, running: Iterable[str], now: float) -> frozenset[str]:
        """Ask who is due among the running guests; return those whose agent is silent."""
        ids = set(running)
        self._asked_at = {id: at for id, at in self._asked_at.items() if id in ids}
        self._silent &= ids
        due = [id for id in ids if now - self._asked_at.get(id, -ASK_EVERY_S) >= ASK_EVERY_S]
        due.sort(key=lambda id: self._asked_at.get(id, 0.0))
        turns = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(self._ask(id, turns) for id in due[:PER_LOOK_MAX]))
        self._asked_at |= dict.fromkeys(due[:PER_LOOK_MAX], now)
        return frozenset(self._silent)

    async def _ask(self, id: str, turns: asyncio.Semaphore) -> None:
        async with turns:
            try:
                await asyncio.to_thread(ping, self.hypervisor, id)
            except AgentSilent:
                self._silent.add(id)
            except HypervisorFailed:
                # That is not the guest's fault.
                pass
            else:
                self._silent.discard(id)


def ping(hypervisor: Hypervisor, instance_id: str) -> bool:
    """Tell whether an agent answers; False: there is none. Raises `AgentSilent`."""
    uuid = domain.uuid_of(instance_id)
    return hypervisor.ask_agent(uuid, guestagent.PING, PING_S) is not None


def shut_down(hypervisor: Hypervisor, instance_id: str) -> None:
    """Ask the guest to power off: its agent, or by the power button where none answers.

    Twice is safe: an agent that has obeyed goes, and then the button is pressed. Where QEMU itself
    does not answer the guest has been asked all the same: it is switched off when its time is over.
    """
    with contextlib.suppress(AgentSilent):
        if ping(hypervisor, instance_id):
            with contextlib.suppress(AgentSilent):
                hypervisor.ask_agent(domain.uuid_of(instance_id), guestagent.POWER_OFF, POWER_OFF_S)
            return
    with contextlib.suppress(QemuSilent):
        hypervisor.shut_down(domain.uuid_of(instance_id))

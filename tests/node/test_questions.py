"""A host looks into a few of the cloud's questions at a time, and keeps so many at most."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from mallee.model.hosts.hosts import ASK_PLAN, Ask
from mallee.model.hosts.plans import HostPlan
from mallee.node import questions
from mallee.node.do.guests.hypervisor import HypervisorFailed

ASKED = 40
BOUND = 10


@dataclass(slots=True)
class Door:
    """Hears what is said to the cloud."""

    refused: list[str] = field(default_factory=list[str])
    has_all: asyncio.Event = field(default_factory=asyncio.Event)

    async def refuse(self, ask_id: str, words: str) -> None:
        self.refused.append(ask_id)
        if len(self.refused) >= BOUND:
            self.has_all.set()


class Named:
    """A host of which nothing but its name is asked."""

    name = "host-a"


async def test_questions_beyond_a_bound_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0
    may_end = asyncio.Event()

    async def explain(_: str) -> HostPlan:
        nonlocal looked
        looked += 1
        await may_end.wait()
        raise HypervisorFailed("it is away")

    door: Any = Door()
    nothing: Any = None
    host: Any = Named()
    asked = questions.Questions(door, host, explain, lambda: None, nothing, nothing)
    monkeypatch.setattr(questions, "UNDER_WAY_MAX", BOUND)
    for number in range(ASKED):
        asked.take(Ask(f"{number:04x}", ASK_PLAN, "i-1"))
    while looked < questions.AT_ONCE:
        await asyncio.sleep(0)
    may_end.set()
    async with asyncio.timeout(60):
        await door.has_all.wait()
    # Those that came first; and there is room again.
    assert door.refused == [f"{number:04x}" for number in range(BOUND)]
    door.has_all.clear()
    asked.take(Ask("beef", ASK_PLAN, "i-1"))
    async with asyncio.timeout(60):
        await door.has_all.wait()
    assert door.refused[BOUND:] == ["beef"]

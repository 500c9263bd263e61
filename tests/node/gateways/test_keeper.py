"""The keeper of leases: who does not answer it takes nothing from the rest of the agent."""

import asyncio
import threading

import pytest
from msgspec.structs import replace

from mallee.kit import clock
from mallee.model.network.carried import PeerWanted
from mallee.model.network.gateways import GatewayWanted, LeaseAsked, LeaseTold
from mallee.node import cloud
from mallee.node.do import channel
from mallee.node.gateways import keeper
from tests.node import wants
from tests.simulation.leading import Fence

OWN, STANDBY = "host-0123456789abcdef0", "host-0123456789abcdef1"
TOLD = GatewayWanted(OWN, 1, STANDBY, 700)
WITHIN_S = 60.0
ROUNDS = 20


class Away:
    """A cloud that does not answer."""

    async def ask_lease(self, asked: LeaseAsked) -> LeaseTold:
        raise cloud.CloudAway("it is away")


async def test_a_standby_that_does_not_answer_holds_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeper, "RENEW_S", 0.01)
    monkeypatch.setattr(keeper, "ASKED_WITHIN_S", 0.01)
    asked, may_end, rounds = list[str](), threading.Event(), threading.Semaphore(0)

    def ask(place: channel.Place, _: GatewayWanted) -> None:
        asked.append(place.host_id)
        may_end.wait(WITHIN_S)

    peer = PeerWanted(STANDBY, "another", "198.51.100.7")
    wanted = replace(wants.make_host(1), gateway=TOLD, peers=(peer,))
    fence = Fence(clock.SYSTEM, taken=TOLD, on_open=rounds.release)
    means = keeper.Means(
        own_id=OWN,
        door=Away(),
        ask_standby=ask,
        fence=fence,
        book=fence,
        wanted=lambda: wanted,
        answered=frozenset,
        clock=clock.SYSTEM,
    )
    running = asyncio.create_task(keeper.GatewayKeeper(means).run())
    try:
        for _ in range(ROUNDS):
            assert await asyncio.to_thread(rounds.acquire, timeout=WITHIN_S)
        assert asked == [STANDBY]
    finally:
        may_end.set()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

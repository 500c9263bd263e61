"""Guests' agents: who answers, who is silent, how they are asked to power off or to stand still."""

import asyncio
import json
from pathlib import Path

import pytest

from mallee.model.images.images import DirectBoot
from mallee.model.layout import Layout
from mallee.node import guestagents
from mallee.node.plan.guests import domain, guestagent
from mallee.node.plan.guests.seen import DomainState
from tests.fakes.hypervisor import FakeHypervisor
from tests.node import wants

IDS = ("i-0123456789abcdef0", "i-0123456789abcdef1")


def running(*ids: str) -> FakeHypervisor:
    made = FakeHypervisor(Layout(Path("/root")).tag)
    for id in ids:
        boot: DirectBoot = wants.BOOT
        spec = domain.DomainSpec(
            instance_id=id, launch=1, vcpus=1, memory_mib=64, boot=boot, nics=()
        )
        made.define(domain.encode(spec, domain.HostTraits(Layout(Path("/root")), "tcg")))
        made.start_paused(domain.uuid_of(id))
        made.resume(domain.uuid_of(id))
    return made


def state(hypervisor: FakeHypervisor, id: str) -> DomainState:
    seen = hypervisor.read(domain.uuid_of(id))
    assert seen is not None
    return seen.state


def test_only_an_agent_that_is_there_and_says_nothing_is_silent() -> None:
    hypervisor = running(*IDS)
    looks = guestagents.Looks(hypervisor)
    assert asyncio.run(looks.look(IDS, 0.0)) == frozenset()
    hypervisor.agent = lambda _: None
    assert asyncio.run(looks.look(IDS, 1.0)) == frozenset(), "nobody is asked again so soon"
    later = guestagents.ASK_EVERY_S
    assert asyncio.run(looks.look(IDS, later)) == set(IDS)
    assert asyncio.run(looks.look(IDS[:1], later + 1)) == {IDS[0]}, "who is gone is forgotten"
    hypervisor.agent = lambda _: '{"return": {}}'
    assert asyncio.run(looks.look(IDS, 2 * later)) == frozenset()


def test_silent_guests_hold_up_no_more_than_their_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guestagents, "PER_LOOK_MAX", 1)
    hypervisor = running(*IDS)
    asked: list[str] = []

    def note(command: str) -> None:
        asked.append(command)

    hypervisor.agent = note
    looks = guestagents.Looks(hypervisor)
    first = asyncio.run(looks.look(IDS, 0.0))
    second = asyncio.run(looks.look(IDS, 1.0))
    assert (len(first), second) == (1, set(IDS))
    assert asked == [guestagent.PING] * 2


def test_an_agent_is_asked_to_power_off_before_the_button_is_pressed() -> None:
    hypervisor = running(*IDS)
    heard: list[str] = []

    def obey(command: str) -> str | None:
        heard.append(json.loads(command)["execute"])
        return '{"return": {}}' if command == guestagent.PING else None

    hypervisor.agent = obey
    guestagents.shut_down(hypervisor, IDS[0])
    assert heard == ["guest-ping", "guest-shutdown"]
    assert state(hypervisor, IDS[0]) is DomainState.RUNNING, "its button was left alone"


@pytest.mark.parametrize("is_there", [False, True])
def test_where_no_agent_answers_the_button_is_pressed(is_there: bool) -> None:
    hypervisor = running(*IDS)
    hypervisor.agent = (lambda _: None) if is_there else None
    guestagents.shut_down(hypervisor, IDS[0])
    assert state(hypervisor, IDS[0]) is DomainState.OFF

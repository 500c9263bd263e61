"""Rollouts: whose turn it is, what is decided, and what a front end has to do about it."""

import itertools
import random

import pytest
from msgspec.structs import replace

from mallee.model.configuration import rollouts, settings, sharing
from mallee.model.configuration.rollouts import (
    HOLDS,
    Duty,
    Known,
    Report,
    Rollout,
    RolloutSeen,
    Word,
)
from mallee.model.configuration.settings import Deadlines, Network, Ports, Settings

NAMES = {"fe-a": "a", "fe-b": "b", "fe-c": "c"}
WISHED = Rollout(
    id="rollout-1",
    number=1,
    document="",
    what="apply cloud.toml",
    by="root",
    front_end="fe-b",
    awaited=("fe-b", "fe-a", "fe-c"),
    confirm_s=60,
    requested_at=1000.0,
)


def known(*said: tuple[str, Word], outcome: str = "", number: int = 1) -> Known:
    reports = tuple(Report(front_end=id, word=word, why="why", at=1001.0) for id, word in said)
    made = replace(WISHED, number=number, id=f"rollout-{number}")
    return Known(rollout=made, seen=RolloutSeen(outcome=outcome, reports=reports))


def test_it_holds_when_all_have_confirmed_and_not_before() -> None:
    all = [(id, Word.CONFIRMED) for id in WISHED.awaited]
    assert rollouts.decide(known(*all), NAMES, 1002.0) == HOLDS
    for count in range(3):
        assert rollouts.decide(known(*all[:count]), NAMES, 1002.0) == ""


def test_one_that_refuses_undoes_it_for_all() -> None:
    open = known(("fe-b", Word.CONFIRMED), ("fe-a", Word.REFUSED))
    assert rollouts.decide(open, NAMES, 1002.0) == "undone: a: why"


def test_one_that_is_not_heard_in_its_turn_undoes_it_for_all() -> None:
    open = known(("fe-b", Word.CONFIRMED))
    over = 1001.0 + rollouts.turn_s(WISHED)
    assert rollouts.decide(open, NAMES, over) == ""
    assert rollouts.decide(open, NAMES, over + 0.1) == "undone: a was not heard of in its turn"


def test_who_was_removed_is_waited_for_no_more() -> None:
    open = known(("fe-b", Word.CONFIRMED), ("fe-c", Word.CONFIRMED))
    assert rollouts.decide(open, {"fe-b": "b", "fe-c": "c"}, 1002.0) == HOLDS


@pytest.mark.parametrize(
    ("said", "turn"),
    [((), None), (("fe-b",), "fe-a"), (("fe-b", "fe-a"), "fe-c"), (("fe-a",), None)],
)
def test_front_ends_try_it_one_after_the_other(said: tuple[str, ...], turn: str | None) -> None:
    open = known(*((id, Word.CONFIRMED) for id in said))
    duties = {id: rollouts.duty_of((open,), id, 0.0) for id in NAMES}
    # Where it was asked for somebody tries it already.
    assert {id for id, duty in duties.items() if duty} == ({turn} if turn else set())
    assert all(duty is None or duty[0] is Duty.TRY for duty in duties.values())


def test_who_was_away_takes_the_last_that_holds_when_it_is_back() -> None:
    all = (known(outcome=HOLDS, number=1), known(outcome=HOLDS, number=2))
    assert rollouts.duty_of(all, "fe-new", 0.0) == (Duty.FOLLOW, all[1])
    assert rollouts.duty_of(all, "fe-new", WISHED.requested_at + 1) is None
    undone = known(outcome="undone: why", number=3)
    assert rollouts.duty_of((*all, undone), "fe-new", 0.0) == (Duty.FOLLOW, all[1])


def test_who_has_tried_what_is_undone_sees_that_it_is() -> None:
    undone = known(("fe-a", Word.CONFIRMED), outcome="undone: why")
    assert rollouts.duty_of((undone,), "fe-a", 0.0) == (Duty.UNDO, undone)
    told = known(("fe-a", Word.UNDONE), outcome="undone: why")
    assert rollouts.duty_of((told,), "fe-a", 0.0) is None


def test_one_that_could_not_follow_is_named_and_not_asked_again() -> None:
    held = known(("fe-b", Word.HOLDS), ("fe-a", Word.REFUSED), outcome=HOLDS)
    assert rollouts.duty_of((held,), "fe-a", 0.0) is None
    assert rollouts.late(held, NAMES) == ("a", "c")


def test_words_that_come_too_late_change_nothing() -> None:
    def said(seen: RolloutSeen, word: Word) -> RolloutSeen:
        return rollouts.with_report(seen, Report(front_end="fe-a", word=word, at=1005.0))

    undone, held, open = (RolloutSeen(outcome=one) for one in ("undone: why", HOLDS, ""))
    assert said(undone, Word.CONFIRMED) == undone
    assert said(undone, Word.HOLDS) == undone
    # It has what it had before, and takes what holds when it looks again.
    assert said(held, Word.UNDONE) == held
    assert said(open, Word.HOLDS) == open
    assert said(open, Word.CONFIRMED).reports[0].word is Word.CONFIRMED


@pytest.mark.parametrize("seed", range(200))
def test_whatever_fails_in_the_end_all_have_the_same(seed: int) -> None:
    luck = random.Random(seed)
    has = dict.fromkeys(NAMES, "old")
    now, open = 1000.0, known()
    for _ in itertools.count():
        now += luck.choice((1.0, 5.0, 70.0))
        assert now < 1e6, "it never ends"
        outcome = "" if open.is_decided else rollouts.decide(open, NAMES, now)
        if outcome:
            seen = replace(open.seen, outcome=outcome)
            open = Known(rollout=open.rollout, seen=seen)
        duties = {id: rollouts.duty_of((open,), id, 0.0) for id in NAMES}
        if open.seen.outcome and not any(duties.values()):
            break
        id = luck.choice(sorted(NAMES))
        duty = duties[id]
        if duty is None and not (id == "fe-b" and not open.is_decided and not has_said(open, id)):
            continue
        if luck.random() < 0.4:
            # It was killed, or nobody heard it.
            continue
        kind = duty[0] if duty else Duty.TRY
        may_refuse = kind is Duty.TRY and luck.random() < 0.2
        has[id] = "old" if kind is Duty.UNDO or may_refuse else "new"
        words = {Duty.TRY: Word.CONFIRMED, Duty.FOLLOW: Word.HOLDS, Duty.UNDO: Word.UNDONE}
        word = Word.REFUSED if may_refuse else words[kind]
        said = Report(front_end=id, word=word, at=now)
        open = Known(rollout=open.rollout, seen=rollouts.with_report(open.seen, said))
    assert set(has.values()) == ({"new"} if open.holds else {"old"}), open


def has_said(open: Known, id: str) -> bool:
    return open.word_of(id) is not None


def test_what_is_a_machine_s_own_stays_its_own() -> None:
    own = Settings(database_url="postgresql://x", address="192.0.2.9", ports=Ports(services=1))
    there = Settings(address="192.0.2.1", ports=Ports(services=2), region="elsewhere")
    adopted = sharing.adopt(own, settings.encode(there))
    assert (adopted.region, adopted.address) == ("elsewhere", "192.0.2.9")
    assert (adopted.database_url, adopted.ports) == (own.database_url, own.ports)
    assert sharing.document(adopted) == sharing.document(there)
    assert "postgresql" not in sharing.document(own)


def test_what_cannot_be_on_a_machine_is_refused_there() -> None:
    own = Settings(listen="0.0.0.0", address="198.51.100.7")
    there = Settings(network=Network(public_range="198.51.100.0/24"))
    with pytest.raises(settings.InvalidSettings, match="guests"):
        sharing.adopt(own, settings.encode(there))


def test_every_setting_is_the_cloud_s_or_a_machine_s() -> None:
    assert set(sharing.OWN) < set(Settings.__struct_fields__)
    assert sharing.is_own("ports.services")
    assert not sharing.is_own("network.egress")


def test_settings_differ_by_what_all_have_the_same_alone() -> None:
    here = Settings(region="eu-south-1")
    its_own = replace(here, listen="0.0.0.0", ports=Ports(services=9999))
    assert not sharing.differs(here, sharing.document(its_own))
    other = replace(here, deadlines=Deadlines(stop_s=90))
    assert sharing.differs(here, sharing.document(other))


def test_another_version_is_no_other_setting() -> None:
    here = Settings()
    lines = sharing.document(here).splitlines()
    older = "\n".join(line for line in lines if not line.startswith("stop_s"))
    assert len(older.splitlines()) == len(lines) - 1
    newer = f"{older}\n[later]\nthing = 1\n"
    assert not sharing.differs(here, older)
    assert not sharing.differs(here, newer)
    assert sharing.differs(replace(here, deadlines=Deadlines(stop_s=90)), older)

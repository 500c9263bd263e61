"""Settings that all front ends have the same, changed at one of them: real machines of a lab, each
with its own supervisor, on one PostgreSQL."""

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from mallee.box import settingshistory, steps
from mallee.model.configuration import settings, sharing
from tests import labs, wholecloud
from tests.labs import Lab
from tests.storms import frontends
from tests.storms.schedule import FRONT, SECOND

pytestmark = pytest.mark.postgres

BOTH = (FRONT, SECOND)
SETTLED_S = 420.0
CONFIRM_S = 60


@contextmanager
def _ground(lab: Lab) -> Generator[None]:
    frontends.start_database(lab)
    yield


@pytest.fixture(scope="module")
def lab() -> Generator[Lab]:
    with labs.up(frontends.text(BOTH), _ground) as made:
        frontends.join(made, (SECOND,))
        yield made


def held(lab: Lab, host: str) -> str:
    """What it has the same as the others, as its file says."""
    return sharing.document(settings.parse(lab.layout(host).settings.read_text()))


def last(lab: Lab, host: str) -> settingshistory.Entry:
    return settingshistory.entries(lab.layout(host))[-1]


def wished(lab: Lab, host: str, stop_s: float) -> str:
    """A file with settings that differ in one."""
    layout = lab.layout(host)
    found = settings.parse(layout.settings.read_text())
    text = settings.encode(found)
    path = layout.root / "wished.toml"
    path.write_text(text.replace(f"stop_s = {found.deadlines.stop_s}", f"stop_s = {stop_s}"))
    return str(path)


def has(lab: Lab, host: str, stop_s: float) -> bool:
    return f"stop_s = {stop_s}" in held(lab, host)


def apply(lab: Lab, host: str, stop_s: float, *words: str) -> str:
    return lab.mallee(host, "config", "apply", wished(lab, host, stop_s), *words)


def wait_until(is_true: Callable[[], bool], what: str) -> None:
    wholecloud.wait_until(is_true, SETTLED_S, what)


def wait_there(lab: Lab) -> None:
    """Wait until both front ends, and all hosts, are there."""

    def all_there() -> bool:
        try:
            listed = lab.mallee(FRONT, "frontends", "list")
        except steps.Failed:
            return False
        return listed.count("  there") == len(BOTH)

    wait_until(all_there, "both front ends to be there")
    wait_until(
        lambda: {one["State"] for one in lab.cloud.hosts()} == {"ENABLED"}, "hosts to be there"
    )


def test_a_change_is_planned_brought_to_all_and_taken_back(lab: Lab) -> None:
    wait_there(lab)
    planned = lab.mallee(FRONT, "config", "plan", wished(lab, FRONT, 41.0))
    assert f"{SECOND}\tstart anew: cloud, s3; guests go on" in planned
    said = apply(lab, FRONT, 41.0)
    wait_until(lambda: all(has(lab, host, 41.0) for host in BOTH), f"it to be at both: {said}")
    wait_until(lambda: last(lab, SECOND).outcome == settingshistory.HOLDS, "it to hold there")
    assert "wished.toml, at front" in last(lab, SECOND).what
    assert held(lab, FRONT) == held(lab, SECOND)
    # What is its own stayed so.
    own = settings.parse(lab.layout(SECOND).settings.read_text())
    assert own.address == lab.address(SECOND)
    wait_there(lab)
    # The way back may be gone from any of them.
    lab.mallee(SECOND, "config", "rollback", "1")
    wait_until(lambda: all(has(lab, host, 60.0) for host in BOTH), "it to be taken back")


def test_who_was_away_gets_it_when_it_is_back(lab: Lab) -> None:
    wait_there(lab)
    lab.mallee(SECOND, "down")
    wait_until(
        lambda: "  away" in lab.mallee(FRONT, "frontends", "list"), "the other to be found away"
    )
    # What is heard when a change is tried has to be heard when it is confirmed.
    wait_until(
        lambda: {one["State"] for one in lab.cloud.hosts()} != {"ENABLED"}, "its host to be silent"
    )
    planned = lab.mallee(FRONT, "config", "plan", wished(lab, FRONT, 42.0))
    assert f"{SECOND}\tis away, and gets it when it is back" in planned
    apply(lab, FRONT, 42.0)
    assert has(lab, FRONT, 42.0)
    assert not has(lab, SECOND, 42.0)
    lab.mallee(SECOND, "up")
    wait_until(lambda: has(lab, SECOND, 42.0), "it to be there")
    wait_until(lambda: last(lab, SECOND).outcome == settingshistory.HOLDS, "it to hold there")


def test_a_front_end_that_is_cut_off_in_it_has_it_undone_everywhere(lab: Lab) -> None:
    wait_there(lab)
    former = held(lab, FRONT)
    assert former == held(lab, SECOND)
    with ThreadPoolExecutor(1) as aside:
        asked = aside.submit(apply, lab, FRONT, 43.0, "--confirm", str(CONFIRM_S))
        wait_until(
            lambda: settingshistory.read_trying(lab.layout(SECOND)) is not None, "the other's turn"
        )
        lab.cut(frontends.way(SECOND))
        with pytest.raises(steps.Failed, match=f"{SECOND} was not heard of in its turn"):
            asked.result(SETTLED_S)
    assert held(lab, FRONT) == former
    # It undoes it by itself, though nobody can tell it.
    wait_until(lambda: held(lab, SECOND) == former, "it to be undone there")
    lab.mend()
    wait_there(lab)
    assert held(lab, SECOND) == held(lab, FRONT) == former


def test_of_two_at_once_one_is_told(lab: Lab) -> None:
    wait_there(lab)
    ends: list[str] = []

    def ask(host: str, stop_s: float) -> None:
        try:
            apply(lab, host, stop_s)
            ends.append("holds")
        except steps.Failed as failure:
            ends.append(str(failure))

    with ThreadPoolExecutor(2) as both:
        list(both.map(ask, BOTH, (44.0, 45.0)))
    assert ends.count("holds") == 1, ends
    [other] = [end for end in ends if end != "holds"]
    assert "being tried" in other or "not in force here yet" in other, other
    wait_until(lambda: held(lab, FRONT) == held(lab, SECOND), "both to have the same")


def test_whoever_tries_it_is_killed_and_it_goes_on(lab: Lab) -> None:
    wait_there(lab)
    with ThreadPoolExecutor(1) as aside:
        asked = aside.submit(apply, lab, FRONT, 46.0)
        wait_until(
            lambda: settingshistory.read_trying(lab.layout(SECOND)) is not None, "the other's turn"
        )
        trying = settingshistory.read_trying(lab.layout(SECOND))
        assert trying is not None
        lab.run(SECOND, "kill", "-9", str(trying.pid))
        asked.result(SETTLED_S)
    wait_until(lambda: all(has(lab, host, 46.0) for host in BOTH), "both to have it")
    wait_there(lab)

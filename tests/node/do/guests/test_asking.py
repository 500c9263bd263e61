"""QEMUs that do not answer: each keeps a few who ask, and nobody who asks others."""

import threading
from collections.abc import Iterator
from concurrent import futures
from types import SimpleNamespace

import pytest

from mallee.node.do.guests import asking
from mallee.node.do.guests.hypervisor import QemuSilent

ONE, OTHER = "one", "other"
WITHIN_S = 60.0
PATIENCE_S = 1.0
"""Of those who give up; how long that is in a test, the test says."""


class Qemu:
    """One that answers when it is let."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.asked = 0

    def answer(self) -> str:
        self.asked += 1
        assert self.goes_on.wait(WITHIN_S)
        return "done"


@pytest.fixture
def silent() -> Iterator[Qemu]:
    qemu = Qemu()
    yield qemu
    qemu.goes_on.set()


def test_one_qemu_keeps_only_so_many(silent: Qemu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "TURN_WITHIN_S", 0.05)
    answered, is_over = threading.Event(), threading.Event()

    def wait(those: tuple[futures.Future[str]], within_s: float) -> object:
        if within_s != PATIENCE_S:
            return futures.wait(those, within_s)
        assert is_over.wait(WITHIN_S)
        return futures.wait(those, 0)

    with_test = SimpleNamespace(Future=futures.Future, wait=wait)
    monkeypatch.setattr(asking, "futures", with_test)
    asks = asking.Asking(lambda _: answered.set())
    kept = [
        threading.Thread(target=given_up, args=(asks, silent), daemon=True)
        for _ in range(asking.AT_ONCE)
    ]
    for one in kept:
        one.start()
    while silent.asked < asking.AT_ONCE:
        assert not silent.goes_on.wait(0.001)
    with pytest.raises(QemuSilent, match="asked before"):
        asks.ask(ONE, silent.answer)
    assert silent.asked == asking.AT_ONCE
    assert asks.silent() == frozenset(), "nobody has waited long enough to say so"
    assert asks.ask(OTHER, lambda: "at once") == "at once"
    is_over.set()
    for one in kept:
        one.join(WITHIN_S)
    assert asks.silent() == {ONE}
    silent.goes_on.set()
    assert answered.wait(WITHIN_S)
    while asks.silent():
        assert silent.goes_on.wait(0.001)
    assert asks.ask(ONE, silent.answer) == "done"


def given_up(asks: asking.Asking, qemu: Qemu) -> None:
    with pytest.raises(QemuSilent, match="has not answered for 1 s"):
        asks.ask(ONE, qemu.answer, PATIENCE_S)


def test_one_more_waits_for_its_turn(silent: Qemu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "TURN_WITHIN_S", WITHIN_S)
    asks = asking.Asking(lambda _: None)
    told: list[str] = []
    callers = [
        threading.Thread(target=lambda: told.append(asks.ask(ONE, silent.answer)), daemon=True)
        for _ in range(asking.AT_ONCE + 1)
    ]
    for one in callers:
        one.start()
    while silent.asked < asking.AT_ONCE:
        assert not silent.goes_on.wait(0.001)
    silent.goes_on.set()
    for one in callers:
        one.join(WITHIN_S)
    assert told == ["done"] * (asking.AT_ONCE + 1)


def test_what_fails_gives_its_turn_back() -> None:
    asks = asking.Asking(lambda _: None)

    for _ in range(asking.AT_ONCE + 1):
        with pytest.raises(ZeroDivisionError):
            asks.ask(ONE, lambda: 1 // 0)
    assert asks.silent() == frozenset()


def test_who_gets_no_thread_keeps_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "TURN_WITHIN_S", 0.05)
    asks = asking.Asking(lambda _: None)
    with monkeypatch.context() as none_left:
        none_left.setattr(threading.Thread, "start", refuse)
        for _ in range(asking.AT_ONCE):
            with pytest.raises(RuntimeError):
                asks.ask(ONE, lambda: "never")
    assert asks.ask(ONE, lambda: "done") == "done"


def refuse(_: threading.Thread) -> None:
    """What the system does whose limit of processes is reached."""
    raise RuntimeError("can't start new thread")

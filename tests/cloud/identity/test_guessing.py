"""Who guesses waits ever longer; who is right does not, nor does anybody else."""

import threading

import pytest

from mallee.aws import errors
from mallee.cloud.identity import guessing
from mallee.cloud.identity.guessing import Attempts, Limit

LIMIT = Limit(free=3, wait_s=1.0, wait_s_max=10.0)


def fail(attempts: Attempts, key: str, now: float) -> bool:
    try:
        attempts.begin(now, (key, LIMIT))
    except errors.Throttling:
        return False
    return True


def test_waits_double_up_to_the_most() -> None:
    attempts, now = Attempts(), 0.0
    assert [fail(attempts, "a", now) for _ in range(4)] == [True, True, True, False]
    for wait_s in (1.0, 2.0, 4.0, 8.0, 10.0, 10.0):
        assert not fail(attempts, "a", now + wait_s - 0.01)
        now += wait_s
        assert fail(attempts, "a", now)


def test_success_forgives_and_keys_do_not_mix() -> None:
    attempts = Attempts()
    for _ in range(3):
        assert fail(attempts, "a", 0.0)
    assert not fail(attempts, "a", 0.0)
    assert fail(attempts, "b", 0.0)
    attempts.succeed("a")
    assert fail(attempts, "a", 0.0)


def test_refused_attempt_counts_under_no_key() -> None:
    attempts = Attempts()
    for _ in range(3):
        fail(attempts, "a", 0.0)
    for _ in range(10):
        with pytest.raises(errors.Throttling):
            attempts.begin(0.0, ("b", LIMIT), ("a", LIMIT))
    assert fail(attempts, "b", 0.0)


def test_forgiving_takes_back_one_and_not_those_before() -> None:
    attempts = Attempts()
    for _ in range(2):
        fail(attempts, "a", 0.0)
    for _ in range(10):
        assert fail(attempts, "a", 0.0)
        attempts.forgive("a")
    assert fail(attempts, "a", 0.0)
    assert not fail(attempts, "a", 0.0)


def test_failures_are_forgotten_and_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = Attempts()
    for _ in range(3):
        fail(attempts, "a", 0.0)
    assert fail(attempts, "a", guessing.FORGIVEN_AFTER_S)
    monkeypatch.setattr(guessing, "KEPT_MAX", 10)
    for number in range(100):
        fail(attempts, f"key {number}", 0.0)
    assert len(attempts._failures) <= 10


def test_many_at_once_are_no_way_round() -> None:
    attempts, let_in = Attempts(), []
    threads = [
        threading.Thread(target=lambda: let_in.append(fail(attempts, "a", 0.0))) for _ in range(32)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert let_in.count(True) == LIMIT.free


def test_peers_of_one_ipv6_network_are_one() -> None:
    one, other = guessing.peer_key("2001:db8::1"), guessing.peer_key("2001:db8::ffff:2")
    assert one == other != guessing.peer_key("2001:db8:0:1::1")
    assert guessing.peer_key("192.0.2.1") != guessing.peer_key("192.0.2.2")
    assert guessing.peer_key("::1") != guessing.peer_key("")

"""Each peer has a budget of unsigned requests, and no peer another one's."""

import pytest

from mallee.cloud.identity import strangers

NOW = 1_800_000_000.0


def spent(gate: strangers.Gate, peer: str, now: float = NOW) -> int:
    """How many requests a peer gets through at once."""
    return sum(gate.admit(peer, now) for _ in range(strangers.BURST * 3))


def test_budget_is_spent_and_fills_up_again() -> None:
    gate = strangers.Gate()
    assert spent(gate, "192.0.2.1") == strangers.BURST
    assert spent(gate, "192.0.2.1", NOW + 1) == strangers.PER_S
    assert spent(gate, "192.0.2.1", NOW + 3600) == strangers.BURST


def test_peers_have_budgets_of_their_own() -> None:
    gate = strangers.Gate()
    assert spent(gate, "192.0.2.1") == spent(gate, "192.0.2.2") == strangers.BURST


def test_network_of_an_ipv6_host_has_one_budget() -> None:
    gate = strangers.Gate()
    assert spent(gate, "2001:db8::1") == strangers.BURST
    assert spent(gate, "2001:db8::ffff:1%eth0") == 0
    assert spent(gate, "2001:db8:0:1::1") == strangers.BURST
    assert spent(gate, "not: an address") == strangers.BURST


def test_clock_that_goes_back_gives_nothing() -> None:
    gate = strangers.Gate()
    assert spent(gate, "192.0.2.1") == strangers.BURST
    assert spent(gate, "192.0.2.1", NOW - 3600) == 0


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "PEERS_MAX", 10)
    gate = strangers.Gate()
    for number in range(100):
        gate.admit(f"192.0.2.{number}", NOW)
    assert len(gate._budgets) == 10

"""Pushed keys are shown for their minute, to their instance, and not a moment longer."""

import pytest

from mallee.model.hosts.hosts import PUSHED_KEY_S, PushedKey
from mallee.node.metadata import pushedkeys
from tests.handclock import NOW, HandClock
from tests.node.wants import make_instance

ONE, OTHER = make_instance(1), make_instance(2)
ACTIVE = "meta-data/managed-ssh-keys/active-keys"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def pushed(clock: HandClock) -> pushedkeys.PushedKeys:
    return pushedkeys.PushedKeys(clock)


def key(
    user: str = "root", block: str = "ssh-ed25519 A\n\n", expires_at: float = NOW + 60
) -> PushedKey:
    return PushedKey(user, block, expires_at, {"AB": "staple"})


def test_a_key_is_shown_to_its_instance_and_user(pushed: pushedkeys.PushedKeys) -> None:
    pushed.push(ONE.id, key())
    pushed.push(ONE.id, key(block="ssh-ed25519 B\n\n"))
    pushed.push(ONE.id, key(user="admin"))
    assert pushed.paths(ONE) == {
        f"{ACTIVE}/root": "ssh-ed25519 A\n\nssh-ed25519 B\n\n",
        f"{ACTIVE}/admin": "ssh-ed25519 A\n\n",
        "meta-data/managed-ssh-keys/signer-ocsp/AB": "staple",
    }
    assert pushed.paths(OTHER) == {}


def test_it_is_gone_when_its_time_is_over(pushed: pushedkeys.PushedKeys, clock: HandClock) -> None:
    pushed.push(ONE.id, key())
    clock.time = NOW + 59.999
    assert pushed.paths(ONE)
    clock.time = NOW + 60
    assert pushed.paths(ONE) == {}


def test_the_clouds_clock_makes_it_no_older(
    pushed: pushedkeys.PushedKeys, clock: HandClock
) -> None:
    pushed.push(ONE.id, key(expires_at=1e12))
    clock.time += PUSHED_KEY_S
    assert pushed.paths(ONE) == {}


def test_what_is_kept_is_bounded_and_goes(pushed: pushedkeys.PushedKeys, clock: HandClock) -> None:
    for number in range(pushedkeys.PER_INSTANCE_MAX + 5):
        pushed.push(ONE.id, key(block=f"{number}\n"))
    shown = pushed.paths(ONE)[f"{ACTIVE}/root"].split()
    assert shown == [str(number) for number in range(5, pushedkeys.PER_INSTANCE_MAX + 5)]
    clock.time += PUSHED_KEY_S
    pushed.push(OTHER.id, key(expires_at=clock.time + 1))
    clock.time -= PUSHED_KEY_S
    assert pushed.paths(ONE) == {}, "what is over is forgotten, not only hidden"


@pytest.mark.parametrize("wrong", [key(user=""), key(user="a/b"), key(block="x" * (1 << 15))])
def test_what_is_no_key_is_refused(pushed: pushedkeys.PushedKeys, wrong: PushedKey) -> None:
    with pytest.raises(ValueError, match="not a key"):
        pushed.push(ONE.id, wrong)

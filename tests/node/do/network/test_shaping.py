"""Limits of speed, measured by what gets through in a while, both ways."""

import threading
import time

import pytest
from msgspec.structs import replace

from mallee.model.network.carried import Speed
from mallee.node.plan.network import shaping
from tests.node import lab, shapes
from tests.node.lab import Guest, Lab
from tests.node.shapes import OPEN

pytestmark = pytest.mark.host

PORT = 8000
SLOW_BPS = 40_000_000
ENOUGH_BYTES = 4_000_000
"""It takes 0.8 s at the slow speed, less what the bucket holds, and a moment without a speed."""
LEAST_S = 0.5
"""No limit lets it through sooner."""
TRIES = 20
NET = shapes.subnet(1)
ONE = shapes.interface(10, OPEN, inside=NET)
TWO = shapes.interface(11, OPEN, inside=NET)


def apply(host: Lab, speed: Speed) -> None:
    limited = replace(ONE, speed=speed)
    assert host.apply(shapes.host(shapes.vpc(0, (NET,), (limited, TWO)))) == ()


def seconds(sender: Guest, receiver: Guest) -> float:
    """How long it takes to bring enough from one to the other."""
    with receiver.listen(PORT) as listening:
        near = sender.connect(receiver.interface.private_ip, PORT)
        far, _ = listening.accept()
    far.settimeout(60)
    pushing = threading.Thread(target=near.sendall, args=(bytes(ENOUGH_BYTES),))
    began = time.monotonic()
    pushing.start()
    left = ENOUGH_BYTES
    while left:
        left -= len(far.recv(1 << 16))
    pushing.join()
    near.close()
    far.close()
    return time.monotonic() - began


def is_unlimited(sender: Guest, receiver: Guest) -> bool:
    """Whether it is brought sooner than any limit lets it, if only once: a machine that has much to
    do may be as slow as one."""
    return any(seconds(sender, receiver) < LEAST_S for _ in range(TRIES))


@pytest.mark.parametrize(
    ("speed", "sends_slowly"),
    [(Speed(sends_bps=SLOW_BPS), True), (Speed(receives_bps=SLOW_BPS), False)],
)
def test_a_limit_holds_one_way_only_and_goes_again(
    host: Lab, speed: Speed, sends_slowly: bool
) -> None:
    apply(host, speed)
    one, two = host.guest(ONE), host.guest(TWO)
    slow, quick = ((one, two), (two, one)) if sends_slowly else ((two, one), (one, two))
    assert seconds(*slow) > LEAST_S
    assert is_unlimited(*quick)
    apply(host, Speed())
    assert is_unlimited(*slow)


def test_a_limit_that_others_took_away_stands_again(host: Lab) -> None:
    speed = Speed(sends_bps=SLOW_BPS, receives_bps=SLOW_BPS)
    apply(host, speed)
    inside = Guest(ONE, host.layout.vpc_namespace(shapes.vpc_id(0)))
    tap = host.layout.tap(ONE.id)
    stood = inside.run("tc", "qdisc", "show")
    inside.run("tc", "qdisc", "delete", "dev", tap, "root")
    inside.run("tc", "qdisc", "delete", "dev", host.layout.send_limiter(ONE.id), "root")
    apply(host, speed)
    assert _without_handles(inside.run("tc", "qdisc", "show")) == _without_handles(stood)
    assert seconds(host.guest(ONE), host.guest(TWO)) > LEAST_S


def _without_handles(text: str) -> list[list[str]]:
    return sorted([*line.split()[:2], *line.split()[3:]] for line in text.splitlines())


def test_a_kernel_that_cannot_limit_still_has_a_network(
    host: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shaping, "making", lambda name: (f"add {name} type nothing-known",))
    limited = replace(ONE, speed=Speed(sends_bps=SLOW_BPS))
    problems = host.apply(shapes.host(shapes.vpc(0, (NET,), (limited, TWO))))
    problems += host.network.apply(shapes.host(shapes.vpc(0, (NET,), (limited, TWO))))
    assert "without limit" in " ".join(problems)
    assert host.guest(ONE).pings(TWO.private_ip)


def test_a_limit_changes_with_the_connection_going_on(host: Lab) -> None:
    apply(host, Speed(sends_bps=SLOW_BPS))
    with host.guest(TWO).listen(PORT) as listening:
        near = host.guest(ONE).connect(TWO.private_ip, PORT)
        far, _ = listening.accept()
    apply(host, Speed(sends_bps=2 * SLOW_BPS))
    apply(host, Speed())
    far.settimeout(lab.ARRIVES_WITHIN_S)
    near.send(b"still there")
    assert far.recv(100) == b"still there"
    near.close()
    far.close()

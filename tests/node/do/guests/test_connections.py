"""libvirtd called by many threads at once: none holds up the others, and none waits for ever."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.node.do.guests import connections
from mallee.node.do.guests.hypervisor import HypervisorAway, HypervisorFailed
from mallee.node.do.guests.libvirt import Libvirt
from tests.node import libvirtd
from tests.node.do.guests import test_hypervisor

pytestmark = pytest.mark.host

WITHIN_S = 120.0
CALLERS = 8
"""More than calls of one connection that libvirtd works on at a time."""


@pytest.fixture
def daemon(root_dir: Path) -> Iterator[libvirtd.Libvirtd]:
    with libvirtd.running(root_dir) as running:
        yield running


def found(daemon: libvirtd.Libvirtd) -> Libvirt:
    real = Libvirt(daemon.layout.libvirt_uri, daemon.layout.tag)
    test_hypervisor.wait_here(real)
    return real


def test_calls_to_a_libvirtd_that_stands_still_all_end(
    daemon: libvirtd.Libvirtd,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(connections, "KEEPALIVE_S", 1)
    monkeypatch.setattr(connections, "KEEPALIVE_COUNT", 1)
    real = found(daemon)

    def call() -> None:
        try:
            while True:
                real.list()
        except HypervisorAway:
            return

    callers = [threading.Thread(target=call, daemon=True) for _ in range(CALLERS)]
    for one in callers:
        one.start()
    assert daemon.process is not None
    os.kill(daemon.process.pid, signal.SIGSTOP)
    for one in callers:
        one.join(WITHIN_S)
    assert not any(one.is_alive() for one in callers)
    # One that is slow from now on is none that stands still.
    monkeypatch.undo()
    daemon.kill()
    daemon.start()
    test_hypervisor.wait_here(real)
    assert real.list() == ()
    real.close()
    # So libvirt says that it read what is nobody's any more, where it does not die of it.
    assert "CRITICAL" not in capfd.readouterr().err


def test_a_first_call_waits_for_a_libvirtd_that_starts_meanwhile(
    daemon: libvirtd.Libvirtd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "FOUND_WITHIN_S", WITHIN_S)
    daemon.kill()
    real = Libvirt(daemon.layout.libvirt_uri, daemon.layout.tag)
    starting = threading.Thread(target=daemon.start)
    starting.start()
    assert real.list() == ()
    starting.join()
    real.close()


def test_a_first_call_waits_no_longer_than_hosts_may_be_silent(
    daemon: libvirtd.Libvirtd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "FOUND_WITHIN_S", 0.5)
    daemon.kill()
    real = Libvirt(daemon.layout.libvirt_uri, daemon.layout.tag)
    for _ in range(2):
        with pytest.raises(HypervisorAway):
            real.list()
    real.close()


def test_calls_that_take_long_hold_up_no_others(
    daemon: libvirtd.Libvirtd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even when there are as many as there may be calls."""
    monkeypatch.setattr(connections, "LENT_MAX", CALLERS)
    monkeypatch.setattr(connections, "LONG_S", 0.5)
    monkeypatch.setattr(connections, "LOOK_EVERY_S", 0.5)
    listener = connections.Listener(lambda connection: None, lambda: None)
    lent = connections.Connections(daemon.layout.libvirt_uri, listener)
    real = found(daemon)
    real.close()
    pipes = [daemon.layout.root / f"pipe{number}" for number in range(CALLERS)]
    failures: list[HypervisorFailed] = []

    def read_machine(pipe: Path) -> None:
        try:
            with lent.calling() as connection:
                connection.saveImageGetXMLDesc(str(pipe), 0)
        except HypervisorFailed as error:
            failures.append(error)

    def call() -> None:
        with lent.calling() as connection:
            connection.listAllDomains()

    for pipe in pipes:
        os.mkfifo(pipe)
    callers = [threading.Thread(target=read_machine, args=(pipe,), daemon=True) for pipe in pipes]
    for one in callers:
        one.start()
    # Whoever opens a pipe to write waits for its reader: all of them are under way by then.
    ends = [pipe.open("wb") for pipe in pipes]
    other = threading.Thread(target=call, daemon=True)
    other.start()
    other.join(WITHIN_S)
    assert not other.is_alive()
    for end in ends:
        end.close()
    for one in callers:
        one.join(WITHIN_S)
    assert len(failures) == CALLERS
    lent.close()

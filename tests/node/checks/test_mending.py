"""A host puts right what it finds itself and knows to be safe, whatever it is told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mallee.model.hosts.checks import Finding
from mallee.model.layout import Layout
from mallee.node.checks import mending

LAYOUT = Layout(Path("/nowhere"))


def told(what: object) -> Callable[..., object]:
    """A function that returns that, whatever it is asked."""

    def tell(*_: object) -> object:
        return what

    return tell


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The programs that were run; the host finds that it has no loop devices, and no disk."""
    found = tuple(
        Finding(subject="x", ok=False, text="", code=code) for code in ("loop-missing", "disk-full")
    )
    lines: list[tuple[str, ...]] = []
    monkeypatch.setattr(mending.host, "examine", told(found))
    monkeypatch.setattr(mending.process, "run", lines.append)
    return lines


def test_what_is_found_and_safe_is_put_right(ran: list[tuple[str, ...]]) -> None:
    mending.mend(LAYOUT, None, ["loop-missing"])
    assert ran == [("modprobe", "loop")]


@pytest.mark.parametrize("code", ["disk-full", "files-few", "rm -rf /", "", "modprobe"])
def test_what_is_not_found_or_not_known_to_be_safe_is_left(
    ran: list[tuple[str, ...]], code: str
) -> None:
    mending.mend(LAYOUT, None, [code])
    assert ran == []


def test_no_card_but_the_network_modes_is_switched_on(
    ran: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    off = (Finding(subject="x", ok=False, text="", code="link-off"),)
    monkeypatch.setattr(mending.host, "examine", told(off))
    links = [{"ifname": "eth0"}, {"ifname": "eth1"}]
    monkeypatch.setattr(mending.host, "fetch_links", told(links))
    for device in ("", "eth7", "ml-box"):
        monkeypatch.setattr(mending.host, "fetch_device_of_mode", told(device))
        mending.mend(LAYOUT, None, ["link-off"])
    assert ran == []
    monkeypatch.setattr(mending.host, "fetch_device_of_mode", told("eth1"))
    mending.mend(LAYOUT, None, ["link-off"])
    assert ran == [("ip", "link", "set", "dev", "eth1", "up")]

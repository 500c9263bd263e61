"""What strangers on the LAN can do to whoever listens there."""

import pytest

from mallee.node.do.network import namespaces
from mallee.node.modes import lanframes, lanlinks

STRANGER, DEVICE = "02:00:00:00:00:99", "br0"
READ_MAX = 100_000


class Flooded:
    """In the place of a socket on which frames come faster than they are read."""

    read = 0

    def recvfrom(self, most: int) -> tuple[bytes, tuple[str, int, int]]:
        """Return a frame: there is always one more."""
        self.read += 1
        assert self.read < READ_MAX, "it is read without end"
        return lanframes.announcement(STRANGER, "10.99.0.50")[:most], (DEVICE, 0x0806, 1)

    def getsockname(self) -> tuple[str, int, int, int, bytes]:
        """Return whose socket it is."""
        return DEVICE, 0, 0, 1, bytes(6)


def test_who_floods_the_lan_keeps_nobody_from_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: object) -> Flooded:
        return Flooded()

    monkeypatch.setattr(namespaces, "run_inside", opened)
    link = lanlinks.Link(namespaces.HOST, DEVICE)
    for _ in range(2):
        heard = list(link.received())
        assert len(heard) == lanlinks.FRAMES_AT_ONCE
        assert heard[0] == lanframes.Claim("10.99.0.50", STRANGER)

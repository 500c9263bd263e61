"""Tells the doctors of other clouds on a wire what this cloud has in use, when they ask.

The *voice* hears one kind of frame, which a sieve in the kernel knows, and reads nothing of it:
that somebody asks is all there is to know. It answers to everybody on that wire, at most once in
`PAUSE_S`. A task of the agent's, wired by `daemon`; what is told is `voices`' business.
"""

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mallee.kit import authorities, logs
from mallee.model.hosts.hosts import HostWanted
from mallee.model.layout import Layout
from mallee.node.checks import frames, host, interfaces, sieves, voices

log = logs.get(__name__)
PAUSE_S = 1.0
_OUTGOING = 4
_FRAME_BYTES = 64
_DEVICES_MAX = 64
_TYPE = sieves.EXPERIMENT.to_bytes(2)


@dataclass(slots=True)
class Voice:
    """Lives in the agent's loop."""

    layout: Layout
    wanted: Callable[[], HostWanted | None]
    _said_at: dict[str, float] = field(default_factory=dict[str, float])
    """By device: when it last spoke there."""

    async def run(self) -> None:
        """Answer until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            ear = _open()
        except OSError as error:
            log.warning("other clouds on the wire will not hear of this one", error=str(error))
            return
        with ear:
            while True:
                device = await _asked(loop, ear)
                if device and self._may_speak(device):
                    await asyncio.to_thread(self.speak, device)

    def _may_speak(self, device: str) -> bool:
        now = time.monotonic()
        if interfaces.is_ours(device) or now - self._said_at.get(device, -PAUSE_S) < PAUSE_S:
            return False
        if len(self._said_at) >= _DEVICES_MAX:
            self._said_at.clear()
        self._said_at[device] = now
        return True

    def speak(self, device: str) -> None:
        """Tell everybody on a device's wire what this cloud has in use."""
        wanted, known = self.wanted(), clouds(self.layout)
        if wanted is None or not known:
            return
        of_mode = host.fetch_device_of_mode(self.layout, wanted)
        has = voices.belongings(wanted, device, of_mode)
        told = voices.Told(known[0], socket.gethostname()[:64], has)
        try:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as mouth:
                mouth.bind((device, 0))
                mac = mouth.getsockname()[4]
                for said in voices.frames_of(told):
                    mouth.send(frames.tagged(mac, 0, _TYPE + said))
        except OSError as error:
            # The device went away, or is switched off: whoever asked there cannot hear either.
            log.info("nothing said", device=device, error=str(error))


def clouds(layout: Layout) -> tuple[str, ...]:
    """Return by which ids this host's cloud is known: those of the authorities that it trusts."""
    try:
        return authorities.ids_of(layout.host_authority.read_bytes())
    except FileNotFoundError:
        return ()


def _open() -> socket.socket:
    """Return a socket that hears questions on all devices, those that come later too."""
    kind = socket.htons(sieves.EXPERIMENT)
    ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, kind)
    try:
        sieves.put(ear, voices.ASKED)
        ear.setblocking(False)
    except OSError:
        ear.close()
        raise
    return ear


async def _asked(loop: asyncio.AbstractEventLoop, ear: socket.socket) -> str:
    """Wait for a question; return by which device it came. Empty: it is one of this machine's."""
    _, where = await loop.sock_recvfrom(ear, _FRAME_BYTES)
    device, _, kind, *_ = where
    return "" if kind == _OUTGOING else device

"""Cables that take time: a small program carries each frame from one end to the other, late.

A wire with delay has two bridges instead of one, and a tap in each; the program,
`python -m mallee.lab.relay`, reads frames from either tap, keeps them for as long as the cable
takes, and writes them to the other. So no queueing discipline of the kernel is needed, and frames
stay in order.
Called by `lab.links`; it runs below the lab's keeper, and ends with it.
"""

import argparse
import collections
import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mallee.box import status, steps
from mallee.lab import keeper, rooms
from mallee.lab.document import Cable
from mallee.lab.plan import Wire
from mallee.lab.rooms import Place

MODULE = "mallee.lab.relay"
_FRAME_BYTES_MAX = 65_600
_READY_S_MAX = 30.0
_WAITING_MAX = 20_000
"""A cable that holds more frames loses the next, as any queue does."""
_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000


def apply(place: Place, wires: Sequence[Wire], told: Mapping[str, Cable]) -> None:
    """Let exactly those wires take time whose cables shall, and as much as they shall."""
    running = _fetch(place)
    for wire in wires:
        delay_ms = told[wire.name].delay_ms
        found, found_ms = running.get(wire.number, (None, 0))
        if found_ms == delay_ms:
            continue
        if found is not None:
            stop(place, wire)
        target = wire.bridge
        if delay_ms:
            target = _devices(wire)[2]
            _start(place, wire, delay_ms)
        rooms.run(place, keeper.LAB, ("ip", "link", "set", wire.switch_end, "master", target))


def stop(place: Place, wire: Wire) -> None:
    """Remove what makes a wire take time, if it does."""
    found, _ = _fetch(place).get(wire.number, (None, 0))
    if found is not None:
        found.signal(signal.SIGKILL)
        failure = steps.Failed(f"what delays the cable {wire.name} does not end", "dmesg | tail")
        # Until then it would be taken for one that carries.
        steps.wait_until(lambda: not found.is_alive(), _READY_S_MAX, failure)
    there = rooms.run(place, keeper.LAB, ("ip", "-o", "link", "show"))
    for name in _devices(wire):
        if f" {name}:" in there:
            rooms.run(place, keeper.LAB, ("ip", "link", "del", name))


def _devices(wire: Wire) -> tuple[str, str, str]:
    """Return the tap near the host, the one near the switch, and the bridge of the latter."""
    return f"t{wire.number}a", f"t{wire.number}b", f"{wire.bridge}x"


def _fetch(place: Place) -> dict[int, tuple[status.Process, int]]:
    """Return the running programs of the lab by their wires' numbers, with the delay of each."""
    found: dict[int, tuple[status.Process, int]] = {}
    mark = [MODULE, "--lab", str(place.path), "--wire"]
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit():
            continue
        try:
            words = (directory / "cmdline").read_bytes().split(b"\0")[:-1]
        except OSError:
            continue
        texts = [os.fsdecode(word) for word in words]
        born = status.read_birth(int(directory.name))
        # Nor is it the one that entered the lab on its behalf.
        if texts[2:6] == mark and born is not None:
            process = status.Process(int(directory.name), born)
            found[int(texts[6])] = process, int(texts[8])
    return found


def _start(place: Place, wire: Wire, delay_ms: int) -> None:
    stop(place, wire)
    near, far, beyond = _devices(wire)
    commands: list[tuple[str, ...]] = [("ip", "link", "add", beyond, "type", "bridge")]
    for tap, bridge in ((near, wire.bridge), (far, beyond)):
        commands.append(("ip", "tuntap", "add", tap, "mode", "tap"))
        commands.append(("ip", "link", "set", tap, "master", bridge, "up"))
    commands.append(("ip", "link", "set", beyond, "up"))
    rooms.run_all(place, keeper.LAB, commands)
    words = ("--lab", str(place.path), "--wire", str(wire.number), "--delay-ms", str(delay_ms))
    line = (sys.executable, "-m", MODULE, *words)
    with place.log.open("ab") as said:
        # It leads no life outside: who entered on its behalf ends as soon as it runs.
        shell = ("sh", "-c", 'exec setsid "$@" &', "sh", *line)
        subprocess.run(
            rooms.inside(place, keeper.LAB, shell),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            check=True,
            cwd="/",
            env=rooms.environment(),
        )
    failure = steps.Failed(f"the cable {wire.name} does not carry", f"read {place.log}")
    steps.wait_until(lambda: _carries(place, far), _READY_S_MAX, failure)


def _carries(place: Place, tap: str) -> bool:
    """Tell whether a program has a tap open; the far one is opened last."""
    return "LOWER_UP" in rooms.run(place, keeper.LAB, ("ip", "-o", "link", "show", tap))


def _open(tap: str) -> int:
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    request = struct.pack("16sH22x", tap.encode(), _IFF_TAP | _IFF_NO_PI)
    fcntl.ioctl(descriptor, _TUNSETIFF, request)
    return descriptor


def carry(near: int, far: int, delay_s: float) -> None:
    """Carry frames between two descriptors for ever, each so much later."""
    waiting: collections.deque[tuple[float, int, bytes]] = collections.deque()
    other = {near: far, far: near}
    while True:
        left_s = waiting[0][0] - time.monotonic() if waiting else None
        ready, _, _ = select.select((near, far), (), (), left_s and max(left_s, 0.0))
        now = time.monotonic()
        for descriptor in ready:
            frame = os.read(descriptor, _FRAME_BYTES_MAX)
            if len(waiting) < _WAITING_MAX:
                waiting.append((now + delay_s, other[descriptor], frame))
        while waiting and waiting[0][0] <= now:
            _, to, frame = waiting.popleft()
            try:
                os.write(to, frame)
            except (BlockingIOError, OSError):
                # A full or closed end loses frames, as cables do.
                continue


def main() -> None:
    """Carry frames until killed."""
    parser = argparse.ArgumentParser(prog="mallee-lab-relay")
    parser.add_argument("--lab", type=Path, required=True, help="the lab's directory")
    parser.add_argument("--wire", type=int, required=True, help="the wire's number")
    parser.add_argument("--delay-ms", type=int, required=True, help="how long frames take")
    given = parser.parse_args()
    near, far = (_open(f"t{given.wire}{end}") for end in "ab")
    carry(near, far, given.delay_ms / 1000)


if __name__ == "__main__":
    main()

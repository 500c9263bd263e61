"""Sends one probe as a guest's own packet, and watches where on this host it passes and dies.

The probe enters by the guest's tap, as if the guest had sent it: a pair of links of ours in the
VPC's namespace turns it there (`mirred`, as for limits of speed). In every namespace by which it
may go, a table of rules has it traced, and sockets watch all devices for its tag. Called by
`network`, which excludes its own changes meanwhile.

Invariants: 1. No rule of a probe outlives who sent it, even when he is killed: the kernel removes
the tables of a process that ends, and `nft` ends when it hears no more. 2. The pair of links is
removed at the end; what a kill leaves behind, the next look at the namespace removes.
"""

import ctypes
import json
import os
import selectors
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from mallee.kit import process
from mallee.node.do.network import firewall, namespaces, nftrace
from mallee.node.plan.network import network, probes
from mallee.node.plan.network.probes import Probe, Seen, Sending, Sighting

WITHIN_S = 2.0
"""How long an answer is waited for."""
SIGHTINGS_MAX, DECISIONS_MAX = 1000, 10_000
"""More than one probe makes. Who gets it may send its tag back for as long as he likes."""
_QUIET_S = 0.15
"""Nothing more is expected when nothing was seen for so long, once the probe's end is known."""
_LOADED_WITHIN_S = 5.0
_EVERYTHING = 0x0003
_ATTACH_FILTER, _TIMESTAMP_NS = 26, 35
_OUTGOING = 4
_FRAME_BYTES, _CONTROL_BYTES = 2048, 256
_IN, _OUT = f"{network.PROBES.rstrip('*')}0", f"{network.PROBES.rstrip('*')}1"


@dataclass(frozen=True, slots=True)
class _Watcher:
    namespace: str
    ear: socket.socket
    eye: socket.socket


def send(sending: Sending, seen: Seen) -> None:
    """Send a probe and write down what is seen of it; blocks for up to a few seconds.

    Raises `process.Failed` and `OSError` where the kernel cannot.
    """
    with ExitStack() as held:
        watchers = [held.enter_context(_watching(name, sending.probe)) for name in sending.watched]
        for name in sending.watched:
            held.enter_context(_traced(name, sending.probe, seen))
        for name in sending.watched:
            for index, device in namespaces.run_inside(name, socket.if_nameindex):
                seen.devices[name, index] = device
        inside = partial(namespaces.run_inside, sending.namespace)
        router_mac = inside(partial(_mac_of, sending.tap))
        held.callback(inside, _remove_links)
        inside(partial(_make_links, sending.tap, router_mac))
        frame = probes.frame(sending.probe, sending.mac, router_mac)
        inside(partial(_emit, frame))
        _watch(watchers, sending, seen)
        for name, decisions in seen.decisions.items():
            chains = frozenset((one.table, one.chain) for one in decisions)
            known = namespaces.run_inside(name, partial(nftrace.fetch_rules, chains))
            seen.rules.update({(name, *key): text for key, text in known.items()})


# Watching


@contextmanager
def _watching(name: str, probe: Probe) -> Generator[_Watcher]:
    ear, eye = namespaces.run_inside(name, lambda: (nftrace.open_ear(), _open_eye(probe)))
    with ear, eye:
        yield _Watcher(name, ear, eye)


def _open_eye(probe: Probe) -> socket.socket:
    """Open a socket that sees the probe and its answer on every device, and nothing else."""
    eye = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_EVERYTHING))
    code = probes.bpf(probe)
    kept = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(kept))
    eye.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)
    eye.setsockopt(socket.SOL_SOCKET, _TIMESTAMP_NS, 1)
    eye.setblocking(False)
    return eye


@contextmanager
def _traced(name: str, probe: Probe, seen: Seen) -> Generator[None]:
    """Have the probe traced in a namespace for as long as this lasts."""
    fetch = partial(namespaces.run_inside, name, firewall.fetch_generation)
    before = fetch()
    with subprocess.Popen(
        namespaces.command(name, ("nft", "-i")),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": "/nonexistent"},
    ) as tracer:
        assert tracer.stdin is not None
        try:
            tracer.stdin.write(probes.rules(probe).encode())
            tracer.stdin.flush()
            _wait_loaded(fetch, before)
            seen.loaded.append(name)
            yield
        finally:
            tracer.stdin.close()
            try:
                tracer.wait(_LOADED_WITHIN_S)
            except subprocess.TimeoutExpired:
                tracer.kill()


def _wait_loaded(fetch: Callable[[], int], before: int) -> None:
    ends_at = time.monotonic() + _LOADED_WITHIN_S
    while fetch() == before:
        if time.monotonic() > ends_at:
            raise OSError("nft did not take the rules that trace a probe")
        time.sleep(0.002)


def _watch(watchers: list[_Watcher], sending: Sending, seen: Seen) -> None:
    """Collect what is seen until the probe's end is known and all is quiet, or time is up."""
    ends_at = time.monotonic() + WITHIN_S
    with selectors.DefaultSelector() as selector:
        for watcher in watchers:
            selector.register(watcher.ear, selectors.EVENT_READ, partial(_listen, watcher, seen))
            look = partial(_look, watcher, sending.probe, seen)
            selector.register(watcher.eye, selectors.EVENT_READ, look)
        is_late = False
        while not is_late and not _is_too_much(seen):
            left_s = max(0.0, ends_at - time.monotonic())
            # What has come by then is seen, however late we are.
            is_late = left_s == 0.0
            is_over = _is_over(sending, seen)
            ready = selector.select(min(left_s, _QUIET_S) if is_over else left_s)
            if is_over and not ready:
                return
            for key, _ in ready:
                key.data()


def _is_too_much(seen: Seen) -> bool:
    """Tell whether more was seen than one probe makes."""
    decided = sum(len(those) for those in seen.decisions.values())
    return len(seen.sightings) >= SIGHTINGS_MAX or decided >= DECISIONS_MAX


def _is_over(sending: Sending, seen: Seen) -> bool:
    """Tell whether an answer came back, or the firewall dropped what it was traced for."""
    came_back = any(
        one.is_answer and one.is_leaving and one.device == sending.tap for one in seen.sightings
    )
    dropped = any(one.verdict == "drop" for those in seen.decisions.values() for one in those)
    return came_back or dropped


def _listen(watcher: _Watcher, seen: Seen) -> None:
    kept = seen.decisions.setdefault(watcher.namespace, [])
    kept += [one for one in nftrace.hear(watcher.ear) if one.table != probes.TABLE]


def _look(watcher: _Watcher, probe: Probe, seen: Seen) -> None:
    while len(seen.sightings) < SIGHTINGS_MAX:
        try:
            frame, control, _, came = watcher.eye.recvmsg(_FRAME_BYTES, _CONTROL_BYTES)
        except BlockingIOError:
            return
        answers = probes.is_answer(probe, frame)
        device, kind = came[0], came[2]
        if answers is not None and device not in (_IN, _OUT):
            at_ns = _time_of(control)
            is_leaving = kind == _OUTGOING
            seen.sightings.append(
                Sighting(at_ns, watcher.namespace, device, is_leaving, answers, frame)
            )


def _time_of(control: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in control:
        if (level, kind) == (socket.SOL_SOCKET, _TIMESTAMP_NS) and len(data) >= 16:
            seconds, nanoseconds = struct.unpack_from("qq", data)
            return seconds * 1_000_000_000 + nanoseconds
    return time.time_ns()


# Sending


def _mac_of(tap: str) -> str:
    found = json.loads(process.run(("ip", "-json", "link", "show", "dev", tap)).stdout)
    return found[0]["address"]


def _make_links(tap: str, router_mac: str) -> None:
    """Make what turns a frame to the tap; it has the router's MAC, as guests send to it."""
    _remove_links()
    process.run(
        ("ip", "link", "add", _IN, "type", "veth", "peer", "name", _OUT, "address", router_mac)
    )
    # The second to come up finds its peer there, and sends at once; the first waits to be told.
    for link in (_OUT, _IN):
        process.run(("ip", "link", "set", link, "up"))
    lines = (
        f"qdisc add dev {_OUT} ingress",
        f"filter add dev {_OUT} parent ffff: protocol all prio 1 u32 match u32 0 0 "
        f"action mirred ingress redirect dev {tap}",
    )
    process.run(("tc", "-batch", "-"), "".join(f"{line}\n" for line in lines).encode())


def _remove_links() -> None:
    if _IN in {name for _, name in socket.if_nameindex()}:
        process.run(("ip", "link", "delete", _IN))


def _emit(frame: bytes) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as mouth:
        mouth.bind((_IN, 0))
        mouth.send(frame)

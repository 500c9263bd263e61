"""Public addresses on the wire to the world: answered by ARP, and announced when they have moved.

Where the world's router has the public range on the wire (a route by its device, without a next
hop), it asks for each address; the host in charge answers for those that are in use, and says so to
everybody when it begins, so that nobody waits for the former one. The host forwards what comes
then, for it has a route to them.
Called by `do.network` (`apply`) and `keeper` (`announce`), in the host's own namespace.
"""

import json
import socket
import struct
from collections.abc import Iterable
from ipaddress import IPv4Address
from pathlib import Path

from mallee.kit import files, process
from mallee.model.layout import Layout
from mallee.node.do.network import links

Answered = frozenset[tuple[str, str]]
"""Device and address."""

_ARP = 0x0806
_REQUEST, _REPLY = 1, 2
_EVERYBODY = b"\xff" * 6


def apply(layout: Layout, wanted: Answered) -> bool:
    """Answer for these, and for none that were answered before; tell whether any was changed."""
    told: list[list[str]] = files.read_json(_memory(layout)) or []
    before = frozenset((device, ip) for device, ip in told)
    if not before and not wanted:
        return False
    seen = _fetch() & (before | wanted)
    if before != wanted:
        # What is written down is taken away one day, whatever happens to this process.
        _memory(layout).parent.mkdir(parents=True, exist_ok=True)
        files.write_json(_memory(layout), sorted(before | wanted))
    lines = [f"neighbour del proxy {ip} dev {device}" for device, ip in sorted(seen - wanted)]
    lines += [f"neighbour add proxy {ip} dev {device}" for device, ip in sorted(wanted - seen)]
    links.apply_batch(tuple(lines))
    if before != wanted:
        files.write_json(_memory(layout), sorted(wanted))
    return bool(lines)


def _fetch() -> Answered:
    listed = process.run(("ip", "-4", "-json", "neighbour", "show", "proxy")).text
    return frozenset((one["dev"], one["dst"]) for one in json.loads(listed or "[]"))


def announce(those: Iterable[tuple[str, str]]) -> None:
    """Tell everybody on the wires that the addresses are here; raises `OSError`."""
    by_device: dict[str, list[str]] = {}
    for device, ip in sorted(those):
        by_device.setdefault(device, []).append(ip)
    for device, ips in by_device.items():
        mac = bytes.fromhex(Path(f"/sys/class/net/{device}/address").read_text().replace(":", ""))
        if len(mac) != len(_EVERYBODY):
            continue
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
            wire.bind((device, 0))
            for ip in ips:
                for operation in (_REQUEST, _REPLY):
                    wire.send(frame(mac, ip, operation))


def frame(mac: bytes, ip: str, operation: int) -> bytes:
    """Return a frame by which an address says of itself where it is."""
    own = mac + IPv4Address(ip).packed
    target = (_EVERYBODY if operation == _REPLY else bytes(6)) + IPv4Address(ip).packed
    head = _EVERYBODY + mac + struct.pack(">H", _ARP)
    return head + struct.pack(">HHBBH", 1, 0x0800, 6, 4, operation) + own + target


def _memory(layout: Layout) -> Path:
    return layout.node / "answered.json"

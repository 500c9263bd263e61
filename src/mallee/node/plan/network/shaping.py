"""How fast interfaces send and receive: token buckets, and the `tc` text that makes them so.

Towards its guest a tap has a bucket of its own. What a guest sends is turned aside, before anything
looks at it, to an `ifb` device with a bucket, and comes back as if nothing had happened; so it
waits in a queue instead of being lost, and TCP finds the rate. What is copied for a mirror session,
`mirrors` turns aside. Called by `do/shaping`. Pure.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mallee.model.hosts.hosts import VpcWanted
from mallee.model.layout import Layout
from mallee.node.plan.network.links import Seen

LATENCY_MS = 50
"""The longest that a packet waits in a bucket's queue."""
_BURST_MS = 10
_BURST_BYTES_MIN = 128 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaping:
    """The buckets of a namespace."""

    rates: dict[str, int] = field(default_factory=dict[str, int])
    """Bytes per second by device."""
    diverted: frozenset[str] = frozenset()
    """Devices from which everything is turned aside (`aside`)."""


def aside(layout: Layout, vpc: VpcWanted) -> dict[str, str]:
    """The device that what a tap's guest sends is turned aside to, for taps that have one."""
    return {
        layout.tap(one.id): layout.send_limiter(one.id)
        for one in vpc.interfaces
        if one.speed.sends_bps
    }


def plan_shaping(
    layout: Layout, vpc: VpcWanted, seen: Seen, turned: frozenset[str] = frozenset()
) -> Shaping:
    """Return the buckets of a VPC, for devices that are there; from the taps `turned` packets are
    turned aside by other means (`mirrors`).
    """
    rates: dict[str, int] = {}
    for one in vpc.interfaces:
        if one.speed.receives_bps:
            rates[layout.tap(one.id)] = one.speed.receives_bps // 8
        if one.speed.sends_bps:
            rates[layout.send_limiter(one.id)] = one.speed.sends_bps // 8
    return Shaping(
        rates={device: rate for device, rate in rates.items() if device in seen.indices},
        diverted=frozenset(
            tap
            for tap, other in aside(layout, vpc).items()
            if tap in seen.indices and other in seen.indices and tap not in turned
        ),
    )


def making(name: str) -> tuple[str, str]:
    """What `ip link` is told to make a device that packets are turned aside to."""
    return f"add {name} type ifb", f"set {name} up"


def parse_seen(text: str) -> Shaping:
    """Read the output of `tc -json qdisc show`."""
    found: list[dict[str, Any]] = json.loads(text or "[]")
    return Shaping(
        rates={one["dev"]: one["options"]["rate"] for one in found if one["kind"] == "tbf"},
        diverted=frozenset(one["dev"] for one in found if one["kind"] == "ingress"),
    )


def plan_batch(wanted: Shaping, seen: Shaping, asides: dict[str, str]) -> tuple[str, ...]:
    """Return the lines of `tc -batch` that turn what is seen into what is wanted."""
    return tuple(_lines(wanted, seen, asides))


def _lines(wanted: Shaping, seen: Shaping, asides: dict[str, str]) -> Iterator[str]:
    for device in sorted(seen.diverted - wanted.diverted):
        yield f"qdisc delete dev {device} ingress"
    for device in sorted(seen.rates.keys() - wanted.rates.keys()):
        yield f"qdisc delete dev {device} root"
    for device in sorted(wanted.diverted):
        other = asides[device]
        # The bucket comes last: where it stands, the way to it stands too.
        if device in seen.diverted and other in seen.rates:
            continue
        if device in seen.diverted:
            yield f"qdisc delete dev {device} ingress"
        yield f"qdisc add dev {device} ingress"
        yield (
            f"filter add dev {device} parent ffff: protocol all prio 1 u32 match u32 0 0 "
            f"action mirred egress redirect dev {other}"
        )
    for device, rate in sorted(wanted.rates.items()):
        if seen.rates.get(device) != rate:
            burst = max(_BURST_BYTES_MIN, rate * _BURST_MS // 1000)
            yield (
                f"qdisc replace dev {device} root tbf rate {rate * 8}bit burst {burst} "
                f"latency {LATENCY_MS}ms"
            )

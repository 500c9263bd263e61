"""Taps of this cloud: made in the hypervisor's namespace, moved, found, removed.

A tap is persistent: it stays when QEMU closes it, so that a guest that is started again or migrates
finds it. Its MAC is what its guest knows for the router and for every neighbour: it follows from
the interface, so that on another host the guest goes on sending to it. Called by `network`, which
configures a tap where it arrives.
"""

import hashlib
import socket
from dataclasses import dataclass

from mallee.model.layout import Layout
from mallee.node.do.network import links, namespaces

PREFIX = "mt"


@dataclass(frozen=True, slots=True, order=True)
class Tap:
    """A tap of this cloud as it exists now."""

    name: str
    """`Layout.tap` of its interface."""
    namespace: str
    """`Layout.hypervisor_namespace` before it is plugged, a VPC's namespace after."""


def fetch(layout: Layout) -> tuple[Tap, ...]:
    """Return every tap in the cloud's namespaces, sorted by name."""
    found = [
        Tap(name, namespace)
        for namespace in namespaces.names(f"mallee-{layout.tag}-")
        for name in fetch_names(namespace)
    ]
    return tuple(sorted(found))


def fetch_names(namespace: str) -> tuple[str, ...]:
    """Return the names of the taps in one namespace."""
    devices = namespaces.run_inside(namespace, socket.if_nameindex)
    return tuple(name for _, name in devices if name.startswith(PREFIX))


def create(layout: Layout, name: str) -> None:
    """Make the tap in the hypervisor's namespace; there is none of that name."""
    _batch_inside(
        layout.hypervisor_namespace,
        f"tuntap add dev {name} mode tap vnet_hdr",
        f"link set {name} address {mac_of(name)}",
    )


def mac_of(name: str) -> str:
    """Return the MAC of a tap: on each host the same."""
    digest = hashlib.sha256(name.encode()).digest()
    return ":".join(("06", *(f"{one:02x}" for one in digest[:5])))


def move(tap: Tap, namespace: str) -> None:
    """Move the tap into another namespace, where it arrives down and bare."""
    _batch_inside(tap.namespace, f"link set {tap.name} netns {namespace}")


def remove(layout: Layout, name: str) -> None:
    """Remove the tap wherever it is; nothing happens when there is none."""
    for tap in fetch(layout):
        if tap.name == name:
            _batch_inside(tap.namespace, f"link delete {name}")


def _batch_inside(namespace: str, *lines: str) -> None:
    namespaces.run_inside(namespace, lambda: links.apply_batch(lines))

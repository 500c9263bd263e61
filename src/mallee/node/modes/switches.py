"""What a host's switch has for the cloud's legs, and what has to be done until it has it.

Two kinds behind one seam. *Linux*: a port with a tag is in a bridge of its VLAN, together with a
VLAN device of the trunk; a port without is in the bridge that is named. *Open vSwitch*: all are
ports of the bridge that is named, those with a VLAN with that tag. Of the machine's own devices
none is changed: the one that is named gets a VLAN device above it, or another port.

Called by `switching`, which looks and does. Pure.
"""

from dataclasses import dataclass

from mallee.model.modes import Switch


@dataclass(frozen=True, slots=True, order=True)
class Port:
    """A leg's end on the host, as it shall be plugged in."""

    name: str
    vlan: int
    """0: without a tag."""
    namespace: str
    """Where the other end is."""
    peer: str
    """What the other end is called there."""
    peer_mac: str = ""
    """Of the other end; empty: as the kernel has it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Everything that the cloud has of the host's switch."""

    tag: str
    """The letters of this cloud in the names of its devices."""
    switch: Switch
    device: str
    """A trunk, or a bridge: the machine's own, which is there."""
    ports: tuple[Port, ...]

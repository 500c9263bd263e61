"""A host as its reconciler uses it: where things lie, and the doors to what it changes.

Wired by `daemon.py`; in tests hypervisor and network are fakes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mallee.kit.clock import Clock
from mallee.model.hosts.hosts import HostWanted, InterfaceWanted
from mallee.model.layout import Layout
from mallee.node.do.guests.hypervisor import Hypervisor
from mallee.node.do.network.network import Tap
from mallee.node.do.storage.images import ImageCache
from mallee.node.plan.guests.domain import HostTraits
from mallee.node.plan.guests.instances import Rules
from mallee.node.plan.network.conversations import Conversation
from mallee.node.plan.network.probes import Seen, Sending
from mallee.node.plan.network.whereabouts import Places
from mallee.node.volumes.volumekeys import VolumeKeys
from mallee.node.volumes.volumeplace import VolumePlace


class HostNetwork(Protocol):
    """What the reconciler asks of the network (`do.network.Network`); all calls block."""

    places: Callable[[], Places]
    """Says which guests are elsewhere than the cloud says."""

    def apply(self, wanted: HostWanted) -> tuple[str, ...]:
        """Make the host's network what is wanted; return problems in words."""
        ...

    def create_tap(self, interface: InterfaceWanted) -> str:
        """Make the interface's tap anew."""
        ...

    def forget(self, interface: InterfaceWanted) -> None:
        """Know nothing of what was spoken with who had an interface's addresses before."""
        ...

    def plug(self, interface: InterfaceWanted) -> None:
        """Move the tap to its VPC and make it speak."""
        ...

    def unplug(self, interface_id: str) -> None:
        """Remove the interface's tap."""
        ...

    def follow(self) -> None:
        """Lead to guests where they are by now (`places`)."""
        ...

    def taps(self) -> tuple[Tap, ...]:
        """Fetch which taps of this cloud exist."""
        ...

    def answering(self, interfaces: tuple[InterfaceWanted, ...]) -> frozenset[str]:
        """Return the ids of the interfaces on which a guest answers now."""
        ...

    def conversations(self, interface: InterfaceWanted) -> tuple[Conversation, ...]:
        """Return what an interface's guest speaks of with whom, as it goes along with it."""
        ...

    def adopt(self, interface: InterfaceWanted, those: Sequence[Conversation]) -> None:
        """Know the conversations of an interface's guest that was on another host."""
        ...

    def probe(self, sending: Sending) -> Seen:
        """Send a probe as a guest's own packet, and watch it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One host of one cloud."""

    name: str
    layout: Layout
    hypervisor: Hypervisor
    network: HostNetwork
    images: ImageCache
    keys: VolumeKeys
    place: VolumePlace
    rules: Rules
    traits: HostTraits
    clock: Clock

"""The network of a host: sets everything that instances' packets pass through, whole.

Called by the agent's reconciler from a worker thread, never from its event loop: every method
blocks (tens of milliseconds) and they exclude each other. What is to stand is decided by
`node/plan/{links,firewall,dhcp}`; here it is compared with what stands and put right.
Guests are not its business: a tap that vanished under a running guest is only reported.
"""

from dataclasses import dataclass

from mallee.model.hosts import HostWanted, InterfaceWanted
from mallee.model.layout import Layout
from mallee.node.metadata import service


class NotWanted(Exception):
    """The interface is not part of what was applied last; apply the newer generation first."""


@dataclass(frozen=True, slots=True)
class Tap:
    """A tap of this cloud as it exists now."""

    name: str
    """`Layout.tap` of its interface."""
    namespace: str
    """`Layout.hypervisor_namespace` before it is plugged, a VPC's namespace after."""


class Network:
    """The network of one cloud on this host."""

    def __init__(self, layout: Layout, metadata: service.Service | None = None) -> None:
        """Touches nothing yet; without `metadata` no metadata is served (tests)."""
        raise NotImplementedError

    def apply(self, wanted: HostWanted) -> tuple[str, ...]:
        """Make the host's network what is wanted; called twice = once.

        Returns sentences: what had been changed by others and was put right, and what cannot be
        put right with its cure. Raises `process.Failed` when the kernel refuses a plan.
        """
        raise NotImplementedError

    def create_tap(self, interface: InterfaceWanted) -> str:
        """Make the interface's tap anew in the hypervisor namespace; return its name.

        A tap of that name that exists anywhere in this cloud is removed first.
        """
        raise NotImplementedError

    def plug(self, interface: InterfaceWanted) -> None:
        """Move the tap to its VPC and make it speak; called while the guest is paused.

        When it returns the firewall, DHCP and metadata of the interface stand. Doing it twice does
        nothing more. Raises `NotWanted`, or `process.Failed` when there is no tap.
        """
        raise NotImplementedError

    def unplug(self, interface_id: str) -> None:
        """Remove the interface's tap, wherever it is; nothing happens when there is none."""
        raise NotImplementedError

    def taps(self) -> tuple[Tap, ...]:
        """Fetch which taps of this cloud exist, sorted by name."""
        raise NotImplementedError

    def destroy(self) -> None:
        """Remove every namespace, link, route, table and dnsmasq of this cloud on this host."""
        raise NotImplementedError

"""Plugs legs into the host's switch, keeps them there, and takes them out at the end.

Called by `do/network`, in the host's own namespace, once all namespaces are there. What is to stand
is decided by `switches`, which legs there are by `legs`.
"""

from mallee.model.layout import Layout
from mallee.node.modes import switches


class Switching:
    """The ports of one cloud on this host's switch."""

    def __init__(self, layout: Layout) -> None:
        """Touches nothing yet."""
        self._layout = layout

    def apply(self, wanted: switches.Wanted | None) -> list[str]:
        """Make exactly these ports stand; None: no mode has any. Called twice = once.

        Returns sentences: what others had changed, and what cannot be put right with its cure.
        """
        raise NotImplementedError

    def mtu(self) -> int:
        """How long a packet may be that leaves by the switch, at most 1500; seen by `apply`."""
        raise NotImplementedError

    def destroy(self) -> None:
        """Take everything of this cloud out of the switch that was used last."""
        raise NotImplementedError

"""A host's slice of the cloud: everything that its agent is told, read from the view.

The agents' endpoint asks for it after every change; what did not change is not computed again.
How the agent carries it out is not its business.
"""

from mallee.cloud.state.store import View
from mallee.model.hosts import HostWanted
from mallee.model.settings import Settings


class Slices:
    """Slices with their generations: a host's generation is the revision at which it last changed.

    The process keeps one; it belongs to the event loop's thread like the view.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def host_wanted(self, view: View, host_id: str) -> HostWanted:
        """Return the host's slice; the same object while nothing that it shows has changed."""
        raise NotImplementedError


def host_wanted(view: View, host_id: str, settings: Settings) -> HostWanted:
    """Return the host's slice computed afresh, with the view's revision as its generation."""
    raise NotImplementedError

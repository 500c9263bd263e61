"""This host's door for other hosts' agents: open while the slice names peers, and closed else.

A host alone has no such door. Who is let in, and to what, is said by the slice, each time: the
cloud's word is checked by `do.channel` (which host it is) and by what serves (what it may have).
Wired by `daemon`, poked when a newer slice was taken.
"""

from collections.abc import Callable, Mapping

import msgspec

from mallee.kit import logs
from mallee.model.hosts.hosts import HostFacts, HostWanted
from mallee.model.layout import Layout
from mallee.node.do.channel import Handler, Listener

log = logs.get(__name__)


class OtherHosts:
    """The door. `close` it."""

    def __init__(
        self,
        layout: Layout,
        port: int,
        wanted: Callable[[], HostWanted | None],
        handlers: Mapping[str, Handler],
    ) -> None:
        """`port` is the one to answer at, if it is free; `handlers`, who serves what."""
        self._listener = Listener(layout, port, handlers)
        self._wanted = wanted
        self._problem = ""

    def poke(self) -> None:
        """Look again whether there are peers."""
        wanted = self._wanted()
        try:
            self._listener.listen(is_wanted=wanted is not None and bool(wanted.peers))
        except OSError as error:
            log.error("other hosts are not answered", error=str(error))
            self._problem = f"This host cannot answer other hosts: {error}."
        else:
            self._problem = ""

    def joined(self, facts: HostFacts) -> HostFacts:
        """Return what is said of the host with where it answers others."""
        problems = (*facts.problems, self._problem) if self._problem else facts.problems
        return msgspec.structs.replace(facts, channel_port=self._listener.port, problems=problems)

    def close(self) -> None:
        """Answer nobody any more."""
        self._listener.close()

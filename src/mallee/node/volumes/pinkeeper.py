"""Has the block server keep at hand what the cloud wants pinned, and knows how far it is.

The agent's loop writes down what is wanted (`nbd.pins`), wakes the block server, which sleeps until
somebody connects, and reads what it says. Called by `daemon`; `sync` tells the cloud.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable

from mallee.kit import logs
from mallee.model.hosts.hosts import HostWanted
from mallee.model.layout import Layout
from mallee.model.storage.fastrestores import PinSeen
from mallee.node.nbd import pins

LOOK_EVERY_S = 1.0
WAKE_S = 1.0

log = logs.get(__name__)


class PinKeeper:
    """The pins of this host. Belongs to the event loop's thread."""

    def __init__(self, layout: Layout, wanted: Callable[[], HostWanted | None]) -> None:
        """`wanted` gives the slice that holds now; None: the cloud has not spoken yet."""
        self._layout = layout
        self._wanted = wanted
        self._seen: pins.Seen = {}
        self._poked = asyncio.Event()

    def seen(self) -> dict[str, PinSeen]:
        """Return how far each is, by snapshot."""
        return self._seen

    def poke(self) -> None:
        """Look again: something else may be wanted."""
        self._poked.set()

    async def run(self) -> None:
        """Keep them until cancelled."""
        while True:
            wanted = self._wanted()
            if wanted is not None:
                try:
                    self._seen = await asyncio.to_thread(self._look, wanted.pins)
                except OSError as error:
                    log.warning("pins cannot be kept", error=str(error))
            self._poked.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S if wanted and wanted.pins else None):
                    await self._poked.wait()

    def _look(self, wanted: pins.Wanted) -> pins.Seen:
        pins.write_wanted(self._layout, wanted)
        if not wanted:
            return {}
        roots = {one.snapshot_id: one.content.root for one in wanted}
        # It may say still what it said of another content, or of a snapshot that was let go.
        seen = {
            id: one for id, one in pins.read_seen(self._layout).items() if roots.get(id) == one.root
        }
        if not all(id in seen and seen[id].is_whole for id in roots):
            self._wake()
        return seen

    def _wake(self) -> None:
        """Have the block server look: it does nothing until the first client is there."""
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.settimeout(WAKE_S)
            with contextlib.suppress(OSError):
                knocking.connect(str(self._layout.block_socket))

"""Keys of encrypted volumes: asked of the cloud when one is needed, and forgotten after.

Nothing is kept here: neither on a disk nor longer than whoever asked needs it, so a host that was
restarted, or whose volume's key was disabled, asks anew. QEMU has what runs guests' volumes in its
own memory. Threads call `opened`, coroutines `fetch`.
"""

import asyncio
from typing import Protocol

from mallee.model.storage.datakeys import OpenedKey
from mallee.node import cloud

ANSWER_S = 30.0


class NoKey(Exception):
    """The cloud gives no key now; the message says why."""


class KeyRefused(NoKey):
    """The cloud refuses it: the key of the key store cannot be used, or it is not this host's."""


class Door(Protocol):
    """Who opens keys: the cloud."""

    async def fetch_volume_key(self, volume_id: str) -> OpenedKey:
        """Return a volume's data key; raises `CloudAway` and `Refused`."""
        ...


class VolumeKeys:
    """The keys of this host's volumes. To be made in the agent's loop, which makes the calls."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._loop = asyncio.get_running_loop()

    async def fetch(self, volume_id: str) -> OpenedKey:
        """Return a volume's key; raises `NoKey`."""
        try:
            return await self._door.fetch_volume_key(volume_id)
        except cloud.CloudAway as error:
            raise NoKey(f"the key of {volume_id} cannot be asked for: {error}") from error
        except cloud.Refused as error:
            raise KeyRefused(str(error)) from error

    def opened(self, volume_id: str) -> OpenedKey:
        """Return it in another thread than the loop's; raises `NoKey`."""
        waiting = asyncio.run_coroutine_threadsafe(self.fetch(volume_id), self._loop)
        try:
            return waiting.result(ANSWER_S)
        except TimeoutError as error:
            waiting.cancel()
            raise NoKey(f"the key of {volume_id} did not come in {ANSWER_S:g} s") from error

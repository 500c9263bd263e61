"""The metadata service: listening sockets in the VPC namespaces, one per tap, in the agent's loop.

Who asks is known by the socket, which the kernel bound to one tap: no address, header or name that
a guest can forge takes part. `node/do/network.py` says which taps there are and whose they are;
what is answered is `answers`' business, how it is written on the wire `wire`'s.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from mallee.kit import clock as clocks
from mallee.model.hosts import InstanceWanted


@dataclass(frozen=True, slots=True)
class Listener:
    """A tap as it stands in the kernel, and the instance that speaks on it."""

    namespace: str
    tap: str
    ifindex: int
    """Changes when the tap is made anew under its old name: the socket is then bound again."""
    instance: InstanceWanted


class Service:
    """Serves the metadata of this host's instances. Made in the agent's loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        key: bytes,
        clock: clocks.Clock = clocks.SYSTEM,
    ) -> None:
        """`key` signs session tokens; kept over a restart, tokens stay valid."""
        raise NotImplementedError

    def apply(self, listeners: Iterable[Listener]) -> tuple[str, ...]:
        """Serve exactly these taps; called twice = once; from any thread but the loop's own.

        Returns problems in words (a tap whose socket could not be bound).
        """
        raise NotImplementedError

    def close(self) -> None:
        """Close every socket; from any thread but the loop's own."""
        raise NotImplementedError

"""A host's network in memory: which taps there are and where, and what was applied last."""

import threading
from collections.abc import Callable, Sequence

from mallee.model.hosts.hosts import HostWanted, InterfaceWanted
from mallee.model.layout import Layout
from mallee.node.do.network.network import NotWanted, Tap
from mallee.node.plan.network.conversations import Conversation
from mallee.node.plan.network.probes import Seen, Sending
from mallee.node.plan.network.whereabouts import Places


class FakeNetwork:
    """Keeps the laws of `do.network.Network` without a kernel."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._lock = threading.Lock()
        self._taps: dict[str, str] = {}
        self.applied: HostWanted | None = None
        self.plugs = 0
        self.silent: set[str] = set()
        """Interfaces on which nobody answers though they are plugged."""
        self.places: Callable[[], Places] = dict
        self.placed: Places = {}
        """Where guests were when they were led to last."""
        self.spoken: dict[str, tuple[Conversation, ...]] = {}

    def apply(self, wanted: HostWanted) -> tuple[str, ...]:
        self.applied, self.placed = wanted, self.places()
        return ()

    def follow(self) -> None:
        self.placed = self.places()

    def create_tap(self, interface: InterfaceWanted) -> str:
        with self._lock:
            name = self._layout.tap(interface.id)
            self._taps[name] = self._layout.hypervisor_namespace
            return name

    def forget(self, interface: InterfaceWanted) -> None:
        self.spoken.pop(interface.id, None)

    def plug(self, interface: InterfaceWanted) -> None:
        vpcs = self.applied.vpcs if self.applied else ()
        if all(interface.id != one.id for vpc in vpcs for one in vpc.interfaces):
            raise NotWanted(f"{interface.id} was not applied")
        with self._lock:
            name = self._layout.tap(interface.id)
            if name not in self._taps:
                raise OSError(f"there is no tap {name}")
            self._taps[name] = self._layout.vpc_namespace(interface.vpc_id)
            self.plugs += 1

    def unplug(self, interface_id: str) -> None:
        with self._lock:
            self._taps.pop(self._layout.tap(interface_id), None)

    def taps(self) -> tuple[Tap, ...]:
        with self._lock:
            return tuple(Tap(name, where) for name, where in sorted(self._taps.items()))

    def answering(self, interfaces: tuple[InterfaceWanted, ...]) -> frozenset[str]:
        plugged = {tap.name for tap in self.taps()}
        return frozenset(
            one.id
            for one in interfaces
            if self._layout.tap(one.id) in plugged and one.id not in self.silent
        )

    def conversations(self, interface: InterfaceWanted) -> tuple[Conversation, ...]:
        return self.spoken.get(interface.id, ())

    def adopt(self, interface: InterfaceWanted, those: Sequence[Conversation]) -> None:
        self.spoken[interface.id] = tuple(those)

    def probe(self, sending: Sending) -> Seen:
        raise OSError(f"no kernel carries a probe from {sending.tap}")

    def restart_machine(self) -> None:
        """Nothing in the kernel outlives it."""
        with self._lock:
            self._taps.clear()
        self.applied = None

"""Where guests are of which the cloud has not heard yet, as far as this host has a part in it.

The old host leads to the new one from the moment the guest stands, and tells every other host that
leads to the guest, at once when it has given it away and again until the cloud knows; so a guest
that goes is heard everywhere, also while the cloud is away. Who is told believes only the host that
the cloud says has the guest, and only while it is told again. `keeper` decides; what is led where
is `plan.network.whereabouts`'. Used from threads.
"""

import threading
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from mallee.kit import logs
from mallee.model.compute.migrations import GoingWanted
from mallee.model.hosts.hosts import HostWanted, InstanceWanted
from mallee.model.layout import Layout
from mallee.node.do import channel
from mallee.node.do.channel import ChannelFailed, Connection, Hello, Place, Welcome
from mallee.node.migrating import messages
from mallee.node.plan.network.whereabouts import Places

HEARD_S = 60.0
"""So long it is believed what a guest's old host has said."""
TELL_S = 10.0
"""So often it says it again."""
_AT_ONCE = 8

log = logs.get(__name__)


@dataclass(slots=True)
class Whereabouts:
    """What is known of guests that are elsewhere than the cloud says."""

    _own: dict[str, str] = field(default_factory=dict[str, str])
    """Of guests in whose migration this host has a part: the host that they are led to."""
    _heard: dict[str, tuple[str, str, float]] = field(
        default_factory=dict[str, tuple[str, str, float]]
    )
    """Of other hosts' guests: who said it, where they are, and until when that is believed."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def places(self) -> Places:
        """Return by instance where its guest is."""
        now = time.monotonic()
        with self._lock:
            heard = {id: to for id, (_, to, until) in self._heard.items() if until > now}
            return heard | self._own

    def lead(self, instance_id: str, host_id: str) -> None:
        """Have a guest be led to a host, until it is said otherwise."""
        with self._lock:
            self._own[instance_id] = host_id

    def forget(self, instance_id: str) -> None:
        """Have a guest be where the cloud says."""
        with self._lock:
            self._own.pop(instance_id, None)

    def hear(self, instance_id: str, whose: str, to_host_id: str) -> bool:
        """Believe for a while that a guest is where its old host says; tell whether that is new."""
        now = time.monotonic()
        with self._lock:
            _, before, until = self._heard.get(instance_id, ("", "", 0.0))
            self._heard[instance_id] = (whose, to_host_id, now + HEARD_S)
            return before != to_host_id or until <= now

    def keep_only(self, wanted: HostWanted, going: Collection[str]) -> None:
        """Forget what the cloud knows by now."""
        holders = _holders(wanted)
        with self._lock:
            for id in self._own.keys() - going:
                del self._own[id]
            now = time.monotonic()
            for id, (whose, _, until) in list(self._heard.items()):
                if until <= now or holders.get(id) != whose:
                    del self._heard[id]


def _holders(wanted: HostWanted) -> dict[str, str]:
    """Return by instance which other host has it, as the cloud says."""
    return {
        one.instance_id: far.host_id
        for vpc in wanted.vpcs
        for far in vpc.far
        for one in far.interfaces
    }


def serve(known: Whereabouts, wanted: HostWanted | None, said: tuple[Connection, Hello]) -> bool:
    """Hear where a guest is from the host that has it; tell whether that is new.

    Raises `ChannelFailed`.
    """
    connection, hello = said
    if wanted is None or _holders(wanted).get(hello.id) != connection.peer:
        connection.send(Welcome(refusal="that host has no such guest"))
        return False
    connection.send(Welcome())
    to_host_id = connection.receive(messages.Moved).to_host_id
    if to_host_id not in {far.host_id for vpc in wanted.vpcs for far in vpc.far} | _own_id(wanted):
        connection.send(messages.Failed(words="that host is not known here"))
        return False
    is_new = known.hear(hello.id, connection.peer, to_host_id)
    connection.send(messages.Noted())
    return is_new


def _own_id(wanted: HostWanted) -> set[str]:
    return {wanted.own.id} if wanted.own else set()


def tell(layout: Layout, wanted: HostWanted, guest: InstanceWanted) -> None:
    """Tell all who lead to a guest that was given away where it is; who is not reached is told
    again later."""
    going = guest.going
    assert going is not None
    ports = {one.host_id: one.port for one in going.bystanders}
    addresses = {peer.id: peer.address for peer in wanted.peers}
    worn = set(guest.interface_ids)
    leading = {
        far.host_id
        for vpc in wanted.vpcs
        if any(one.id in worn for one in vpc.interfaces)
        for far in vpc.far
    }
    those = [
        Place(id, addresses[id], ports[id])
        for id in sorted(leading - {going.to_host_id})
        if id in ports and id in addresses
    ]
    if those:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for place in those:
                pool.submit(_tell_one, layout, place, (guest.id, going))


def _tell_one(layout: Layout, place: Place, what: tuple[str, GoingWanted]) -> None:
    instance_id, going = what
    hello = Hello(what=messages.MOVED, id=instance_id, move_id=going.migration_id, word="")
    try:
        connection = channel.connect(layout, place, hello)
        try:
            connection.send(messages.Moved(to_host_id=going.to_host_id))
            messages.expect(connection, messages.Noted)
        finally:
            connection.close()
    except ChannelFailed as error:
        log.info("a host not told where a guest is", instance=instance_id, error=str(error))

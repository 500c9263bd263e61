"""Migrations of this host's guests: begun, held to what is written down, told.

Part of the reconciler, which leaves alone whatever is `held` here. One trip for each guest that
goes; what comes is served by `coming`. Lives in the agent's loop; trips have threads of their own.
"""

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from mallee.kit import logs
from mallee.model.compute.instances import InstanceSeen, Phase
from mallee.model.compute.migrations import GoingWanted, MigrationSeen
from mallee.model.hosts.hosts import HostWanted, InstanceWanted
from mallee.node.do.channel import Connection, Handler, Hello, NotYet, Place
from mallee.node.host import Host
from mallee.node.migrating import book, coming, going, messages, sharing, whereabouts
from mallee.node.migrating.going import Trip
from mallee.node.migrating.whereabouts import Whereabouts
from mallee.node.plan.guests.seen import SeenInstance

TRIES_MAX = 3
RETRY_S = 2.0

log = logs.get(__name__)


@dataclass(slots=True)
class _Trip:
    """A guest that goes, and how that is."""

    trip: Trip
    thread: threading.Thread | None = None
    tries: int = 0
    due_at: float = 0.0
    failure: str = ""
    is_given: bool = False
    words: str = ""
    told_at: float = 0.0
    """Monotonic seconds when other hosts were told last that it is given."""
    is_recovered: bool = False
    """Whether it was seen that nothing of an attempt before is left."""


class Migrations:
    """The guests that go from here and come to here."""

    def __init__(
        self, host: Host, wanted: Callable[[], HostWanted | None], changed: Callable[[str], None]
    ) -> None:
        """`changed` is called from any thread with the id of an instance to look at."""
        self._host = host
        self._wanted = wanted
        self._changed = changed
        self._trips: dict[str, _Trip] = {}
        self._whereabouts = Whereabouts()
        self._comings = coming.Comings(host, wanted, changed, self._whereabouts)
        host.network.places = self._whereabouts.places
        self._is_ending = False

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """Who serves other hosts what."""
        names = (
            messages.GUEST,
            messages.DISK,
            messages.MEMORY,
            messages.SHARE,
            messages.LET_GO,
        )
        return {**dict.fromkeys(names, self._comings.serve), messages.MOVED: self._hear}

    def _hear(self, connection: Connection, hello: Hello) -> None:
        if whereabouts.serve(self._whereabouts, self._wanted(), (connection, hello)):
            log.info("guest is elsewhere", instance=hello.id, said=connection.peer)
            self._host.network.follow()

    def want(self, wanted: HostWanted) -> None:
        """Begin with what shall go, and end what shall not."""
        going_ids = {one.id: one for one in wanted.instances if one.going is not None}
        for id in [id for id in self._trips if id not in going_ids]:
            self._trips.pop(id).trip.cancelled.set()
        addresses = {peer.id: peer.address for peer in wanted.peers}
        interfaces = {one.id: one for vpc in wanted.vpcs for one in vpc.interfaces}
        for one in going_ids.values():
            assert one.going is not None
            trip = self._want_one(one, one.going, addresses.get(one.going.to_host_id, ""))
            trip.interfaces = tuple(interfaces[id] for id in one.interface_ids if id in interfaces)
            self._begin(one.id)
        coming_ids = {one.id for one in wanted.instances if one.coming is not None}
        self._whereabouts.keep_only(wanted, going_ids.keys() | coming_ids)
        self._lead_to_given(wanted)
        own_ids = {one.id for one in wanted.instances if one.coming is None}
        self._comings.keep_only(coming_ids, own_ids)

    def _lead_to_given(self, wanted: HostWanted) -> None:
        """Lead to guests that were given, also by an agent before, while the cloud says other."""
        for one in wanted.instances:
            wish = one.going or one.coming
            entry = None
            if wish is not None:
                # Where that cannot be read, nothing else is done with the guest either.
                with contextlib.suppress(OSError):
                    entry = book.read(self._host.layout, one.id)
            if wish is None or entry is None or entry.migration_id != wish.migration_id:
                continue
            if entry.is_given and entry.is_coming is (one.coming is not None) and wanted.own:
                there = one.going.to_host_id if one.going else wanted.own.id
                self._whereabouts.lead(one.id, there)

    def _want_one(self, wanted: InstanceWanted, wish: GoingWanted, address: str) -> Trip:
        known = self._trips.get(wanted.id)
        if known is not None and known.trip.going.migration_id != wish.migration_id:
            known.trip.cancelled.set()
            known = None
        if known is None:
            place = Place(wish.to_host_id, address, wish.port)
            trip = Trip(self._host, wanted, wish, place, whereabouts=self._whereabouts)
            trip.changed = lambda: self._changed(wanted.id)
            trip.given = lambda: self._tell(wanted.id)
            known = self._trips[wanted.id] = _Trip(trip)
        known.trip.place = Place(wish.to_host_id, address, wish.port)
        if wish.is_cancelled:
            known.trip.cancelled.set()
        return known.trip

    def _begin(self, instance_id: str) -> None:
        """Begin a trip, or begin it anew, if it is time."""
        one = self._trips.get(instance_id)
        if one is not None and one.is_given:
            self._tell(instance_id)
        if one is None or one.failure or one.is_given or self._is_ending:
            return
        is_busy = one.thread is not None and one.thread.is_alive()
        is_waiting = not one.trip.place.port and not one.trip.cancelled.is_set()
        is_early = time.monotonic() < one.due_at or (is_waiting and one.is_recovered)
        if is_busy or is_early:
            return
        # What an agent before left half done is put right also while nobody answers there.
        work = self._recover if is_waiting else self._go
        one.is_recovered = True
        one.thread = threading.Thread(target=work, args=(instance_id, one), daemon=True)
        one.thread.start()

    def _tell(self, instance_id: str) -> None:
        """Tell other hosts that a guest is given, if it is time; again and again, until the cloud
        knows."""
        one, wanted = self._trips.get(instance_id), self._wanted()
        guests = wanted.instances if wanted is not None else ()
        guest = next((it for it in guests if it.id == instance_id and it.going), None)
        now = time.monotonic()
        if one is None or wanted is None or guest is None or now < one.told_at:
            return
        one.told_at = now + whereabouts.TELL_S
        what = (self._host.layout, wanted, guest)
        threading.Thread(target=whereabouts.tell, args=what, daemon=True).start()

    def _recover(self, instance_id: str, one: _Trip) -> None:
        try:
            entry = book.read(self._host.layout, instance_id)
            if entry is None or not _is_of(entry, one.trip.going):
                one.trip.recover()
        except going.FAILURES as error:
            one.is_recovered = False
            log.warning("guest not put back", instance=instance_id, error=str(error))
        self._changed(instance_id)

    def _go(self, instance_id: str, one: _Trip) -> None:
        trip = one.trip
        try:
            entry = book.read(self._host.layout, instance_id)
            if entry is not None and _is_of(entry, trip.going):
                one.is_given = True
            elif trip.cancelled.is_set() or one.tries >= TRIES_MAX:
                trip.recover()
                raise going.Cancelled(one.words or "it was cancelled")
            else:
                one.tries += 1
                trip.run()
                one.is_given = True
        except going.FAILURES as error:
            log.warning("guest does not go", instance=instance_id, error=str(error))
            one.words = f"{str(error).rstrip('.')}."
            if isinstance(error, NotYet):
                # An image may take long to come there; who waits no longer cancels it.
                one.tries -= 1
            is_over = trip.cancelled.is_set() or one.tries >= TRIES_MAX
            # While the other host may have its files nobody is told that it stays.
            is_handed = self._is_handed(instance_id)
            if is_over and not is_handed:
                one.failure = one.words
            one.due_at = time.monotonic() + RETRY_S * (1 if is_handed else max(1, one.tries))
        self._changed(instance_id)

    def _is_handed(self, instance_id: str) -> bool:
        try:
            return sharing.is_handed(self._host, instance_id)
        except OSError as error:
            log.warning("whose a guest is cannot be read", instance=instance_id, error=str(error))
            return True

    def is_held(self, wanted: InstanceWanted, seen: SeenInstance) -> bool:
        """Tell whether the reconciler must leave an instance alone: its guest is another host's, or
        on its way. Raises `OSError`."""
        if wanted.coming is not None:
            entry = book.read(self._host.layout, wanted.id)
            return entry is None or not (
                entry.is_given
                and entry.is_coming
                and entry.migration_id == wanted.coming.migration_id
            )
        if wanted.going is None:
            return False
        self._begin(wanted.id)
        entry = book.read(self._host.layout, wanted.id)
        is_given = entry is not None and _is_of(entry, wanted.going)
        if entry is not None and entry.is_handed:
            return True
        one = self._trips.get(wanted.id)
        if is_given or one is None or one.failure:
            return is_given
        # While a trip is on, also a guest that has died may have been given away.
        is_busy = one.thread is not None and one.thread.is_alive()
        return is_busy or one.is_given or seen.is_active

    def is_elsewhere(self, instance_id: str) -> bool:
        """Tell whether what is here of an instance that is wanted no more is another host's.

        Raises `OSError`.
        """
        entry = book.read(self._host.layout, instance_id)
        return entry is not None and (entry.is_given is not entry.is_coming)

    def over(self, instance_id: str) -> None:
        """Forget an instance of which nothing is left."""
        self._comings.forget(instance_id)
        book.forget(self._host.layout, instance_id)

    def report(self, wanted: InstanceWanted, before: InstanceSeen | None) -> InstanceSeen:
        """Return what is seen of an instance that is held."""
        if before is not None and wanted.going is not None:
            return before
        return InstanceSeen(launch=wanted.launch, phase=Phase.PREPARING)

    def joined(self, instance_id: str, seen: InstanceSeen) -> InstanceSeen:
        """Return what is seen of an instance with how its migration is."""
        return msgspec.structs.replace(seen, migration=self._told(instance_id))

    def _told(self, instance_id: str) -> MigrationSeen | None:
        one = self._trips.get(instance_id)
        if one is not None:
            step = one.trip.step if not one.words else f"{one.trip.step}; before: {one.words}"
            return MigrationSeen(
                migration_id=one.trip.going.migration_id,
                step=step,
                # In steps: each is a report.
                done_bytes=one.trip.done_bytes >> 24 << 24,
                total_bytes=one.trip.total_bytes,
                digest=hashlib.sha256(one.trip.proof.encode()).hexdigest(),
                is_given=one.is_given,
                failure=one.failure,
            )
        entry = book.read(self._host.layout, instance_id)
        if entry is None or not (entry.is_coming and entry.is_given):
            return None
        return MigrationSeen(migration_id=entry.migration_id, proof=entry.proof)

    def stop(self) -> None:
        """End all trips: guests that were not given run on here."""
        self._is_ending = True
        for one in self._trips.values():
            one.trip.cancelled.set()
        for one in self._trips.values():
            if one.thread is not None:
                one.thread.join(5.0)


def _is_of(entry: book.Entry, wish: GoingWanted) -> bool:
    return entry.is_given and not entry.is_coming and entry.migration_id == wish.migration_id

"""Guests of a simulation that go from machine to machine while they run.

It stands for `node.migrating`: the old host prepares, has the guest stand, brings the whole machine
to the new one, writes down that it has given it away, and says so; the new one lets it run then. An
agent that begins goes by what is on its disk alone. What is lost on the way is lost.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from mallee.model.compute.instances import Phase, Power
from mallee.model.compute.migrations import GoingWanted, MigrationSeen
from mallee.model.hosts.hosts import HostWanted, InstanceWanted
from tests.simulation.disks import Come, Disk, Guest

_STEPS = 3
"""So many pieces of work lie before the guest stands."""


@dataclass(slots=True)
class _Trip:
    migration_id: str
    proof: str
    step: int = 0
    failure: str = ""


class Peer(Protocol):
    """Another machine that is reached now."""

    def take_in(self, instance_id: str, machine: Come) -> bool:
        """Take a whole machine in, if its guest is expected."""
        ...

    def let_run(self, instance_id: str, migration_id: str) -> None:
        """Hear that the guest is its own."""
        ...


class Luck(Protocol):
    """The machine, as far as trips feel it."""

    fails: float

    def chance(self, part: float) -> bool:
        """Tell whether something happens."""
        ...

    def reach(self, host_id: str) -> Peer | None:
        """Return another machine; None: it is not reached now."""
        ...

    def write(self, volume_id: str) -> None:
        """A guest writes a volume from now on."""
        ...

    def make_proof(self) -> str:
        """Return random digits."""
        ...

    def on_change(self) -> None:
        """What is on the machine has changed."""
        ...


class Trips:
    """As `node.migrating.keeper`, of one agent."""

    def __init__(self, disk: Disk, luck: Luck) -> None:
        self._disk = disk
        self._book = disk.book
        self._luck = luck
        self._trips: dict[str, _Trip] = {}

    def told(self, wanted: InstanceWanted) -> MigrationSeen | None:
        """Return what is said of an instance's migration."""
        if wanted.coming is not None:
            taken = self._book.taken.get(wanted.id)
            is_its = taken is not None and taken.migration_id == wanted.coming.migration_id
            return taken if is_its else None
        if wanted.going is None:
            return None
        if self._is_given(wanted.id, wanted.going):
            return self._book.given[wanted.id]
        trip = self._trips.get(wanted.id)
        return None if trip is None else _said(trip, is_given=False)

    def hold(self, wanted: InstanceWanted, host: HostWanted) -> bool | None:
        """Take a step for a guest on its way; tell whether there was one. None: it is left to
        others."""
        guest = self._disk.guests.get(wanted.id)
        if wanted.coming is not None:
            taken = self._book.taken.get(wanted.id)
            is_its = taken is not None and taken.migration_id == wanted.coming.migration_id
            return None if is_its else False
        if wanted.id in self._book.come:
            return self._adopt(wanted, host)
        if wanted.going is not None:
            return self._go(wanted, wanted.going, guest)
        self._trips.pop(wanted.id, None)
        return self._put_back(guest)

    def forget(self, wanted: Mapping[str, InstanceWanted]) -> None:
        """Throw away what is left of guests that are none of this host's."""
        for those in (self._book.given, self._book.come, self._book.taken):
            for id in [id for id in those if id not in wanted]:
                del those[id]

    # The old host's part

    def _is_given(self, id: str, going: GoingWanted) -> bool:
        given = self._book.given.get(id)
        return given is not None and given.migration_id == going.migration_id

    def _go(self, wanted: InstanceWanted, going: GoingWanted, guest: Guest | None) -> bool | None:
        if self._is_given(wanted.id, going):
            return False
        trip = self._trips.get(wanted.id)
        if trip is None or trip.migration_id != going.migration_id:
            self._put_back(guest)
            self._trips[wanted.id] = _Trip(going.migration_id, self._luck.make_proof())
            return True
        if trip.failure:
            return None
        is_there = guest is not None and (guest.is_on or guest.stands)
        is_unlucky = self._luck.chance(self._luck.fails / 3)
        # The new host refuses what has other disks than it is to have.
        wrong = guest is None or guest.open != frozenset(it.volume_id for it in wanted.disks)
        if going.is_cancelled or guest is None or not is_there or wrong or is_unlucky:
            trip.failure = "It was given up."
            self._put_back(guest)
            return True
        peer = self._luck.reach(going.to_host_id) if going.port else None
        if peer is None:
            return False
        trip.step += 1
        if trip.step == _STEPS:
            self._bring(wanted.id, trip, guest, peer)
        elif trip.step > _STEPS:
            self._give(wanted.id, trip, guest, peer)
        return True

    def _bring(self, id: str, trip: _Trip, guest: Guest, peer: Peer) -> None:
        guest.is_on, guest.stands = False, True
        volumes = {one: self._disk.volumes[one].copy() for one in guest.open}
        if not peer.take_in(id, Come(trip.migration_id, trip.proof, guest.copy(), volumes)):
            trip.failure = "Nobody expects it there."
            self._put_back(guest)

    def _give(self, id: str, trip: _Trip, guest: Guest, peer: Peer) -> None:
        self._book.given[id] = _said(trip, is_given=True)
        guest.open = frozenset()
        peer.let_run(id, trip.migration_id)

    def _put_back(self, guest: Guest | None) -> bool | None:
        """Have a guest go on that stands here, and was not given away."""
        if guest is None or not guest.stands:
            return None
        guest.is_on, guest.stands = True, False
        self._luck.on_change()
        return True

    # The new host's part

    def take_in(self, id: str, machine: Come, host: HostWanted | None) -> bool:
        """Take a whole machine in, if its guest is expected."""
        for one in host.instances if host else ():
            expected = None if one.coming is None else one.coming.migration_id
            if one.id == id and expected == machine.migration_id:
                self._book.come[id] = machine
                return True
        return False

    def let_run(self, id: str, migration_id: str) -> None:
        """Let a guest run that was given to this host."""
        machine = self._book.come.get(id)
        if machine is None or machine.migration_id != migration_id:
            return
        del self._book.come[id]
        self._book.taken[id] = MigrationSeen(migration_id=migration_id, proof=machine.proof)
        guest = machine.guest
        guest.is_on, guest.stands = True, False
        self._disk.guests[id] = guest
        self._disk.volumes.update(machine.volumes)
        for volume in sorted(guest.open):
            self._luck.write(volume)
        self._luck.on_change()

    def _adopt(self, wanted: InstanceWanted, host: HostWanted) -> bool | None:
        """Take what has come for one's own: the cloud has heard that it was given."""
        machine = self._book.come[wanted.id]
        moved = {one.moved_as for one in host.volumes if one.id in machine.volumes}
        is_its = moved == {machine.migration_id.replace("mig", "move")}
        if is_its and wanted.launch == machine.guest.launch and wanted.power is Power.RUNNING:
            self.let_run(wanted.id, machine.migration_id)
            return True
        if is_its:
            self._disk.volumes.update(machine.volumes)
        del self._book.come[wanted.id]
        return True


def _said(trip: _Trip, *, is_given: bool) -> MigrationSeen:
    return MigrationSeen(
        migration_id=trip.migration_id,
        digest=hashlib.sha256(trip.proof.encode()).hexdigest(),
        is_given=is_given,
        failure=trip.failure,
    )


def phase_of(guest: Guest) -> Phase:
    """Return how a guest is: one that stands for a moment runs."""
    if guest.phase is Phase.RUNNING and not (guest.is_on or guest.stands):
        return Phase.RECOVERING
    return guest.phase

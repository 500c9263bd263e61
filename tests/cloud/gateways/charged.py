"""A cloud of which hosts lead guests to the world: a store, and no host."""

from msgspec.structs import replace

from mallee.cloud.gateways import leases
from mallee.cloud.reconcile import gateways
from mallee.cloud.state import records, store
from mallee.cloud.state.records import HostSeen
from mallee.model.hosts.hosts import Host
from mallee.model.hosts.standing import Standing
from mallee.model.network.gateways import WORLD, Charge, LeaseAsked, WaySeen, WayState
from tests.cloud.agent import FACTS
from tests.handclock import HandClock

HOSTS = ("host-1", "host-2", "host-3")


class Cloud:
    """A store with hosts, in which decisions fall when they are asked for."""

    def __init__(self, opened: store.Store, time: HandClock) -> None:
        self.store = opened
        self.time = time
        self.fronts: set[str] = set()

    def join(self, *ids: str) -> None:
        """Let hosts join, and be heard."""
        for number, id in enumerate(ids):
            host = Host(
                id=id,
                name=id,
                zone="us-east-1a",
                certificate_serial="1",
                joined_at=number,
                address=f"198.51.100.{number + 1}",
            )
            self.store.transact(lambda tx, id=id, host=host: tx.insert(records.HOST, "", id, host))
            self.hear(id)

    def hear(self, id: str, way: WayState = WayState.OPEN, *, is_silent: bool = False) -> None:
        """Let a host be heard, or silent; those of `fronts` have a front end beside them."""
        seen = WaySeen(way, "eth1 has no carrier." if way is WayState.DEAD else "")
        facts = replace(FACTS, channel_port=int(id[-1]), way=seen, with_cloud=id in self.fronts)

        def observe(tx: store.Tx) -> None:
            host = tx.get(records.HOST, id)
            assert host is not None
            tx.observe(host, HostSeen(facts=facts, is_silent=is_silent))

        self.store.transact(observe)

    def stand(self, id: str, standing: Standing) -> None:
        """Let an administrator say how far a host takes part."""

        def write(tx: store.Tx) -> None:
            host = tx.get(records.HOST, id)
            assert host is not None
            tx.write(host, replace(host.doc, standing=standing))

        self.store.transact(write)

    def decide(self) -> Charge:
        """Decide, and return what was decided."""
        self.store.transact(gateways.decide)
        return self.charge()

    def charge(self) -> Charge:
        """Return who is in charge."""
        record = self.store.view.get(records.GATEWAY, WORLD)
        assert record is not None
        return record.doc

    def ask(self, id: str, *, term: int | None = None, holds: bool = True, taken: int = 0) -> bool:
        """Ask for a lease as a host, at the newest term."""
        asked = LeaseAsked(self.charge().term if term is None else term, holds, taken)
        return self.store.transact(lambda tx: leases.ask(tx, id, "", asked))

    def settle(self) -> Charge:
        """Decide, and let the host in charge take its term, until nothing is new."""
        for _ in range(10):
            charge = self.decide()
            if self.ask(charge.host_id):
                self.ask(charge.host_id, taken=charge.term)
        return self.charge()

"""Who is in charge of the world: chosen once, another one for a cause only, never two."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.cloud.gateways import charge, leases
from mallee.cloud.hosts import standings
from mallee.cloud.reconcile import gateways
from mallee.cloud.state import records, store
from mallee.cloud.state.records import HostSeen
from mallee.model.hosts.hosts import Host
from mallee.model.hosts.standing import Judged, Role, Standing, State
from mallee.model.network.gateways import (
    STAYS_S,
    WORLD,
    Charge,
    LeaseAsked,
    WaySeen,
    WayState,
)
from tests.cloud import clouds
from tests.cloud.agent import FACTS

HOSTS = ("host-1", "host-2", "host-3")


class Cloud:
    """A store with hosts, in which decisions fall when they are asked for."""

    def __init__(self, opened: store.Store, time: clouds.HandClock) -> None:
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


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    time = clouds.HandClock()
    for opened in clouds.open_store(tmp_path, time):
        yield Cloud(opened, time)


def test_the_first_that_joined_is_in_charge_and_the_next_is_its_standby(cloud: Cloud) -> None:
    cloud.join(*HOSTS)
    settled = cloud.settle()
    assert (settled.host_id, settled.standby_id, settled.standby_port) == ("host-1", "host-2", 2)


def test_host_alone_has_no_standby_and_nobody_takes_over_from_it(cloud: Cloud) -> None:
    cloud.join("host-1")
    assert not cloud.settle().standby_id
    cloud.hear("host-1", is_silent=True)
    cloud.join("host-2")
    assert cloud.settle().host_id == "host-1"


def test_standby_takes_over_from_one_that_is_silent(cloud: Cloud) -> None:
    cloud.join(*HOSTS)
    before = cloud.settle()
    cloud.hear("host-1", is_silent=True)
    assert not cloud.ask("host-1")
    after = cloud.decide()
    assert (after.host_id, after.term) == ("host-2", before.term + 1)
    assert "host-1" in after.why
    assert cloud.ask("host-2")
    assert not cloud.ask("host-1", term=before.term)


def test_who_comes_back_does_not_take_back(cloud: Cloud) -> None:
    cloud.join("host-1", "host-2")
    cloud.settle()
    cloud.hear("host-1", is_silent=True)
    assert cloud.settle().host_id == "host-2"
    cloud.hear("host-1")
    settled = cloud.settle()
    assert (settled.host_id, settled.standby_id) == ("host-2", "host-1")


def test_only_the_standby_that_is_known_takes_over(cloud: Cloud) -> None:
    """The one in charge may have had the promise of the standby that it knows."""
    cloud.join("host-1", "host-2", "host-3")
    cloud.settle()
    cloud.hear("host-2", is_silent=True)
    # The host in charge has not taken the term in which host-3 is its standby.
    assert cloud.decide().standby_id == "host-3"
    cloud.hear("host-1", is_silent=True)
    assert cloud.decide().host_id == "host-1"
    cloud.hear("host-2")
    assert cloud.decide().host_id == "host-2"


def test_lease_whose_answer_was_lost_binds_to_both_standbys(cloud: Cloud) -> None:
    """The host in charge goes by the term before, or by this one: nobody knows."""
    cloud.join(*HOSTS)
    cloud.settle()
    cloud.hear("host-2", is_silent=True)
    assert cloud.decide().standby_id == "host-3"
    assert cloud.ask("host-1")
    cloud.hear("host-1", is_silent=True)
    cloud.hear("host-2")
    assert cloud.decide().host_id == "host-1"


def test_first_lease_binds_though_its_answer_was_lost(cloud: Cloud) -> None:
    cloud.join("host-1")
    cloud.decide()
    assert cloud.ask("host-1")
    cloud.join("host-4")
    cloud.hear("host-1", is_silent=True)
    assert cloud.decide().host_id == "host-1"


def test_standby_that_is_silent_is_replaced_and_then_takes_over_no_more(cloud: Cloud) -> None:
    cloud.join(*HOSTS)
    cloud.settle()
    cloud.hear("host-2", is_silent=True)
    assert cloud.settle().standby_id == "host-3"
    cloud.hear("host-2")
    cloud.hear("host-1", is_silent=True)
    assert cloud.decide().host_id == "host-3"


def test_next_one_waits_until_the_one_in_maintenance_has_ended(cloud: Cloud) -> None:
    cloud.join("host-1", "host-2")
    cloud.settle()
    cloud.stand("host-1", Standing.MAINTENANCE)
    after = cloud.decide()
    assert (after.host_id, after.former_id) == ("host-2", "host-1")
    assert not cloud.ask("host-2")
    assert not cloud.ask("host-1", holds=True)
    assert not cloud.ask("host-2")
    assert not cloud.ask("host-1", holds=False)
    assert cloud.ask("host-2")


def test_silent_host_is_not_replaced_by_another_than_its_standby_unless_it_is_retired(
    cloud: Cloud,
) -> None:
    cloud.join("host-1")
    cloud.settle()
    cloud.hear("host-1", is_silent=True)
    cloud.join("host-2")
    cloud.stand("host-1", Standing.MAINTENANCE)
    assert cloud.settle().host_id == "host-1"
    cloud.stand("host-1", Standing.RETIRED)
    assert cloud.settle().host_id == "host-2"


def test_next_one_does_not_wait_for_ever_for_the_one_before(cloud: Cloud) -> None:
    cloud.join("host-1", "host-2")
    cloud.settle()
    cloud.stand("host-1", Standing.RETIRED)
    assert cloud.decide().host_id == "host-2"
    assert not cloud.ask("host-2")
    cloud.time.time = cloud.charge().free_at
    assert cloud.ask("host-2")


@pytest.mark.parametrize("ends", ["silent", "relieved"])
def test_who_takes_over_from_one_that_still_waits_waits_for_the_same(
    ends: str, cloud: Cloud
) -> None:
    cloud.join(*HOSTS)
    cloud.settle()
    cloud.stand("host-1", Standing.MAINTENANCE)
    waits = cloud.decide()
    assert (waits.host_id, waits.former_id) == ("host-2", "host-1")
    if ends == "silent":
        cloud.hear("host-2", is_silent=True)
        cloud.stand("host-2", Standing.RETIRED)
    else:
        cloud.stand("host-2", Standing.MAINTENANCE)
    after = cloud.decide()
    assert (after.host_id, after.former_id, after.free_at) == ("host-3", "host-1", waits.free_at)
    cloud.ask("host-2", holds=False)
    assert not cloud.ask("host-3")
    assert not cloud.ask("host-1", holds=False)
    assert cloud.ask("host-3")


def test_who_is_in_charge_again_gets_no_lease_before_it_knows_that(cloud: Cloud) -> None:
    """By a former term it would hold as that had it: without a standby, for ever."""
    cloud.join("host-1", "host-2")
    before = cloud.settle()
    for goes, comes in (("host-1", "host-2"), ("host-2", "host-1")):
        cloud.stand(goes, Standing.MAINTENANCE)
        cloud.stand(comes, Standing.ENABLED)
        assert cloud.decide().host_id == comes
        cloud.time.time = max(cloud.time.time, cloud.charge().free_at)
    assert not cloud.ask("host-1", term=before.term)
    assert cloud.ask("host-1")


def test_older_word_of_having_ended_is_not_taken(cloud: Cloud) -> None:
    """It was said before the host was in charge: since then it may have begun."""
    cloud.join("host-1", "host-2")
    cloud.settle()
    cloud.stand("host-1", Standing.MAINTENANCE)
    after = cloud.decide()
    cloud.ask("host-1", term=after.term - 1, holds=False)
    assert cloud.charge().former_id == "host-1"


def test_host_that_another_front_end_hears_gets_no_lease(cloud: Cloud) -> None:
    cloud.join("host-1", "host-2")
    cloud.settle()
    asked = LeaseAsked(cloud.charge().term, holds=True)
    assert not cloud.store.transact(lambda tx: leases.ask(tx, "host-1", "fe-2", asked))


def test_lease_that_is_given_again_writes_nothing(cloud: Cloud) -> None:
    cloud.join("host-1", "host-2")
    cloud.settle()
    before = cloud.store.view.rev
    assert cloud.ask("host-1")
    assert cloud.store.view.rev == before


def test_only_hosts_with_the_role_and_an_address_are_chosen(cloud: Cloud) -> None:
    cloud.join(*HOSTS)

    def write(tx: store.Tx) -> None:
        for id, host in ((one.id, one) for one in tx.list(records.HOST)):
            if id == "host-1":
                tx.write(host, replace(host.doc, roles=(Role.COMPUTE,)))
            if id == "host-2":
                tx.write(host, replace(host.doc, address=""))

    cloud.store.transact(write)
    settled = cloud.settle()
    assert (settled.host_id, settled.standby_id) == ("host-3", "")


@pytest.fixture
def old(cloud: Cloud) -> Cloud:
    """A cloud of three whose host in charge has been that for long."""
    cloud.join(*HOSTS)
    cloud.settle()
    cloud.time.time += STAYS_S
    return cloud


def test_standby_whose_way_is_open_relieves_one_whose_way_is_dead(old: Cloud) -> None:
    old.hear("host-1", WayState.DEAD)
    after = old.decide()
    assert (after.host_id, after.former_id) == ("host-2", "host-1")
    assert "whose way to the world was dead" in after.why
    # Two never lead: the one before ends first.
    assert not old.ask("host-2")
    assert not old.ask("host-1", holds=False)
    assert old.ask("host-2")
    # Who has a way again does not take back.
    old.hear("host-1")
    assert old.settle().host_id == "host-2"


@pytest.mark.parametrize("way", [WayState.UNKNOWN, WayState.DEAD])
def test_nobody_relieves_who_is_no_better(old: Cloud, way: WayState) -> None:
    for id in ("host-2", "host-3"):
        old.hear(id, way)
    old.hear("host-1", WayState.DEAD)
    assert old.settle().host_id == "host-1"


def test_way_that_nobody_can_tell_of_takes_the_charge_from_nobody(old: Cloud) -> None:
    old.hear("host-1", WayState.UNKNOWN)
    assert old.settle().host_id == "host-1"


def test_another_standby_is_chosen_that_can_relieve_and_is_known_first(old: Cloud) -> None:
    old.hear("host-2", WayState.UNKNOWN)
    old.hear("host-1", WayState.DEAD)
    between = old.decide()
    assert (between.host_id, between.standby_id, between.is_known) == ("host-1", "host-3", False)
    assert old.decide().host_id == "host-1"
    assert old.ask("host-1", taken=between.term)
    assert old.decide().host_id == "host-3"


def test_charge_is_not_passed_to_and_fro(old: Cloud) -> None:
    old.hear("host-3", WayState.DEAD)
    old.hear("host-1", WayState.DEAD)
    assert old.settle().host_id == "host-2"
    old.hear("host-1")
    old.hear("host-2", WayState.DEAD)
    assert old.settle().host_id == "host-2"
    old.time.time += STAYS_S
    assert old.settle().host_id == "host-1"


def test_standby_with_a_dead_way_does_not_take_over_from_one_that_is_silent(old: Cloud) -> None:
    """The one in charge may lead by its promise, and it could lead nobody."""
    old.hear("host-2", WayState.DEAD)
    old.hear("host-1", is_silent=True)
    assert old.decide().host_id == "host-1"
    old.hear("host-2", WayState.UNKNOWN)
    assert old.decide().host_id == "host-2"


def test_standby_with_a_dead_way_is_replaced(old: Cloud) -> None:
    old.hear("host-2", WayState.DEAD)
    assert old.settle().standby_id == "host-3"
    old.hear("host-2")
    assert old.settle().standby_id == "host-3"


def test_administrators_are_told_of_a_dead_way_of_those_that_may_lead(old: Cloud) -> None:
    old.hear("host-2", WayState.DEAD)
    host = old.store.view.get(records.HOST, "host-2")
    assert host is not None
    assert standings.judged(host) == Judged(State.BROKEN, ("eth1 has no carrier.",))
    other = replace(host, doc=replace(host.doc, roles=(Role.COMPUTE,)))
    assert standings.judged(other).state is State.ENABLED


def test_machine_of_the_only_front_end_is_nobodys_standby(cloud: Cloud) -> None:
    """With it the cloud would be lost too, and nobody could promise to go on by."""
    cloud.fronts = {"host-2"}
    cloud.join(*HOSTS)
    assert cloud.settle().standby_id == "host-3"
    cloud.hear("host-3", is_silent=True)
    settled = cloud.settle()
    assert (settled.host_id, settled.standby_id) == ("host-1", "")


def test_front_end_that_is_not_the_only_one_can_be_standby(cloud: Cloud) -> None:
    cloud.fronts = {"host-2", "host-3"}
    cloud.join(*HOSTS)
    assert cloud.settle().standby_id == "host-2"


def test_machine_of_the_front_end_relieves_one_whose_way_is_dead(cloud: Cloud) -> None:
    cloud.fronts = {"host-2"}
    cloud.join("host-1", "host-2")
    cloud.settle()
    cloud.time.time += STAYS_S
    cloud.hear("host-1", WayState.DEAD)
    assert cloud.settle().host_id == "host-2"


def test_host_without_a_standby_is_replaced_when_its_administrator_says_that_it_is_off(
    cloud: Cloud,
) -> None:
    cloud.fronts = {"host-2"}
    cloud.join("host-1", "host-2")
    before = cloud.settle()
    cloud.hear("host-1", is_silent=True)
    assert cloud.settle() == before
    hosts = cloud.store.view.list(records.HOST)
    after = charge.declared_off(before, hosts, cloud.time.time)
    assert after is not None
    assert (after.host_id, after.former_id, after.term) == ("host-2", "host-1", before.term + 1)
    assert "as its administrator says" in after.why
    cloud.hear("host-2", is_silent=True)
    assert charge.declared_off(before, cloud.store.view.list(records.HOST), 0.0) is None

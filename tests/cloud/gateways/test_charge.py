"""Who is in charge of the world: chosen once, another one for a cause only, never two."""

from msgspec.structs import replace

from mallee.cloud.gateways import charge
from mallee.cloud.state import records, store
from mallee.model.hosts.standing import Role
from mallee.model.network.gateways import STAYS_S, Charge, WayState
from tests.cloud.gateways.charged import HOSTS, Cloud


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


def test_nobody_is_forsaken_who_is_heard_or_whose_standby_is(cloud: Cloud) -> None:
    def is_forsaken(now: Charge) -> bool:
        return charge.is_forsaken(now, cloud.store.view.list(records.HOST))

    cloud.join("host-1", "host-2")
    before = cloud.settle()
    assert not is_forsaken(before)
    cloud.hear("host-1", is_silent=True)
    assert not is_forsaken(before)
    cloud.hear("host-2", WayState.DEAD)
    assert is_forsaken(before)
    cloud.hear("host-2", is_silent=True)
    assert is_forsaken(before)


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
    assert charge.is_forsaken(before, hosts)
    after = charge.declared_off(before, hosts, cloud.time.time)
    assert after is not None
    assert (after.host_id, after.former_id, after.term) == ("host-2", "host-1", before.term + 1)
    assert "as its administrator says" in after.why
    cloud.hear("host-2", is_silent=True)
    assert charge.declared_off(before, cloud.store.view.list(records.HOST), 0.0) is None

"""Leases of the charge: who has none yet waits for who may still lead, and for nobody else."""

import pytest

from mallee.cloud.gateways import leases
from mallee.model.hosts.standing import Standing
from mallee.model.network.gateways import LeaseAsked
from tests.cloud.gateways.charged import HOSTS, Cloud


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


def test_nobody_but_its_standby_follows_one_that_may_go_on_by_its_promise(cloud: Cloud) -> None:
    """It has not said that it has ended, and who promises may not know better: neither is heard."""
    cloud.join(*HOSTS)
    cloud.settle()
    cloud.stand("host-1", Standing.MAINTENANCE)
    assert cloud.decide().host_id == "host-2"
    for host in ("host-1", "host-2"):
        cloud.hear(host, is_silent=True)
    assert cloud.decide().host_id == "host-3"
    cloud.time.time = cloud.charge().free_at + 1000
    assert not cloud.ask("host-3")
    # A promise that it has just made may last for a while.
    assert not cloud.ask("host-2", holds=False)
    assert not cloud.ask("host-3")
    cloud.time.time = cloud.charge().free_at
    assert cloud.ask("host-3")


def test_who_promised_and_is_retired_is_not_awaited(cloud: Cloud) -> None:
    cloud.join(*HOSTS)
    cloud.settle()
    cloud.stand("host-1", Standing.MAINTENANCE)
    cloud.decide()
    for host in ("host-1", "host-2"):
        cloud.hear(host, is_silent=True)
    assert cloud.decide().host_id == "host-3"
    cloud.time.time = cloud.charge().free_at + 1000
    cloud.stand("host-2", Standing.RETIRED)
    assert not cloud.ask("host-3")
    cloud.time.time = cloud.charge().free_at
    assert cloud.ask("host-3")


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

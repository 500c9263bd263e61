"""What is told of the way to the world besides rules: nothing while it is in order."""

from mallee.cloud.gateways import obstacles
from mallee.model.network.gateways import STAYS_S, WayState
from tests.cloud.gateways.charged import HOSTS, Cloud

ONE, TWO, THREE = HOSTS


def told(cloud: Cloud, *, has_world: bool = True, is_administrator: bool = True) -> str:
    view = cloud.store.view
    found = obstacles.of_world(view, has_world=has_world, is_administrator=is_administrator)
    return "; ".join(found)


def test_nothing_is_told_of_a_way_in_order_nor_before_anybody_is_in_charge(cloud: Cloud) -> None:
    assert not told(cloud)
    cloud.join(ONE)
    assert not told(cloud)
    cloud.settle()
    assert not told(cloud)
    cloud.hear(ONE, WayState.UNKNOWN)
    assert not told(cloud)


def test_a_cloud_without_a_way_to_the_world_says_so(cloud: Cloud) -> None:
    assert "network.egress = false" in told(cloud, has_world=False)


def test_a_silent_host_in_charge_is_named_to_administrators_alone(old: Cloud) -> None:
    old.hear(ONE, is_silent=True)
    assert f"is not heard, and may lead nobody: {ONE}" in told(old)
    others = told(old, is_administrator=False)
    assert "is not heard" in others
    assert ONE not in others
    # Nobody could take over from the last one either.
    old.hear(TWO, is_silent=True)
    old.hear(THREE, is_silent=True)
    assert "is not heard" in told(old)
    old.hear(ONE)
    assert not told(old)


def test_a_dead_way_is_told_with_what_ails_it_until_another_host_leads(old: Cloud) -> None:
    old.hear(ONE, WayState.DEAD)
    assert f"{ONE}: eth1 has no carrier." in told(old)
    assert "eth1" not in told(old, is_administrator=False)
    while old.settle().host_id == ONE:
        old.time.time += STAYS_S
    old.ask(ONE, holds=False)
    assert old.settle().host_id != ONE
    assert not told(old)


def test_who_only_waits_to_lead_is_told(old: Cloud) -> None:
    old.hear(ONE, WayState.DEAD)
    while old.decide().host_id == ONE:
        old.ask(ONE, taken=old.charge().term)
    assert "is about to lead" in told(old)
    assert old.charge().host_id in told(old)

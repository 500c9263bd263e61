"""Which conversations with the world are over: those that are translated in another way by now."""

import pytest
from msgspec.structs import replace

from mallee.model.hosts.hosts import VpcWanted
from mallee.model.network.carried import Way
from mallee.node.plan.network import bygone
from mallee.node.plan.network.bygone import Ends
from tests.node import shapes

TABLE, PEER = "rtb-00000000000000001", "pcx-00000000000000001"
NET = shapes.subnet(1, table=TABLE)
PUBLIC, FORMER, WORLD = "203.0.113.10", "203.0.113.11", "198.51.100.9"
SEEN = shapes.interface(10, inside=NET, public_ip=PUBLIC)
UNSEEN = shapes.interface(11, inside=NET)
OWN = SEEN.private_ip
TABLES = (
    shapes.table(TABLE, ("0.0.0.0/0", Way.INTERNET, "igw-1"), ("10.9.0.0/16", Way.PEERING, PEER)),
)
VPC = shapes.vpc(0, (NET,), (SEEN, UNSEEN), route_tables=TABLES)


def is_bygone(there: tuple[str, str], back: tuple[str, str], vpc: VpcWanted = VPC) -> bool:
    return bygone.is_bygone(Ends(*there, *back), bygone.world(vpc, None))


def test_what_is_translated_as_it_shall_be_goes_on() -> None:
    assert not is_bygone((OWN, WORLD), (WORLD, PUBLIC))
    assert not is_bygone((WORLD, PUBLIC), (OWN, WORLD))


def test_what_is_translated_in_another_way_is_over() -> None:
    assert is_bygone((OWN, WORLD), (WORLD, FORMER))
    assert is_bygone((WORLD, FORMER), (OWN, WORLD))


@pytest.mark.parametrize("changes", [{"gateway_host_id": "h"}, {"has_internet_gateway": False}])
def test_who_does_not_lead_to_the_world_translates_nothing(changes: dict[str, object]) -> None:
    other = replace(VPC, **changes)
    assert is_bygone((OWN, WORLD), (WORLD, PUBLIC), other)
    assert is_bygone((WORLD, PUBLIC), (OWN, WORLD), other)
    assert not is_bygone((OWN, WORLD), (WORLD, OWN), other)


def test_who_leads_leaves_nobody_who_is_seen_untranslated() -> None:
    assert is_bygone((OWN, WORLD), (WORLD, OWN))
    assert is_bygone((WORLD, OWN), (OWN, WORLD))
    unseen = UNSEEN.private_ip
    assert not is_bygone((unseen, WORLD), (WORLD, unseen))


def test_what_passes_an_appliance_on_its_way_in_is_untranslated_there() -> None:
    led = replace(VPC, gateway_table_id=TABLE)
    assert not is_bygone((WORLD, OWN), (OWN, WORLD), led)
    assert is_bygone((OWN, WORLD), (WORLD, OWN), led)


@pytest.mark.parametrize(
    "other", [UNSEEN.private_ip, "10.9.0.7", "169.254.169.254", "224.0.0.1", "255.255.255.255"]
)
def test_what_is_not_for_the_world_goes_on(other: str) -> None:
    assert not is_bygone((OWN, other), (other, OWN))


def test_a_service_of_the_host_answers_for_others() -> None:
    assert not is_bygone((OWN, "52.0.0.1"), ("169.254.169.254", OWN))


def test_only_who_was_translated_in_another_way_is_looked_at() -> None:
    now = bygone.world(VPC, None)
    assert bygone.touched(None, now) is None
    assert bygone.touched(now, now) == frozenset()
    moved = replace(VPC, interfaces=(replace(SEEN, public_ip=FORMER), UNSEEN))
    assert bygone.touched(now, bygone.world(moved, None)) == {PUBLIC, FORMER, OWN}
    elsewhere = (TABLES[0].routes[1],)
    led = replace(VPC, route_tables=(replace(TABLES[0], routes=elsewhere),))
    assert bygone.touched(now, bygone.world(led, None)) == {OWN}
    assert bygone.touched(now, bygone.world(replace(VPC, gateway_table_id=TABLE), None)) is None


def going_on(
    there: tuple[str, str], back: tuple[str, str], vpc: VpcWanted = VPC
) -> tuple[str, str] | None:
    return bygone.going_on(Ends(*there, *back), bygone.world(vpc, None))


def test_what_the_world_began_goes_on_where_it_is_translated_by_now() -> None:
    assert going_on((WORLD, OWN), (OWN, WORLD)) == (PUBLIC, OWN)
    elsewhere = replace(VPC, gateway_host_id="h")
    assert going_on((WORLD, PUBLIC), (OWN, WORLD), elsewhere) == (OWN, OWN)


@pytest.mark.parametrize("led", [{}, {"gateway_host_id": "h"}])
def test_what_a_guest_began_or_came_by_an_address_that_is_not_his_ends(
    led: dict[str, object],
) -> None:
    vpc = replace(VPC, **led)
    assert going_on((OWN, WORLD), (WORLD, PUBLIC), vpc) is None
    assert going_on((OWN, WORLD), (WORLD, OWN), vpc) is None
    assert going_on((WORLD, FORMER), (OWN, WORLD), vpc) is None
    unseen = UNSEEN.private_ip
    assert going_on((WORLD, unseen), (unseen, WORLD), vpc) is None
    closed = replace(vpc, has_internet_gateway=False)
    assert going_on((WORLD, PUBLIC), (OWN, WORLD), closed) is None

"""Guests are led to where they are, whatever the cloud has heard of it."""

from msgspec.structs import replace

from mallee.model.hosts.hosts import HostWanted, VpcWanted
from mallee.model.network.carried import AddressWanted, FarInterface, FarWanted, PeerWanted
from mallee.node.plan.network import whereabouts
from tests.node import manyhosts, shapes
from tests.node.shapes import OPEN

OWN, NEAR, THIRD = (
    PeerWanted(f"host-{n:017x}", f"name{n}", f"192.0.2.{n}") for n in (1, 2, 3)
)  # fmt: skip
NET = shapes.subnet(1)
HERE = replace(
    shapes.interface(10, OPEN, inside=NET, public_ip="203.0.113.10", prefixes=("10.0.1.64/28",)),
    secondary=(AddressWanted(private_ip="10.0.1.20"),),
)
THERE = shapes.interface(11, OPEN, inside=NET)


def wanted() -> HostWanted:
    """A host with one guest of a VPC; another host has one, and a third none yet."""
    far = (
        FarWanted(host_id=NEAR.id, interfaces=(manyhosts.far_interface(THERE),)),
        FarWanted(host_id=THIRD.id),
    )
    vpc = shapes.vpc(0, (NET,), (HERE,), {OPEN: shapes.RULES[OPEN]}, far=far)
    return HostWanted(
        generation=1, region="r", zone="z", public_range="203.0.113.0/24",
        private_range="10.0.0.0/8", egress=True, vpcs=(vpc,), instances=(),
        peers=(NEAR, THIRD), own=OWN,
    )  # fmt: skip


def placed(**places: str) -> tuple[list[str], dict[str, list[str]]]:
    """Whose interfaces are near, and whose on which other host."""
    [vpc] = whereabouts.placed(
        wanted(), {id.replace("_", "-"): to for id, to in places.items()}
    ).vpcs
    far = {one.host_id: [it.id for it in one.interfaces] for one in vpc.far}
    return [one.id for one in vpc.interfaces], far


def guest(interface_id: str) -> str:
    """The instance of an interface as a name of a parameter."""
    [found] = [one.instance_id for one in (HERE, THERE) if one.id == interface_id]
    return found.replace("-", "_")


def test_nobody_elsewhere_is_what_the_cloud_says() -> None:
    told = wanted()
    assert whereabouts.placed(told, {}) is told
    assert whereabouts.placed(told, {HERE.instance_id: OWN.id}) is told
    assert whereabouts.placed(told, {"i-of-nobody": NEAR.id}) is told


def test_a_guest_that_went_is_led_to_where_it_went() -> None:
    near, far = placed(**{guest(HERE.id): THIRD.id})
    assert near == []
    assert far == {NEAR.id: [THERE.id], THIRD.id: [HERE.id]}


def test_a_guest_that_went_is_known_there_by_all_it_has() -> None:
    [vpc] = whereabouts.placed(wanted(), {HERE.instance_id: THIRD.id}).vpcs
    [found] = _far(vpc, THIRD.id)
    assert found.ips == (HERE.private_ip, "10.0.1.20", "10.0.1.64/28")
    assert [one.public_ip for one in found.published] == ["203.0.113.10"]
    assert found.instance_id == HERE.instance_id


def test_a_guest_between_two_others_is_led_to_the_second() -> None:
    near, far = placed(**{guest(THERE.id): THIRD.id})
    assert near == [HERE.id]
    assert far == {NEAR.id: [], THIRD.id: [THERE.id]}


def test_a_guest_that_came_is_near_alone() -> None:
    told = wanted()
    [vpc] = told.vpcs
    coming = replace(told, vpcs=(replace(vpc, interfaces=(HERE, THERE)),))
    [found] = whereabouts.placed(coming, {THERE.instance_id: OWN.id}).vpcs
    assert found.interfaces == (HERE, THERE)
    assert _far(found, NEAR.id) == ()


def test_a_host_that_the_vpc_does_not_lead_to_has_nobody() -> None:
    told = wanted()
    there = "host-0000000000000000f"
    assert whereabouts.placed(told, {HERE.instance_id: there, THERE.instance_id: there}) is told


def _far(vpc: VpcWanted, host_id: str) -> tuple[FarInterface, ...]:
    return next(one.interfaces for one in vpc.far if one.host_id == host_id)

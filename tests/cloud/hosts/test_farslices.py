"""A VPC on several hosts: each is told what the others carry of it, and who leads to the world."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.cloud.hosts.slices import farslices, slices
from mallee.cloud.state import records, store
from mallee.model.compute.migrations import Migration
from mallee.model.configuration.settings import Settings
from mallee.model.hosts import parts
from mallee.model.hosts.hosts import Capacity, HostWanted, SyncAnswer, VpcWanted
from mallee.model.hosts.standing import Role, Standing
from mallee.model.network.carried import AddressWanted, FarInterface, FarWanted
from mallee.model.network.networks import Vpc
from mallee.model.network.peerings import Peering, PeeringEnd, PeeringStatus
from mallee.model.network.routing import InternetGateway
from tests.cloud import clouds
from tests.handclock import HandClock

SMALL = Capacity(1, 1024, 10)


@pytest.fixture
def opened(root_dir: Path) -> Iterator[store.Store]:
    """Three hosts, of which each takes one guest; two have one."""
    for one in clouds.open_store(root_dir, HandClock()):
        for number in (1, 2, 3):
            one.transact(lambda tx, number=number: add_host(tx, number))
        for number in (1, 2):
            one.transact(lambda tx, number=number: clouds.launch(tx, number))
        yield one


def add_host(tx: store.Tx, number: int) -> None:
    host = clouds.add_host(tx, f"host-{number}", SMALL)
    tx.write(host, replace(host.doc, address=f"198.18.0.{number}", joined_at=float(number)))


def change_host(opened: store.Store, id: str, **changes: object) -> None:
    def work(tx: store.Tx) -> None:
        host = tx.get(records.HOST, id)
        assert host is not None
        tx.write(host, replace(host.doc, **changes))

    opened.transact(work)


def attach_gateway(opened: store.Store, vpc_id: str = "vpc-1") -> None:
    gateway = InternetGateway(id=f"igw-{vpc_id}", vpc_id=vpc_id)
    opened.transact(
        lambda tx: tx.insert(records.INTERNET_GATEWAY, clouds.ACCOUNT, gateway.id, gateway)
    )


def vpc_of(wanted: HostWanted, id: str = "vpc-1") -> VpcWanted:
    return next(vpc for vpc in wanted.vpcs if vpc.id == id)


def far_interface(number: int) -> FarInterface:
    return FarInterface(
        id=f"eni-{number}",
        instance_id=f"i-{number}",
        ips=(f"172.31.0.{number + 10}",),
        published=(
            AddressWanted(
                private_ip=f"172.31.0.{number + 10}", public_ip=f"203.0.113.{number + 10}"
            ),
        ),
    )


def bare(far: FarWanted) -> FarWanted:
    """The same without public names, which tests of names know."""
    return replace(
        far,
        interfaces=tuple(
            replace(
                one, published=tuple(replace(it, public_name="") for it in one.published),
                resource_ips=(),
            )
            for one in far.interfaces
        ),
    )  # fmt: skip


def test_each_host_is_told_what_others_carry(opened: store.Store) -> None:
    kept = slices.Slices(Settings())
    first, second = (kept.host_wanted(opened.view, f"host-{n}") for n in (1, 2))
    assert [bare(one) for one in vpc_of(first).far] == [
        FarWanted(host_id="host-2", interfaces=(far_interface(2),))
    ]
    assert [bare(one) for one in vpc_of(second).far] == [
        FarWanted(host_id="host-1", interfaces=(far_interface(1),))
    ]
    assert vpc_of(first).overlay_id == vpc_of(second).overlay_id > 0
    assert first.own is not None
    assert first.own.address == "198.18.0.1"
    assert kept.host_wanted(opened.view, "host-3").vpcs == ()


def test_a_host_to_which_a_guest_goes_is_led_to_before_it_comes(opened: store.Store) -> None:
    kept = slices.Slices(Settings())
    for number in (1, 2, 3):
        kept.host_wanted(opened.view, f"host-{number}")

    def go(tx: store.Tx) -> None:
        guest = tx.get(records.INSTANCE, "i-1")
        assert guest is not None
        move = Migration(id="mig-1", to_host_id="host-3", word="5" * 32, port=0, began_at=0.0)
        tx.write(guest, replace(guest.doc, migration=move))

    opened.transact(go)
    first, second, third = (kept.host_wanted(opened.view, f"host-{n}") for n in (1, 2, 3))
    assert vpc_of(first).far == (*vpc_of(first).far[:1], FarWanted(host_id="host-3"))
    assert [far.host_id for far in vpc_of(second).far] == ["host-1", "host-3"]
    assert [far.host_id for far in vpc_of(third).far] == ["host-1", "host-2"]
    assert [one.id for one in vpc_of(third).interfaces] == ["eni-1"]


def test_a_host_without_an_address_is_led_to_by_none(opened: store.Store) -> None:
    change_host(opened, "host-2", address="")
    kept = slices.Slices(Settings())
    for number in (1, 2):
        assert vpc_of(kept.host_wanted(opened.view, f"host-{number}")).far == ()


def test_the_gateway_carries_what_it_leads_to_the_world(opened: store.Store) -> None:
    change_host(opened, "host-3", joined_at=0.0)
    attach_gateway(opened)
    kept = slices.Slices(Settings())
    first, gate = (kept.host_wanted(opened.view, id) for id in ("host-1", "host-3"))
    assert vpc_of(first).gateway_host_id == "host-3"
    assert vpc_of(gate).gateway_host_id == ""
    assert vpc_of(gate).interfaces == ()
    assert [far.host_id for far in vpc_of(gate).far] == ["host-1", "host-2"]
    assert {peer.id for peer in first.peers} == {"host-2", "host-3"}


def test_another_host_is_gateway_when_the_first_cannot_be(opened: store.Store) -> None:
    attach_gateway(opened)
    kept = slices.Slices(Settings())
    assert vpc_of(kept.host_wanted(opened.view, "host-2")).gateway_host_id == "host-1"
    change_host(opened, "host-1", standing=Standing.MAINTENANCE)
    assert vpc_of(kept.host_wanted(opened.view, "host-1")).gateway_host_id == "host-2"
    assert vpc_of(kept.host_wanted(opened.view, "host-2")).gateway_host_id == ""
    change_host(opened, "host-1", standing=Standing.ENABLED)
    change_host(opened, "host-1", roles=(Role.COMPUTE,))
    assert farslices.gateway(opened.view) == "host-2"


def test_a_launch_tells_others_of_one_hosts_part(opened: store.Store) -> None:
    attach_gateway(opened)
    kept = slices.Slices(Settings())
    before = kept.host_wanted(opened.view, "host-1")
    opened.transact(lambda tx: clouds.launch(tx, 3))
    assert "host-1" in kept.hosts_concerned(opened.view)
    wanted, left = kept.news(opened.view, "host-1", before.generation)
    assert [far.host_id for far in vpc_of(wanted).far] == ["host-3"]
    assert left is not None
    assert left.far == {"vpc-1": ("host-2",)}
    whole = parts.join_parts(SyncAnswer(wanted=wanted, kept=left), before).wanted
    assert whole == kept.host_wanted(opened.view, "host-1")


def test_an_instance_that_moves_is_told_to_all(opened: store.Store) -> None:
    kept = slices.Slices(Settings())
    opened.transact(lambda tx: clouds.launch(tx, 3))
    told = {n: kept.host_wanted(opened.view, f"host-{n}") for n in (1, 2, 3)}
    assert [far.host_id for far in vpc_of(told[3]).far] == ["host-1", "host-2"]

    def move(tx: store.Tx) -> None:
        instance = clouds.get(tx, "i-2")
        tx.write(instance, replace(instance.doc, host_id="host-1"))

    opened.transact(move)
    assert set(kept.hosts_concerned(opened.view)) == {"host-1", "host-2", "host-3"}
    far = vpc_of(kept.host_wanted(opened.view, "host-3")).far
    assert [(one.host_id, len(one.interfaces)) for one in far] == [("host-1", 2)]
    assert kept.host_wanted(opened.view, "host-2").vpcs == ()


def test_a_peered_vpc_is_carried_where_packets_cross(opened: store.Store) -> None:
    def peer(tx: store.Tx) -> None:
        vpc = tx.get(records.VPC, "vpc-1")
        assert vpc is not None
        other: Vpc = replace(vpc.doc, id="vpc-2", cidr="10.9.0.0/16", link_index=9)
        tx.insert(records.VPC, clouds.ACCOUNT, "vpc-2", other)
        interface = tx.get(records.INTERFACE, "eni-2")
        assert interface is not None
        tx.write(interface, replace(interface.doc, vpc_id="vpc-2", private_ip="10.9.0.5"))
        ends = [PeeringEnd(vpc_id=id, account=clouds.ACCOUNT) for id in ("vpc-1", "vpc-2")]
        made = Peering(
            id="pcx-1",
            requester=ends[0],
            accepter=ends[1],
            status=PeeringStatus.ACTIVE,
            message="",
            expires_at=0.0,
        )
        tx.insert(records.PEERING, clouds.ACCOUNT, "pcx-1", made)

    kept = slices.Slices(Settings())
    for number in (1, 2):
        kept.host_wanted(opened.view, f"host-{number}")
    opened.transact(peer)
    first, second = (kept.host_wanted(opened.view, f"host-{n}") for n in (1, 2))
    assert [vpc.id for vpc in first.vpcs] == [vpc.id for vpc in second.vpcs] == ["vpc-1", "vpc-2"]
    assert vpc_of(first, "vpc-2").interfaces == ()
    assert [one.ips for one in vpc_of(first, "vpc-2").far[0].interfaces] == [("10.9.0.5",)]
    # Who only leads into a VPC is known to those who carry it.
    assert [one.interfaces for one in vpc_of(second, "vpc-2").far] == [()]

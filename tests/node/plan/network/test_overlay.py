"""VPCs between hosts as plans: golden texts, differences, and what nft itself takes of it."""

from ipaddress import IPv4Address
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mallee.kit import process
from mallee.model.hosts.hosts import HostWanted, VpcWanted
from mallee.model.layout import Layout
from mallee.model.network.carried import FarInterface, FarWanted, PeerWanted, Way
from mallee.node.plan.network import (
    firewall,
    groups,
    links,
    network,
    nft,
    overlay,
    routing,
    vpcfirewall,
)
from mallee.node.plan.network.links import Seen
from tests.node import manyhosts, shapes
from tests.node.golden import assert_golden
from tests.node.shapes import OPEN, entry

LAYOUT = Layout(Path("/golden"))
WORLD = firewall.World(resolvers=("9.9.9.9",), only_we_forward=True)
OWN, NEAR, GATE = (
    PeerWanted(f"host-{n:017x}", f"name{n}", f"192.0.2.{n}") for n in (1, 2, 3)
)  # fmt: skip
TABLE, ACL = "rtb-00000000000000001", "acl-00000000000000001"


def example() -> HostWanted:
    """A host with one guest of a VPC; one more is elsewhere, and so is the gateway."""
    acl = shapes.acl(ACL, entry(100, "in allow"), entry(100, "out allow"))
    net = replace(shapes.subnet(1, table=TABLE, acl=ACL), number=7)
    here = shapes.interface(10, OPEN, inside=net)
    there = shapes.interface(
        11, OPEN, inside=net, public_ip="203.0.113.11", prefixes=("10.0.1.128/28",)
    )
    gateway = FarInterface(
        "nat-00000000000000001", "", ("10.0.1.5",), source_dest_check=False
    )  # fmt: skip
    tables = (
        shapes.table(
            TABLE,
            ("0.0.0.0/0", Way.INTERNET, "igw-1"),
            ("198.51.100.0/24", Way.NAT, "nat-00000000000000001"),
            ("::/0", Way.EGRESS_ONLY, "eigw-1"),
        ),
    )
    vpc = shapes.vpc(
        0, (net,), (here,), {OPEN: shapes.RULES[OPEN]}, route_tables=tables, acls=(acl,),
        peerings=(shapes.peering(0, 1, seen_from=0),), overlay_id=0x4000, gateway_host_id=GATE.id,
        far=(
            FarWanted(host_id=NEAR.id, interfaces=(manyhosts.far_interface(there),)),
            FarWanted(host_id=GATE.id, interfaces=(gateway,)),
        ),
    )  # fmt: skip
    return replace(shapes.host(vpc, egress=True), own=OWN, peers=(NEAR, GATE))


def text_of(vpc: VpcWanted) -> str:
    return nft.text(vpcfirewall.ruleset(LAYOUT, vpc, groups.Made()))


def test_the_firewall_of_a_vpc_on_several_hosts_is_golden() -> None:
    assert_golden("vpc-far.nft", text_of(example().vpcs[0]))


def test_the_firewall_of_the_gateway_is_golden() -> None:
    vpc = replace(example().vpcs[0], gateway_host_id="")
    assert_golden("vpc-gateway.nft", text_of(vpc))


def test_the_firewall_of_a_host_among_others_is_golden() -> None:
    uplink = Seen(routes=frozenset({links.Route("0.0.0.0/0", device="eth0", via="10.0.0.1")}))
    found = network.read_host(LAYOUT, example(), uplink)
    assert_golden("host-far.nft", firewall.host_text(LAYOUT, example(), found, WORLD))


def test_the_ways_to_other_hosts_are_golden() -> None:
    wanted = example()
    vpc = wanted.vpcs[0]
    near = routing.Near(hosts=overlay.far_hosts(vpc, wanted), mtu=1450)
    seen = Seen(indices={"lo": 1, "edge": 2, "overlay": 3})
    wiring = routing.vpc_wiring(LAYOUT, vpc, seen, near)
    device = overlay.device(vpc, wanted, 1500)
    assert device is not None
    lines = (
        overlay.making(device, "mallee-x"),
        *overlay.plan_lines(device, overlay.DeviceSeen(mac=device.mac, mtu=device.mtu)),
        *overlay.plan_places(device, overlay.DeviceSeen()),
        *links.plan_batch(wiring, seen),
        *links.plan_batch6(wiring, seen),
    )
    assert_golden("vpc-far.ip", "".join(f"{line}\n" for line in lines))


def test_nft_takes_all_of_it() -> None:
    uplink = Seen(routes=frozenset({links.Route("0.0.0.0/0", device="eth0", via="10.0.0.1")}))
    found = network.read_host(LAYOUT, example(), uplink)
    vpc = example().vpcs[0]
    gate = replace(vpc, gateway_host_id="", gateway_table_id=TABLE)
    texts = (
        text_of(vpc),
        text_of(gate),
        firewall.host_text(LAYOUT, example(), found, WORLD),
    )
    for text in texts:
        process.run(("unshare", "-n", "nft", "-c", "-f", "-"), text.encode())


def test_a_vpc_on_one_host_has_nothing_of_it() -> None:
    vpc = replace(example().vpcs[0], far=(), gateway_host_id="")
    assert "overlay" not in text_of(vpc)


def test_a_device_that_stands_needs_nothing() -> None:
    wanted = example()
    device = overlay.device(wanted.vpcs[0], wanted, 1500)
    assert device is not None
    neighbours = {ip: hop.mac for hop in device.hosts for ip in (hop.ip, hop.ip6)}
    stands = overlay.DeviceSeen(
        id=0x4000,
        local=OWN.address,
        port=4789,
        is_ours=True,
        mac=device.mac,
        mtu=1450,
        neighbours=neighbours,
        places={hop.mac: hop.address for hop in device.hosts},
    )
    assert overlay.is_same_link(device, stands)
    assert overlay.plan_lines(device, stands) == overlay.plan_places(device, stands) == ()
    fewer = overlay.device(replace(wanted.vpcs[0], far=wanted.vpcs[0].far[:1]), wanted, 1500)
    assert fewer is not None
    gone = device.hosts[1]
    assert f"neighbour delete {gone.ip} dev overlay" in overlay.plan_lines(fewer, stands)
    assert overlay.plan_places(fewer, stands) == (f"fdb delete {gone.mac} dev overlay self",)


def test_a_host_that_has_not_its_address_says_so() -> None:
    wanted = example()
    found, fault = overlay.devices(wanted, Seen(addresses=frozenset({("eth0", "192.0.2.9/24")})))
    assert found == {}
    assert "192.0.2.1" in fault
    stands = Seen(addresses=frozenset({("eth0", "192.0.2.1/24")}), mtus={"eth0": 9000})
    found, fault = overlay.devices(wanted, stands)
    assert fault == ""
    assert found[wanted.vpcs[0].id].mtu == 1500


def test_over_ipv6_packets_are_shorter() -> None:
    assert overlay.inner_mtu("2001:db8::1", 1500) == 1430
    peers = tuple(replace(one, address=f"2001:db8::{n}") for n, one in enumerate((NEAR, GATE), 2))
    wanted = replace(example(), own=replace(OWN, address="2001:db8::1"), peers=peers)
    device = overlay.device(wanted.vpcs[0], wanted, 1500)
    assert device is not None
    assert device.mtu == 1430
    # Who is reached over the other family only is not led to.
    mixed = replace(wanted, peers=(NEAR, peers[1]))
    assert [hop.host_id for hop in overlay.far_hosts(wanted.vpcs[0], mixed)] == [GATE.id]


@given(st.sets(st.integers(0, 1 << 60), min_size=1, max_size=60))
def test_no_two_hosts_are_one_hop(numbers: set[int]) -> None:
    peers = tuple(PeerWanted(f"host-{n:017x}", "n", f"192.0.2.{i}") for i, n in enumerate(numbers))
    vpc = replace(example().vpcs[0], far=tuple(FarWanted(host_id=one.id) for one in peers))
    found = overlay.far_hosts(vpc, replace(example(), peers=peers))
    assert len({hop.ip for hop in found}) == len({hop.mac for hop in found}) == len(numbers)
    assert all(IPv4Address(hop.ip).is_reserved for hop in found)

"""What a cloud that was taken over may say, and what of it an agent, who is root, refuses."""

from collections.abc import Callable

import msgspec
import pytest
from msgspec.structs import replace

from mallee.model.configuration.settings import Network
from mallee.model.hosts.hosts import ASK_CUT, Ask, GroupWanted, HostWanted, SubnetWanted, SyncAnswer
from mallee.model.images.images import Blob, DirectBoot
from mallee.model.network.carried import (
    AddressWanted,
    DhcpWanted,
    PeerWanted,
    RouteTableWanted,
    RouteWanted,
    Speed,
    Way,
)
from mallee.model.network.networks import Direction, Rule
from mallee.model.storage.snapshots import Layered
from mallee.model.storage.volumes import DiskWanted, Limits, VolumeWanted
from mallee.node.plan.trust import trust, trustedvolumes
from tests.node import lab, shapes, wants

Change = Callable[[HostWanted], HostWanted]

RULE = Rule(id="sgr-1", direction=Direction.INGRESS, protocol="tcp", from_port=1, to_port=2)
GROUP = "sg-0123456789abcdef0"
TABLE, ACL = "rtb-0123456789abcdef0", "acl-0123456789abcdef0"
SNAPSHOT = "snap-0123456789abcdef0"
VOLUME = VolumeWanted(
    id="vol-0123456789abcdef0",
    size_gib=1,
    limits=Limits(3000, 0, 125),
    source=Layered("vol-0123456789abcdef1", 1),
    cuts={SNAPSHOT: 1},
    dropped_cuts=("snap-0123456789abcdef1",),
)
NAT = shapes.nat_gateway(5, shapes.subnet(1), None)


def host() -> HostWanted:
    """A host with an instance that boots directly, and with a group."""
    wanted = wants.make_host(7, wants.make_instance())
    rules = (replace(RULE, cidr="10.0.0.0/8"), replace(RULE, protocol="-1", group_id=GROUP))
    group = GroupWanted(id=GROUP, rules=rules, member_ips=("172.31.0.11",))
    return replace(wanted, vpcs=(replace(wanted.vpcs[0], groups=(group,)),))


def full_vpc() -> HostWanted:
    """A host with everything that a VPC may have."""
    net = shapes.subnet(1, table=TABLE, acl=ACL)
    more = AddressWanted(
        private_ip="10.0.1.20", public_ip="203.0.113.9", public_name="ec2-203.example.com"
    )
    one = shapes.interface(
        10, GROUP, inside=net, secondary=(more,), prefixes=("10.0.1.32/28", "fd00:0:0:1:a::/80"),
        speed=Speed(1_000_000, 1_000_000),
    )  # fmt: skip
    peering = shapes.peering(0, 1, seen_from=0)
    ways = (("::/0", Way.EGRESS_ONLY, "eigw-0123456789abcdef0"), ("0.0.0.0/0", Way.NAT, NAT.id))
    vpc = shapes.vpc(
        0, (net,), (one,), {GROUP: (*shapes.ALL_IN, *shapes.ALL_OUT)},
        route_tables=(shapes.table(TABLE, *ways, ("10.1.0.0/16", Way.PEERING, peering.id)),),
        acls=(shapes.acl(ACL, shapes.entry(1, "in allow", "58", cidr6="::/0")),),
        nat_gateways=(NAT,), peerings=(peering,), more_cidrs=("100.64.0.0/16",),
        dhcp=DhcpWanted(domain_names=("corp.example",), ntp_servers=("169.254.169.123",)),
    )  # fmt: skip
    return shapes.host(vpc)


def test_what_a_cloud_says_is_taken() -> None:
    for wanted in (
        host(),
        with_volume()(host()),
        full_vpc(),
        lab.make_wanted(lab.make_vpc((lab.make_interface(1, public=True),), {})),
    ):
        answer = SyncAnswer(wanted=wanted, asks=(Ask("0af3", "console", "i-0123456789abcdef0"),))
        assert trust.check_answer(answer) is answer


def with_peer(**changes: object) -> Change:
    """Another host with something else of it."""
    peer = PeerWanted("host-0123456789abcdef0", "beech", "198.18.0.1")
    return lambda one: replace(one, peers=(replace(peer, **changes),))


def in_instance(**changes: object) -> Change:
    """Change the instance."""
    return lambda one: replace(one, instances=(replace(one.instances[0], **changes),))


def in_boot(**changes: object) -> Change:
    """Change how the instance boots."""
    return in_instance(boot=replace(wants.BOOT, **changes))


def in_vpc(**changes: object) -> Change:
    """Change the VPC."""
    return lambda one: replace(one, vpcs=(replace(one.vpcs[0], **changes),))


def in_interface(**changes: object) -> Change:
    """Change the interface."""
    return in_vpc(interfaces=(replace(wants.make_interface(), **changes),))


def with_volume(**changes: object) -> Change:
    """Have the host keep a volume, changed."""
    return lambda one: replace(one, volumes=(replace(VOLUME, **changes),))


def in_rule(**changes: object) -> Change:
    """Change a rule of the group."""
    group = GroupWanted(id=GROUP, rules=(replace(RULE, **changes),), member_ips=())
    return in_vpc(groups=(group,))


EVIL: dict[str, Change] = {
    "path in an instance's id": in_instance(id="../../../etc"),
    "line in an instance's id": in_instance(id="i-0123456789abcdef0\n"),
    "path in a blob's name": in_instance(disk=Blob("../../../etc/shadow", 1, "raw")),
    "form of a disk": in_instance(disk=Blob("d" * 64, 1, "json:{}")),
    "option in a form": in_instance(disk=Blob("d" * 64, 1, "raw -b /etc/shadow")),
    "no memory": in_instance(memory_mib=0),
    "no end of processors": in_instance(vcpus=1 << 60),
    "kernel's path": in_boot(kernel=Blob("/boot/vmlinuz", 1, "kernel")),
    "ramdisk's path": in_boot(ramdisk=Blob("../master.key", 1, "ramdisk")),
    "line in a command line": in_boot(command_line="quiet\0init=/x"),
    "interface of an instance": in_instance(interface_ids=("eni-x; reboot",)),
    "path in a VPC's id": in_vpc(id="vpc-../../x"),
    "range of a VPC": in_vpc(cidr="10.0.0.0/16 }"),
    "group's id": in_vpc(groups=(GroupWanted(id="sg-x { }", rules=(), member_ips=()),)),
    "member's address": in_vpc(groups=(GroupWanted(id=GROUP, rules=(), member_ips=("1.2.3",)),)),
    "protocol": in_rule(protocol="tcp accept; }"),
    "port": in_rule(from_port=1 << 40),
    "peer": in_rule(cidr="0.0.0.0/0 accept"),
    "peer's group": in_rule(group_id="sg-x accept"),
    "hardware address": in_interface(mac="02:00:00:00:00:01,set:x"),
    "host name": in_interface(hostname="a\ndhcp-script=/tmp/x"),
    "private address": in_interface(private_ip="172.31.0.11\n"),
    "public address of another network": in_interface(public_ip="8.8.8.8"),
    "interface's id": in_interface(id="eni-/../../x"),
    "public name": in_interface(public_name="a\nconf-file=/etc/passwd"),
    "second address": in_interface(
        secondary=(AddressWanted(private_ip="10.0.0.1", public_ip="8.8.8.8"),)
    ),
    "led range": in_interface(prefixes=("10.0.0.0/28 . x",)),
    "zone of an address": in_interface(ipv6s=("fe80::1%eth0; x",)),
    "zone of a range": in_interface(prefixes=("fe80::%0 } accept/80",)),
    "speed": in_interface(speed=Speed(sends_bps=-1)),
    "peer of IPv6": in_rule(cidr6="::/0 accept"),
    "zone of a peer": in_rule(cidr6="fe80::1%x accept #/128"),
    "no protocol": in_rule(protocol="999"),
    "subnet's table": in_vpc(subnets=(SubnetWanted("subnet-1", "10.0.0.0/24", "", "rtb-x; x"),)),
    "range of IPv6 of others": lambda one: replace(
        in_vpc(ipv6_cidrs=("2001:db8::/56",))(one), ipv6_range="fd00::/16"
    ),
    "range of IPv6 without any": in_vpc(ipv6_cidrs=("fd00::/56",)),
    "all of IPv6": lambda one: replace(one, ipv6_range="::/1"),
    "route": in_vpc(
        route_tables=(RouteTableWanted(TABLE, (RouteWanted("0.0.0.0/0 dev x", Way.INTERNET),)),)
    ),
    "route's target": in_vpc(
        route_tables=(RouteTableWanted(TABLE, (RouteWanted("10.0.0.0/8", Way.NAT, "nat; x"),)),)
    ),
    "table's id": in_vpc(route_tables=(RouteTableWanted("rtb-x\nx"),)),
    "entry of an ACL": in_vpc(acls=(shapes.acl(ACL, shapes.entry(1, "in allow", "6; x")),)),
    "entry without a range": in_vpc(
        acls=(shapes.acl(ACL, replace(shapes.entry(1, "in allow"), cidr=None)),)
    ),
    "gateway's id": in_vpc(nat_gateways=(replace(NAT, id="nat-/../x"),)),
    "gateway's public address": in_vpc(
        nat_gateways=(
            replace(NAT, addresses=(AddressWanted(private_ip="10.0.1.5", public_ip="8.8.8.8"),)),
        )
    ),
    "gateway without an address": in_vpc(nat_gateways=(replace(NAT, addresses=()),)),
    "peer's range": in_vpc(
        peerings=(replace(shapes.peering(0, 1, seen_from=0), peer_cidrs=("10.1.0.0/16, x",)),)
    ),
    "peer's name": in_vpc(
        peerings=(
            replace(
                shapes.peering(0, 1, seen_from=0),
                peer_names=(AddressWanted(private_ip="10.1.0.1", public_name="a\n10.0.0.1 b"),),
            ),
        )
    ),
    "domain": in_vpc(dhcp=DhcpWanted(domain_names=("a\ndhcp-script=/x",))),
    "name server": in_vpc(dhcp=DhcpWanted(name_servers=("1.1.1.1,x",))),
    "type of NetBIOS node": in_vpc(dhcp=DhcpWanted(netbios_node_type=3)),
    "path in a volume's id": with_volume(id="../../../etc", is_deleted=True),
    "volume without a size": with_volume(size_gib=0),
    "volume without an end": with_volume(size_gib=1 << 40),
    "speed of a volume": with_volume(limits=Limits(-1, 0, 0)),
    "path in a source": with_volume(source=Layered("../../etc", 1)),
    "layer of a source": with_volume(source=Layered("vol-0123456789abcdef1", -1)),
    "path in a cut": with_volume(cuts={"../x": 1}),
    "layer of a cut": with_volume(cuts={SNAPSHOT: 0}),
    "path in a cut that is dropped": with_volume(dropped_cuts=("../x",)),
    "path in a guest's disk": in_instance(disks=(DiskWanted("vol-../../x", 1),)),
    "slot of a guest's disk": in_instance(disks=(DiskWanted("vol-0123456789abcdef0", 99),)),
    "processor": in_instance(cpu="Westmere'/><x y='"),
    "region": lambda one: replace(one, region="x\nconf-file=/etc/passwd"),
    "zone": lambda one: replace(one, zone="../x"),
    "half the world": lambda one: replace(one, public_range="128.0.0.0/1"),
    "the host's loopback": lambda one: replace(one, public_range="127.0.0.0/24"),
    "no range": lambda one: replace(one, private_range="172.31.0.0/16; x"),
    "peer of no id": with_peer(id="../x"),
    "peer of no name": with_peer(name="x\ny"),
    "peer of no address": with_peer(address="198.18.0.1/8"),
    "peer on the host itself": with_peer(address="127.0.0.1"),
    "peer that is many": with_peer(address="224.0.0.1"),
    "peer with a rule in its zone": with_peer(address="2001:db8::1%0 } accept\n"),
    "peer here in other clothes": with_peer(address="::ffff:127.0.0.1"),
    "peer among guests": with_peer(address="172.31.0.7"),
}


@pytest.mark.parametrize("what", EVIL)
def test_what_would_become_more_than_a_word_is_refused(what: str) -> None:
    wanted = EVIL[what](host())
    # It crosses the wire as it is: nothing but this check stands in its way.
    msgspec.json.decode(msgspec.json.encode(wanted), type=HostWanted)
    with pytest.raises(trust.NotTrusted):
        trust.check_answer(SyncAnswer(wanted=wanted))


def test_peers_are_taken() -> None:
    told = with_peer(address="fd00::1")(with_peer()(host()))
    assert trust.check_answer(SyncAnswer(wanted=told)).wanted == told


def test_a_question_about_volumes_is_taken_and_names_no_instance() -> None:
    trust.check_answer(SyncAnswer(wanted=None, asks=(Ask("0af3", ASK_CUT, "", "{}"),)))
    with pytest.raises(trust.NotTrusted):
        trust.check_answer(SyncAnswer(wanted=None, asks=(Ask("0af3", ASK_CUT, "../x", "{}"),)))


@pytest.mark.parametrize(
    "detail",
    [
        "",
        '{"snapshots": {"../../etc": "snap-0123456789abcdef0"}, "asked_at": 1}',
        '{"snapshots": {"vol-0123456789abcdef0": "../x"}, "asked_at": 1}',
        '{"snapshots": {"vol-0123456789abcdef0": "snap-0123456789abcdef0"}, "asked_at": 1e99}',
    ],
)
def test_what_is_no_cut_of_volumes_is_refused(detail: str) -> None:
    with pytest.raises(trust.NotTrusted):
        trustedvolumes.read_cut(detail)


@pytest.mark.parametrize(
    "own",
    [
        Network("198.51.100.0/24", "172.31.0.0/16", egress=False),
        Network("203.0.113.0/24", "172.30.0.0/16", egress=False),
        Network("203.0.113.0/24", "172.31.0.0/16", egress=True),
    ],
)
def test_the_hosts_routes_and_way_to_the_world_are_its_owners(own: Network) -> None:
    with pytest.raises(trust.NotTrusted, match=r"mallee\.toml"):
        trust.check_answer(SyncAnswer(wanted=host()), own)


def test_what_agrees_with_the_hosts_owner_is_taken() -> None:
    own = Network("203.0.113.0/24", "172.31.0.0/16", egress=False, ipv6_range="")
    assert trust.check_answer(SyncAnswer(wanted=host()), own).wanted == host()


@pytest.mark.parametrize("instance_id", ["../../../etc", "i-1/../..", "", "i-0123456789abcdef0/"])
def test_no_console_outside_the_instances_is_read(instance_id: str) -> None:
    with pytest.raises(trust.NotTrusted):
        trust.check_answer(SyncAnswer(wanted=None, asks=(Ask("1", "console", instance_id),)))


def test_only_the_plans_of_a_whole_host_are_asked_without_an_instance() -> None:
    asked = SyncAnswer(wanted=None, asks=(Ask("1", "plans", ""),))
    assert trust.check_answer(asked) == asked
    for kind, id in (("plan", ""), ("plans", "../etc"), ("screen", "")):
        with pytest.raises(trust.NotTrusted):
            trust.check_answer(SyncAnswer(wanted=None, asks=(Ask("1", kind, id),)))


def test_an_answer_goes_nowhere_but_to_answers() -> None:
    ask = Ask("../renew?x=", "console", "i-0123456789abcdef0")
    with pytest.raises(trust.NotTrusted):
        trust.check_answer(SyncAnswer(wanted=None, asks=(ask,)))


def test_a_kernel_without_a_ramdisk_is_taken() -> None:
    boot = DirectBoot(wants.BOOT.kernel, None, "")
    wanted = wants.make_host(1, wants.make_instance(boot=boot))
    assert trust.check_answer(SyncAnswer(wanted=wanted)).wanted == wanted

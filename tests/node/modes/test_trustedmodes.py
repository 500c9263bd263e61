"""What a cloud that was taken over may say of the network mode, and what an agent refuses of it."""

from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from mallee.model.configuration.settings import InvalidSettings, Network
from mallee.model.hosts.hosts import HostWanted, SyncAnswer
from mallee.model.layout import Layout
from mallee.model.network.carried import AddressWanted, PeerWanted
from mallee.model.network.classic import Classic, HostClassic
from mallee.model.network.modes import BlockWanted, LeaseWanted, ModeWanted
from mallee.node import facts
from mallee.node.plan.trust import trust, trustedmodes
from tests.node import wants

VPC = wants.make_interface().vpc_id
BLOCK = BlockWanted(cidr="10.10.0.32/27", gateway="10.10.0.33", vlan=3, vpc_id=VPC)
PUBLIC = AddressWanted(private_ip="10.10.0.36", public_ip="203.0.113.7")
LEASE = LeaseWanted(
    interface_id="eni-0123456789abcdef0",
    instance_id="i-0123456789abcdef0",
    vpc_id=VPC,
    mac="02:00:00:00:00:01",
)
MODE = ModeWanted(
    kind="managed",
    device="eth1",
    uplink="eth0",
    subnet="10.10.0.0/16",
    name_servers=("10.10.0.33",),
    blocks=(BLOCK,),
    is_gateway=True,
    publics=(PUBLIC,),
    leases=(LEASE,),
)

Change = Callable[[HostWanted], HostWanted]


def host(mode: ModeWanted = MODE, ip: str = "10.10.0.36") -> HostWanted:
    """A host with a guest in the block."""
    wanted = wants.make_host(7, wants.make_instance())
    (vpc,) = wanted.vpcs
    interface = replace(wants.make_interface(), private_ip=ip, public_ip=None, resource_ips=())
    subnets = tuple(replace(one, cidr=mode.subnet) for one in vpc.subnets)
    vpc = replace(vpc, cidr=mode.subnet, subnets=subnets, interfaces=(interface,), groups=())
    return replace(wanted, vpcs=(vpc,), mode=mode)


def mode(**changes: object) -> HostWanted:
    return host(replace(MODE, **changes))


def block(**changes: object) -> HostWanted:
    return mode(blocks=(replace(BLOCK, **changes),))


EVIL: dict[str, Callable[[], HostWanted]] = {
    "device with an option": lambda: mode(device="-help"),
    "device with a line": lambda: mode(device="eth1\n"),
    "device with a path": lambda: mode(device="../eth1"),
    "uplink with a rule": lambda: mode(uplink='e" accept'),
    "subnet of half the world": lambda: mode(subnet="10.0.0.0/7"),
    "subnet of the host itself": lambda: mode(subnet="127.0.0.0/16"),
    "name server with a line": lambda: mode(name_servers=("1.1.1.1\nx",)),
    "block beyond the subnet": lambda: block(cidr="10.11.0.32/27", gateway="10.11.0.33"),
    "gateway of another block": lambda: block(gateway="10.10.0.1"),
    "no gateway": lambda: block(gateway=""),
    "no VLAN": lambda: block(vlan=0),
    "packets' length said by the cloud": lambda: block(mtu=68),
    "VLAN that is none": lambda: block(vlan=4095),
    "VLAN where there are none": lambda: mode(kind="managed-novlan"),
    "blocks over one another": lambda: mode(
        blocks=(BLOCK, replace(BLOCK, cidr="10.10.0.32/28", vlan=4))
    ),
    "one VLAN twice": lambda: mode(
        blocks=(BLOCK, replace(BLOCK, cidr="10.10.0.64/27", gateway="10.10.0.65"))
    ),
    "a block within another, behind a third": lambda: mode(
        blocks=(
            replace(BLOCK, cidr="10.10.0.48/28", gateway="10.10.0.49", vlan=4),
            replace(BLOCK, cidr="10.10.1.0/27", gateway="10.10.1.1", vlan=5),
            BLOCK,
        )
    ),
    "another public range": lambda: mode(publics=(replace(PUBLIC, public_ip="8.8.8.8"),)),
    "public address of no guest": lambda: mode(publics=(replace(PUBLIC, private_ip="8.8.8.8"),)),
    "lease of no interface": lambda: mode(leases=(replace(LEASE, interface_id="../x"),)),
    "lease with a line": lambda: mode(leases=(replace(LEASE, mac="02:00\n"),)),
    "leased elsewhere": lambda: mode(leases=(replace(LEASE, private_ip="8.8.8.8"),)),
    "guest in another's block": lambda: host(ip="10.10.0.68"),
    "guest with the gateway's address": lambda: host(ip="10.10.0.33"),
    "guest of another VPC's block": lambda: block(vpc_id="vpc-0fedcba9876543210"),
    "VPC of another range": lambda: replace(
        host(), vpcs=(replace(host().vpcs[0], cidr="172.31.0.0/16"),)
    ),
    "host among guests": lambda: replace(
        host(), peers=(PeerWanted("host-0123456789abcdef0", "beech", "10.10.9.9"),)
    ),
}


@pytest.mark.parametrize("what", EVIL)
def test_what_would_harm_the_administrators_network_is_refused(what: str) -> None:
    wanted = EVIL[what]()
    # It crosses the wire as it is: nothing but this check stands in its way.
    msgspec.json.decode(msgspec.json.encode(wanted), type=HostWanted)
    with pytest.raises(trust.NotTrusted):
        trust.check_answer(SyncAnswer(wanted=wanted))


def lan(ip: str = "192.168.3.65", **changes: object) -> HostWanted:
    subnet = "192.168.3.0/24"
    one = replace(BLOCK, cidr=subnet, gateway="192.168.3.1", vlan=0)
    plain = replace(
        MODE, kind="static", device="br0", subnet=subnet, blocks=(one,), publics=(), leases=()
    )
    return replace(host(plain, ip), **changes)


def test_what_makes_sense_is_taken() -> None:
    novlan = mode(kind="managed-novlan", blocks=(replace(BLOCK, vlan=0),))
    peers = (PeerWanted("host-0123456789abcdef0", "beech", "192.168.3.9"),)
    for wanted in (host(), novlan, lan(), lan(peers=peers), mode(device="", uplink="")):
        answer = SyncAnswer(wanted=wanted)
        assert trust.check_answer(answer) is answer


def test_thousands_of_blocks_are_not_held_each_against_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[str] = []
    overlaps = IPv4Network.overlaps

    def counted(network: IPv4Network, other: IPv4Network) -> bool:
        looks.append(str(other))
        return overlaps(network, other)

    monkeypatch.setattr(IPv4Network, "overlaps", counted)
    cidrs = list(IPv4Network("10.10.0.0/16").subnets(new_prefix=27))
    many = tuple(
        replace(BLOCK, cidr=str(cidr), gateway=str(cidr[1]), vlan=number)
        for number, cidr in enumerate(cidrs, 2)
    )
    wanted = mode(blocks=many)
    assert trust.check_answer(SyncAnswer(wanted=wanted)).wanted is wanted
    assert len(looks) < 2 * len(many)


def test_no_guest_of_a_lan_has_a_hosts_address_or_the_routers() -> None:
    peers = (PeerWanted("host-0123456789abcdef0", "beech", "192.168.3.65"),)
    for wanted in (lan(peers=peers), lan("192.168.3.1")):
        with pytest.raises(trust.NotTrusted):
            trust.check_answer(SyncAnswer(wanted=wanted))


def test_on_the_clouds_own_machine_its_settings_say_which_network_it_is() -> None:
    classic = Classic(device="eth1", uplink="eth0", subnet="10.10.0.0/16")
    own = Network(
        "203.0.113.0/24",
        "172.31.0.0/16",
        egress=False,
        ipv6_range="",
        mode="managed",
        classic=classic,
    )
    answer = SyncAnswer(wanted=host())
    assert trust.check_answer(answer, own) is answer
    for change in ({"device": "eth0"}, {"uplink": "wlan0"}, {"switch": "openvswitch"}):
        with pytest.raises(trust.NotTrusted, match=r"mallee\.toml"):
            trust.check_answer(SyncAnswer(wanted=mode(**change)), own)
    with pytest.raises(trust.NotTrusted, match=r"mallee\.toml"):
        trust.check_answer(answer, Network("203.0.113.0/24", "172.31.0.0/16", egress=False))


def test_what_a_host_calls_its_own_goes_before_the_clouds_words(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert facts.read_classic(layout) == HostClassic()
    text = '[network.classic]\ndevice = "bond0"\nswitch = "openvswitch"\n'
    layout.host_settings.parent.mkdir(parents=True, exist_ok=True)
    layout.host_settings.write_text(text)
    told = trustedmodes.with_own(SyncAnswer(wanted=host()), facts.read_classic(layout)).wanted
    assert told is not None
    assert told.mode == replace(MODE, device="bond0", switch="openvswitch")
    layout.host_settings.write_text(text.replace("bond0", "-x"))
    with pytest.raises(InvalidSettings, match="device"):
        facts.read_classic(layout)

"""The settings of the classic network modes: checked whole, nothing passed over in silence."""

import pytest

from mallee.model.configuration import settings
from mallee.model.configuration.settings import HostSettings, InvalidSettings, Settings
from mallee.model.network import classic
from mallee.model.network.classic import Classic

MANAGED = 'device = "eth1"\nsubnet = "10.10.0.0/16"\n'
STATIC = 'device = "br0"\nsubnet = "192.168.3.0/24"\nrouter = "192.168.3.1"\n'
LISTED = STATIC + 'addresses = ["192.168.3.65-192.168.3.96"]\n'


def parse(mode: str, text: str, network: str = "") -> Settings:
    return settings.parse(f'[network]\nmode = "{mode}"\n{network}\n[network.classic]\n{text}')


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        ("managed", MANAGED + 'vlans = "2-2049"\nuplink = "eth0"\nname_servers = ["10.10.0.1"]'),
        ("managed", MANAGED.replace("eth1", "") + 'switch = "openvswitch"'),
        ("managed-novlan", MANAGED + "addresses_per_network = 16"),
        ("static", LISTED),
        ("static", STATIC + 'macs = ["d0:0d:00:00:00:01=192.168.3.65"]'),
        ("system", 'device = "br0"\nsubnet = "192.168.3.0/24"'),
    ],
)
def test_each_mode_can_be_said_and_is_written_as_it_is_read(mode: str, text: str) -> None:
    made = parse(mode, text)
    assert made.network.mode == mode
    assert settings.parse(settings.encode(made)) == made


@pytest.mark.parametrize(
    ("mode", "text", "cause"),
    [
        ("vpc", MANAGED, "no meaning while network.mode is vpc"),
        ("managed", "", "subnet"),
        ("managed", MANAGED + 'router = "10.10.0.1"', "router is given"),
        ("managed", MANAGED + "addresses_per_network = 33", "power of two"),
        ("managed", MANAGED + "addresses_per_network = 8", "power of two"),
        ("managed", 'subnet = "10.10.0.0/28"', "not even one"),
        ("managed", MANAGED + 'vlans = "5-2"', "vlans"),
        ("managed", MANAGED + 'vlans = "1-4095"', "vlans"),
        ("managed", MANAGED + 'vlans = "all"', "vlans"),
        ("managed", 'subnet = "10.10.0.9/16"', "no range"),
        ("managed", MANAGED.replace("eth1", "-x"), "no name of an interface"),
        ("managed", MANAGED + 'name_servers = ["one"]', "name_servers"),
        ("managed", 'subnet = "203.0.113.0/24"', "overlaps network.public_range"),
        ("managed-novlan", MANAGED + 'vlans = "2-9"', "no meaning"),
        ("static", STATIC, "none are given"),
        ("static", LISTED.replace('192.168.3.1"', '10.0.0.1"'), "router"),
        ("static", STATIC + 'addresses = ["192.168.4.1"]', "not within"),
        ("static", STATIC + 'addresses = ["192.168.3.1-192.168.3.9"]', "the LAN's own"),
        ("static", STATIC + 'addresses = ["192.168.3.250-192.168.3.255"]', "the LAN's own"),
        ("static", STATIC + 'addresses = ["all"]', "addresses"),
        ("static", STATIC + 'macs = ["x=192.168.3.65"]', "no pair"),
        ("static", STATIC + 'macs = ["01:00:00:00:00:01=192.168.3.65"]', "no pair"),
        ("static", LISTED + 'macs = ["d0:0d:00:00:00:01=192.168.3.9"]', "not among them"),
        (
            "static",
            STATIC + 'macs = ["d0:0d:00:00:00:01=192.168.3.65", "d0:0d:00:00:00:01=192.168.3.66"]',
            "two pairs",
        ),
        ("system", 'subnet = "172.31.9.0/24"', "overlaps network.private_range"),
        ("system", LISTED, "no meaning"),
        ("edge", "", "Invalid enum value"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_cause(mode: str, text: str, cause: str) -> None:
    with pytest.raises(InvalidSettings, match=cause):
        parse(mode, text)


def test_no_front_end_is_among_its_guests() -> None:
    with pytest.raises(InvalidSettings, match="guests'"):
        settings.parse(
            f'address = "10.10.9.9"\n[network]\nmode = "managed"\n[network.classic]\n{MANAGED}'
        )
    head = 'address = "192.168.3.{}"\n[network]\nmode = "static"\n[network.classic]\n' + LISTED
    settings.parse(head.format(9))
    with pytest.raises(InvalidSettings, match="guests'"):
        settings.parse(head.format(65))


def test_pairs_are_kept_in_order() -> None:
    told = Classic(macs=("d0:0d:00:00:00:02=10.0.0.2", "d0:0d:00:00:00:01=10.0.0.1"))
    assert list(classic.macs(told)) == ["10.0.0.2", "10.0.0.1"]


def test_a_host_names_its_own_interfaces() -> None:
    text = '[network.classic]\ndevice = "bond0"\nuplink = "eth7"\n'
    own = settings.decode_host(text).network.classic
    assert (own.device, own.uplink, own.switch) == ("bond0", "eth7", None)
    assert settings.decode_host("") == HostSettings()
    for wrong in (text.replace("bond0", "../x"), text.replace("device", "subnet")):
        with pytest.raises(InvalidSettings):
            settings.decode_host(wrong)

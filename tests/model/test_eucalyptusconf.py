"""A `eucalyptus.conf` becomes settings, and each of its lines is told what became of it."""

import pytest

from mallee.model.configuration import eucalyptusconf, eucalyptuswords, settings
from mallee.model.network import classic, sharedranges

MANAGED = """\
# The cluster controller of the department.
VNET_PRIVINTERFACE="eth0"
VNET_PUBINTERFACE="eth0"
VNET_DHCPDAEMON="/usr/sbin/dhcpd3"
VNET_DHCPUSER="dhcpd"
VNET_MODE="MANAGED"
VNET_SUBNET="10.10.0.0"
VNET_NETMASK="255.255.0.0"
VNET_ADDRSPERNET="32"
VNET_DNS="192.168.3.254"     # the campus'
VNET_PUBLICIPS="192.168.3.1-192.168.3.31"
VNET_LOCALIP=192.168.3.250
NODES="node1 node2 node3"
"""


def told(text: str) -> dict[str, str]:
    return {line.name: line.became for line in eucalyptusconf.read(text).lines}


def test_a_managed_cloud_becomes_settings() -> None:
    made = eucalyptusconf.read(MANAGED)
    assert made.settings is not None
    network = made.settings.network
    shared = sharedranges.of(network)
    assert (network.mode, network.classic.subnet) == ("managed", "10.10.0.0/16")
    assert shared is not None
    assert (shared.blocks, shared.block_size, shared.per_block) == (2048, 32, 27)
    assert (network.classic.device, network.classic.uplink) == ("eth0", "eth0")
    assert network.classic.name_servers == ("192.168.3.254",)
    assert network.public_range == "192.168.3.0/27"
    assert network.public_addresses == ("192.168.3.1-192.168.3.31",)
    assert (made.settings.address, made.settings.listen) == ("192.168.3.250", "0.0.0.0")
    assert settings.parse(settings.encode(made.settings)) == made.settings


def test_each_line_is_told_what_became_of_it() -> None:
    became = told(MANAGED)
    assert [line.number for line in eucalyptusconf.read(MANAGED).lines] == list(range(2, 14))
    assert became == {
        "VNET_PRIVINTERFACE": "network.classic.device = eth0: it carries the VLANs",
        "VNET_PUBINTERFACE": "network.classic.uplink = eth0: it answers for public addresses",
        "VNET_DHCPDAEMON": eucalyptuswords.of("VNET_DHCPDAEMON"),
        "VNET_DHCPUSER": eucalyptuswords.of("VNET_DHCPUSER"),
        "VNET_MODE": "network.mode = managed: a VLAN for each security group in use; groups "
        "enforced inside the network too, several for an instance, no address forged",
        "VNET_SUBNET": "network.classic.subnet = 10.10.0.0/16: all private addresses",
        "VNET_NETMASK": "goes with VNET_SUBNET",
        "VNET_ADDRSPERNET": "network.classic.addresses_per_network = 32: 2,048 networks of 32 "
        "addresses in 10.10.0.0/16, VLANs 2-2049; 27 of each are lent",
        "VNET_DNS": "network.classic.name_servers = 192.168.3.254",
        "VNET_PUBLICIPS": "network.public_range = 192.168.3.0/27, network.public_addresses: 31 of "
        "them",
        "VNET_LOCALIP": "address = 192.168.3.250, at which other hosts reach this one; listen = "
        "0.0.0.0",
        "NODES": "nothing: hosts are not listed, each joins by an invitation",
    }
    (trouble,) = eucalyptusconf.read(MANAGED).troubles
    assert trouble == "each of the 3 nodes joins by itself: mallee node invite"


NOVLAN = """VNET_MODE=MANAGED-NOVLAN
VNET_BRIDGE=br0
VNET_PRIVINTERFACE=br0
VNET_SUBNET=10.10.0.0
VNET_ADDRSPERNET=64
VNET_MACMAP=
VNET_ROUTER=10.10.0.1
"""
STATIC = """VNET_MODE=STATIC
VNET_BRIDGE=br0
VNET_SUBNET=192.168.3.0
VNET_NETMASK=255.255.255.0
VNET_BROADCAST=192.168.3.255
VNET_ROUTER=192.168.3.1
VNET_DNS="192.168.3.2"
VNET_MACMAP="D0:0D:00:00:00:01=192.168.3.65 d0:0d:00:00:00:02=192.168.3.66"
VNET_PUBLICIPS="192.168.4.1"
"""
SYSTEM = "VNET_MODE=SYSTEM\nVNET_BRIDGE=br0\nVNET_SUBNET=172.31.0.0\n"


def test_each_mode_becomes_itself() -> None:
    networks: list[settings.Network] = []
    for text in (NOVLAN, STATIC, SYSTEM):
        made = eucalyptusconf.read(text)
        assert made.settings is not None, made.troubles
        assert not made.troubles
        networks.append(made.settings.network)
    novlan, static, system = networks
    assert (novlan.mode, novlan.classic.device) == ("managed-novlan", "br0")
    assert novlan.classic.addresses_per_network == 64
    assert (static.mode, static.classic.router) == ("static", "192.168.3.1")
    assert list(classic.macs(static.classic)) == ["192.168.3.65", "192.168.3.66"]
    assert (system.mode, system.classic.subnet) == ("system", "172.31.0.0/16")
    # What such a cloud does not use is out of the LAN's way.
    assert system.private_range == "172.30.0.0/16"
    assert "no meaning" in told(NOVLAN)["VNET_ROUTER"]
    assert "as it was" in told(STATIC)["VNET_PUBLICIPS"]


def test_every_line_of_a_network_has_words_in_every_mode() -> None:
    names = (
        *("MODE", "PRIVINTERFACE", "PUBINTERFACE", "BRIDGE", "SUBNET", "NETMASK", "ADDRSPERNET"),
        *("PUBLICIPS", "PRIVATEIPS", "DNS", "DOMAINNAME", "BROADCAST", "ROUTER", "MACMAP"),
        *("MACPREFIX", "LOCALIP", "CLOUDIP", "DHCPDAEMON", "DHCPUSER", "SYSTEMCTL", "PORT"),
    )
    for mode in eucalyptuswords.MODES:
        text = "".join(f"VNET_{name}=\n" for name in names).replace("MODE=", f"MODE={mode}", 1)
        for name, became in told(text).items():
            assert became, (mode, name)
            assert "no setting of Eucalyptus" not in became, (mode, name)


def test_numbers_have_their_nouns() -> None:
    one = eucalyptusconf.read('VNET_PUBLICIPS="192.168.3.1-192.168.3.31"\nNODES=a')
    said = " ".join(one.troubles)
    assert "1 address of 192.168.3.0/27" in said
    assert "the node joins" in said


def test_single_addresses_and_ranges_mix() -> None:
    made = eucalyptusconf.read('VNET_PUBLICIPS="10.1.2.3 10.1.2.9-10.1.2.12"')
    assert made.settings is not None
    assert made.settings.network.public_range == "10.1.2.0/28"
    assert any("11 addresses" in trouble for trouble in made.troubles)


def test_the_last_of_two_lines_counts() -> None:
    first, second = eucalyptusconf.read("CC_PORT=9000\nexport CC_PORT='9001'").lines
    assert "line 2" in first.became
    assert "9001" in second.became


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("VNET_MODE=SYSTEM", "LAN"),
        ("VNET_MODE=TUNNEL", "none of"),
        ("VNET_SUBNET=10.0.0.0\nVNET_NETMASK=255.255.255.0", "too small"),
        ("VNET_SUBNET=10.0.0.0\nVNET_NETMASK=255.0.0.0", "first /16"),
        ("VNET_PUBLICIPS=192.168.3.9-192.168.3.1", "ends before"),
        ("VNET_PUBLICIPS=everything", "VNET_PUBLICIPS"),
        ("HYPERVISOR=xen", "QEMU"),
        ('NODES="a b"', "2 nodes"),
        ("what is this", "no assignment"),
        ('VNET_DNS="broken', "not understood"),
        ("rm -rf /", "no assignment"),
        ("VNET_MODE=STATIC\nVNET_SUBNET=10.0.0.0", "VNET_ROUTER"),
        ("VNET_MODE=STATIC\nVNET_SUBNET=10.0.0.0\nVNET_ROUTER=10.0.0.1", "none are given"),
        ("VNET_MODE=MANAGED\nVNET_SUBNET=10.0.0.0\nVNET_ADDRSPERNET=33", "power of two"),
        ("VNET_MODE=MANAGED\nVNET_SUBNET=10.0.0.0\nVNET_ADDRSPERNET=x", "VNET_ADDRSPERNET"),
        ("VNET_MODE=MANAGED\nVNET_SUBNET=10.0.0.0\nVNET_PRIVINTERFACE='a b'", "no name"),
        ("VNET_MODE=MANAGED\nVNET_SUBNET=10.0.0.0\nVNET_ADDRSPERNET=16", "no more VLANs"),
        ("VNET_MODE=MANAGED-NOVLAN\nVNET_PRIVINTERFACE=br0\nVNET_SUBNET=10.0.0.0", "a bridge"),
        ("VNET_DNS=1.1.1.1", "VNET_MODE is not said"),
    ],
)
def test_what_is_not_as_it_was_is_said(text: str, words: str) -> None:
    assert any(words in trouble for trouble in eucalyptusconf.read(text).troubles)


def test_nothing_is_expanded_or_guessed() -> None:
    became = told('INSTANCE_PATH="$HOME/x"\nVNET_COLOUR=blue')
    assert "not expanded" in became["INSTANCE_PATH"]
    assert "no setting of Eucalyptus" in became["VNET_COLOUR"]


def test_ranges_that_overlap_make_no_settings() -> None:
    made = eucalyptusconf.read("VNET_SUBNET=10.10.0.0\nVNET_PUBLICIPS=10.10.0.1-10.10.0.9")
    assert made.settings is None
    assert any("overlaps" in trouble for trouble in made.troubles)


def test_what_no_line_says_is_as_in_the_cloud_that_there_is() -> None:
    held = settings.Settings(
        listen="0.0.0.0", address="192.0.2.9", database_url="postgresql+psycopg://a@b/c"
    )
    made = eucalyptusconf.read(MANAGED, held).settings
    assert made is not None
    assert (made.listen, made.database_url) == ("0.0.0.0", held.database_url)
    assert made.network.mode == "managed"


def test_lines_that_say_what_is_not_understood_are_named() -> None:
    odd = 'if true; then\nCC_PORT=99999\nVNET_MODE="MANAGED"\nVNET_ADDRSPERNET="33"\nFOO\n'
    assert eucalyptusconf.read(odd).unread == (1, 2, 4, 5)
    assert eucalyptusconf.read(MANAGED).unread == ()

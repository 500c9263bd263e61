"""A `eucalyptus.conf` becomes settings, and each of its lines is told what became of it."""

import pytest

from mallee.model import eucalyptusconf, settings

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
    assert network.private_range == "10.10.0.0/16"
    assert network.public_range == "192.168.3.0/27"
    assert network.public_addresses == ("192.168.3.1-192.168.3.31",)
    assert (made.settings.address, made.settings.listen) == ("192.168.3.250", "0.0.0.0")
    assert settings.parse(settings.encode(made.settings)) == made.settings


def test_each_line_is_told_what_became_of_it() -> None:
    became = told(MANAGED)
    assert [line.number for line in eucalyptusconf.read(MANAGED).lines] == list(range(2, 14))
    assert "2048 groups of 32" in became["VNET_ADDRSPERNET"]
    assert "31 of them" in became["VNET_PUBLICIPS"]
    assert "no VLANs" in became["VNET_MODE"]
    assert became["VNET_PUBINTERFACE"].startswith("nothing")
    assert all(became.values())


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
        ("VNET_MACMAP=d0:0d:00:00:00:01=10.0.0.1", "VNET_MACMAP"),
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

"""`system` with real guests: the LAN's DHCP server gives them addresses, the LAN reaches them."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

import pytest

from tests import labs, wholecloud
from tests.labs import Lab
from tests.machines import guests

TEXT = """
[switches.lan]
range = "198.18.50.0/24"

[hosts.world]
role = "world"
nics = [{ switch = "lan", address = "198.18.50.1" }]

[hosts.front]
role = "front"
nics = [{ switch = "lan", address = "198.18.50.2", bridge = "br0" }]

[hosts.dhcp]
role = "bare"
nics = [{ switch = "lan", address = "198.18.50.3" }]

[cloud]
listen = "0.0.0.0"

[cloud.network]
mode = "system"

[cloud.network.classic]
device = "br0"
subnet = "198.18.50.0/24"
"""
SERVER = (
    "dnsmasq --conf-file=/dev/null --port=0 --interface=eth0 --bind-interfaces --user=root "
    "--dhcp-range=198.18.50.100,198.18.50.103,255.255.255.0,1h --dhcp-leasefile=/run/leases "
    "--dhcp-option=option:router,198.18.50.1 --pid-file=/run/dnsmasq.pid --no-ping "
    "--log-facility=/run/dnsmasq.log --dhcp-option=option:domain-name,lan.example"
)
LENT = IPv4Network("198.18.50.100/30")


@pytest.fixture(scope="module")
def lan() -> Iterator[Lab]:
    """A cloud whose one host has its address on the bridge that guests are in too."""
    with labs.up(TEXT) as lab:
        lab.run("dhcp", "sh", "-c", SERVER)
        yield lab


def _leases(lab: Lab) -> dict[str, str]:
    lines = lab.run("dhcp", "cat", "/run/leases").splitlines()
    return {line.split()[2]: line.split()[1] for line in lines}


def test_a_guest_has_the_address_that_the_lan_leases_it(lan: Lab) -> None:
    cloud = lan.cloud
    with guests.ssh_group(cloud, "lan") as group:
        instance = cloud.run(SecurityGroupIds=[group])
        cloud.wait_state(instance, "running")
        shown = cloud.instance(instance)
        address, mac = shown["PrivateIpAddress"], shown["NetworkInterfaces"][0]["MacAddress"]
        assert IPv4Address(address) in LENT
        assert _leases(lan)[address] == mac
        # Its key is from the metadata service, which knows it by its tap.
        said = cloud.ssh_to(address, "ip route; cat /etc/resolv.conf; ip addr show dev eth0")
        assert "default via 198.18.50.1" in said
        assert "lan.example" in said
        assert f"{address}/24" in said
        cloud.terminate(instance)
        wholecloud.wait_until(lambda: address not in _leases(lan), 60, "the lease given back")

"""`system` and `static` with real guests: machines of a LAN, reached by it and by each other."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.model.configuration import settings
from mallee.model.network.classic import Classic
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

[hosts.n1]
nics = [{ switch = "lan", address = "198.18.50.4", bridge = "br0" }]

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
STATIC = Classic(
    device="br0",
    subnet="198.18.50.0/24",
    router="198.18.50.1",
    addresses=("198.18.50.65-198.18.50.66",),
)
HEARD_S = 240.0
SILENT_S, ANSWERS_S = 2, 60


@pytest.fixture(scope="module")
def lan() -> Iterator[Lab]:
    """A cloud whose hosts have their addresses on the bridges that guests are in too."""
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
        wholecloud.wait_until(lambda: address not in _leases(lan), HEARD_S, "the lease given back")


def _change_to_static(lab: Lab) -> None:
    layout = lab.layout("front")
    held = settings.parse(layout.settings.read_text())
    network = replace(held.network, mode="static", classic=STATIC)
    wished = layout.root / "static.toml"
    wished.write_text(settings.encode(replace(held, network=network)))
    lab.mallee("front", "config", "apply", str(wished), "--confirm", "240")


def test_guests_of_two_hosts_have_addresses_of_the_list_and_meet_as_their_rules_say(
    lan: Lab,
) -> None:
    _change_to_static(lan)
    cloud = lan.cloud
    ec2: Any = cloud.ec2
    with guests.ssh_group(cloud, "static") as group:
        made = [cloud.run(InstanceType="t3.nano", SecurityGroupIds=[group]) for _ in range(2)]
        for one in made:
            cloud.wait_state(one, "running")
        assert all(len(set(host["InstanceIds"]) & set(made)) == 1 for host in cloud.hosts())
        ips = [cloud.instance(one)["PrivateIpAddress"] for one in made]
        assert sorted(ips) == ["198.18.50.65", "198.18.50.66"]
        for ip, other in (ips, ips[::-1]):
            # From the world, which is a machine of the LAN; by a key from the metadata service.
            pings = _pings("198.18.50.3", ANSWERS_S)
            said = cloud.ssh_to(ip, f"ip route; ip addr show dev eth0; {pings}")
            assert "default via 198.18.50.1" in said
            assert f"{ip}/24" in said
            assert said.endswith("heard\n")
            assert "heard" not in cloud.ssh_to(ip, _pings(other))
        members = {
            **{"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1},
            "UserIdGroupPairs": [{"GroupId": group}],
        }
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[members])
        for ip, other in (ips, ips[::-1]):
            wholecloud.wait_until(
                lambda ip=ip, other=other: "heard" in cloud.ssh_to(ip, _pings(other)),
                HEARD_S,
                f"{other} to answer {ip}",
            )
        for one in made:
            cloud.terminate(one)
        assert not set(_leases(lan)) & set(ips)


def _pings(address: str, within_s: int = SILENT_S) -> str:
    """The command that says `heard` if an address answers."""
    return f"ping -c 1 -W {within_s} {address} >/dev/null 2>&1 && echo heard || true"

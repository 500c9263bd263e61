"""What dnsmasq tells guests: DHCPv6, router advertisements, option sets, names."""

import contextlib
import itertools
import socket
import struct
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.kit import process
from mallee.model.hosts.hosts import InterfaceWanted, VpcWanted
from mallee.model.network.carried import AddressWanted, DhcpWanted
from tests.node import shapes
from tests.node.do.network.test_network import lease
from tests.node.lab import Guest, Lab
from tests.node.shapes import OPEN

pytestmark = pytest.mark.host

NET = shapes.subnet(1)
ONE = shapes.interface(10, OPEN, inside=NET)
TWO = shapes.interface(11, OPEN, inside=NET)
SOLICIT, ADVERTISE, REQUEST, REPLY = 1, 2, 3, 7
ASKED_AGAIN_S, ASKED_TIMES = 1.0, 10
"""A card that has just been plugged in may not be heard yet, so clients ask more than once."""
_numbers = itertools.count(1)


@pytest.fixture
def lease_script(tmp_path: Path) -> Path:
    script = tmp_path / "told"
    script.write_text('#!/bin/sh\n[ "$1" = deconfig ] || env\n')
    script.chmod(0o755)
    return script


def vpc(*interfaces: InterfaceWanted) -> VpcWanted:
    return shapes.vpc(0, (NET,), interfaces)


def options(packet: bytes) -> dict[int, bytes]:
    """The options of a DHCPv6 message, from where they begin."""
    found: dict[int, bytes] = {}
    while len(packet) >= 4:
        code, length = struct.unpack_from("!HH", packet)
        found[code] = packet[4 : 4 + length]
        packet = packet[4 + length :]
    return found


def option(code: int, body: bytes) -> bytes:
    return struct.pack("!HH", code, len(body)) + body


def ask6(guest: Guest, mac: str) -> dict[int, bytes] | None:
    """Obtain a lease over DHCPv6 as a guest does; return the options of the reply."""

    def ask() -> dict[int, bytes] | None:
        index = socket.if_nametoindex("eth0")
        client = option(1, b"\0\3\0\1" + bytes.fromhex(mac.replace(":", "")))
        wants = option(3, struct.pack("!III", 1, 0, 0)) + option(6, struct.pack("!HH", 23, 24))
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
            udp.settimeout(ASKED_AGAIN_S)
            udp.bind(("::", 546))
            told = b""
            for kind, server in ((SOLICIT, False), (REQUEST, True)):
                head = struct.pack("!I", kind << 24 | next(_numbers))
                about = option(2, options(told[4:])[2]) if server else b""
                asked = head + client + about + wants + option(8, b"\0\0")
                told = answer(udp, asked, index)
                if told is None:
                    return None
            return options(told[4:])

    return guest.do(ask)


def answer(udp: socket.socket, asked: bytes, index: int) -> bytes | None:
    """Ask, again and again as clients do (RFC 8415, 15), until there is an answer to it."""
    for _ in range(ASKED_TIMES):
        udp.sendto(asked, ("ff02::1:2", 547, 0, index))
        with contextlib.suppress(TimeoutError):
            while (told := udp.recv(1500))[1:4] != asked[1:4]:
                continue
            return told
    return None


def leased6(answer: dict[int, bytes]) -> str:
    inner = options(answer[3][12:])
    return str(IPv6Address(inner[5][:16]))


def solicit_router(guest: Guest) -> tuple[str, bytes]:
    """Ask for a router; return who answers, and what."""

    def ask() -> tuple[str, bytes]:
        with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
            raw.settimeout(ASKED_AGAIN_S)
            raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
            index = socket.if_nametoindex("eth0")
            for _ in range(ASKED_TIMES):
                raw.sendto(struct.pack("!BBHI", 133, 0, 0, 0), ("ff02::2", 0, 0, index))
                with contextlib.suppress(TimeoutError):
                    while True:
                        told, sender = raw.recvfrom(1500)
                        if told[0] == 134:
                            return sender[0].partition("%")[0], told
            raise AssertionError("no router answers")

    return guest.do(ask)


def test_a_guest_obtains_its_own_address_over_ipv6(host: Lab) -> None:
    host.apply(shapes.host(vpc(ONE, TWO)))
    for one in (ONE, TWO):
        answer = ask6(host.guest(one), one.mac)
        assert answer is not None
        assert leased6(answer) == str(IPv6Address(one.ipv6s[0]))
        assert IPv6Address(answer[23][:16]) == IPv6Address("fd00:ec2::253")


def test_a_guest_without_an_address_of_ipv6_gets_none(host: Lab) -> None:
    bare = replace(ONE, ipv6s=())
    host.apply(shapes.host(vpc(bare)))
    answer = ask6(host.guest(bare), bare.mac)
    assert answer is None or 5 not in options(answer.get(3, b"")[12:])


def test_the_router_says_that_addresses_are_given(host: Lab) -> None:
    host.apply(shapes.host(vpc(ONE)))
    router, told = solicit_router(host.guest(ONE))
    assert router == "fe80::1"
    is_managed = told[5] & 0x80
    assert is_managed
    assert struct.unpack_from("!H", told, 6)[0] > 0, "it is no default router"
    prefixes = [
        told[at + 3] for at in range(16, len(told), 8) if told[at] == 3 and told[at + 1] == 4
    ]
    assert all(not flags & 0xC0 for flags in prefixes), "neighbours are near, or choose addresses"


def test_option_sets_are_told(host: Lab, lease_script: Path) -> None:
    told = DhcpWanted(
        domain_names=("corp.example",),
        name_servers=("10.0.1.53", "AmazonProvidedDNS"),
        ntp_servers=("10.0.1.123",),
        netbios_name_servers=("10.0.1.44",),
        netbios_node_type=2,
    )
    host.apply(shapes.host(vpc(ONE)))
    assert "domain=ec2.internal" in lease(host.guest(ONE), lease_script)
    host.apply(shapes.host(replace(vpc(ONE), dhcp=told)))
    said = lease(host.guest(ONE), lease_script, "-O", "ntpsrv", "-O", "wins")
    assert "domain=corp.example" in said
    assert "dns=10.0.0.2 10.0.1.53" in said
    assert "ntpsrv=10.0.1.123" in said
    assert "wins=10.0.1.44" in said
    host.apply(shapes.host(replace(vpc(ONE), dns_support=False)))
    assert not [line for line in lease(host.guest(ONE), lease_script) if line.startswith("dns=")]
    with pytest.raises(process.Failed):
        resolve(host.guest(ONE), f"{ONE.hostname}.ec2.internal")


def test_public_names_are_private_addresses_inside_and_public_ones_outside(host: Lab) -> None:
    name, second = (f"ec2-203-0-113-{n}.compute-1.amazonaws.com" for n in (10, 11))
    more = AddressWanted(private_ip="10.0.1.20", public_ip="203.0.113.11", public_name=second)
    one = replace(ONE, public_ip="203.0.113.10", public_name=name, secondary=(more,))
    other_net = shapes.subnet(1, 1)
    other = shapes.interface(10, OPEN, inside=other_net)
    host.apply(shapes.host(vpc(one, TWO), shapes.vpc(1, (other_net,), (other,))))
    assert resolve(host.guest(TWO), name) == ONE.private_ip
    assert resolve(host.guest(TWO), second) == "10.0.1.20"
    assert resolve(host.guest(TWO), "ip-10-0-1-20.ec2.internal") == "10.0.1.20"
    assert resolve(host.guest(other), name, "10.1.0.2") == "203.0.113.10"
    unnamed = replace(one, public_name="", secondary=())
    host.apply(shapes.host(vpc(unnamed, TWO), shapes.vpc(1, (other_net,), (other,))))
    assert resolve(host.guest(TWO), name) == "203.0.113.10"


def test_a_peers_public_names_may_be_private_addresses_here(host: Lab) -> None:
    name = "ec2-203-0-113-10.compute-1.amazonaws.com"
    peering = shapes.peering(0, 1, seen_from=0)
    peer = AddressWanted(private_ip="10.1.1.10", public_ip="203.0.113.10", public_name=name)
    host.apply(shapes.host(replace(vpc(ONE), peerings=(peering,))))
    assert resolve(host.guest(ONE), name) == "203.0.113.10"
    named = replace(peering, peer_names=(peer,))
    host.apply(shapes.host(replace(vpc(ONE), peerings=(named,))))
    assert resolve(host.guest(ONE), name) == "10.1.1.10"
    host.apply(shapes.host(replace(vpc(ONE), peerings=(peering,))))
    assert resolve(host.guest(ONE), name) == "203.0.113.10"


def test_an_instance_is_found_by_its_id_where_it_shall_be(host: Lab) -> None:
    name = f"{ONE.instance_id}.ec2.internal"
    called = replace(ONE, hostname=ONE.instance_id)
    host.apply(shapes.host(vpc(called, TWO)))
    with pytest.raises(process.Failed):
        resolve(host.guest(TWO), name)
    both = replace(called, resource_ips=(ONE.private_ip, ONE.ipv6s[0]))
    host.apply(shapes.host(vpc(both, TWO)))
    guest = host.guest(TWO)
    assert resolve(guest, name) == ONE.private_ip
    assert resolve(guest, name, kind="aaaa") == ONE.ipv6s[0]
    # By its address it is found in any case.
    by_address = f"ip-{ONE.private_ip.replace('.', '-')}.ec2.internal"
    assert resolve(guest, by_address) == ONE.private_ip


def test_a_guest_is_told_what_it_is_called(host: Lab, lease_script: Path) -> None:
    called = replace(ONE, hostname=ONE.instance_id)
    host.apply(shapes.host(vpc(called)))
    said = lease(host.guest(called), lease_script, "-O", "hostname")
    assert f"hostname={ONE.instance_id}" in said


def resolve(guest: Guest, name: str, server: str = "10.0.0.2", kind: str = "a") -> str:
    said = guest.run("busybox", "nslookup", f"-type={kind}", name, server)
    return said.split("Name:")[1].split()[2]

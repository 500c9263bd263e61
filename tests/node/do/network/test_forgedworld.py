"""Who stands outside and speaks under addresses that guests have, against the real kernel.

A group that names another one as peer believes in its members' addresses; so these must be theirs.
"""

import socket

import pytest
from msgspec.structs import replace

from tests.node import lab, shapes
from tests.node.lab import Guest, Lab
from tests.node.shapes import ALL_OUT

pytestmark = pytest.mark.host

MEMBERS, ASKED = "sg-0000000000000000a", "sg-0000000000000000b"
PORT = 4000
RULES = {
    MEMBERS: ALL_OUT,
    ASKED: (
        *ALL_OUT,
        lab.allow("udp", PORT, group=MEMBERS),
        lab.allow("udp", PORT, cidr=f"{lab.WORLD_ADDRESS}/32"),
        replace(lab.allow("udp", PORT), cidr=None, cidr6=f"{lab.WORLD_ADDRESS6}/128"),
        lab.allow("udp", PORT, cidr="203.0.113.12/32"),
    ),
}


def says(world: Guest, source: str, address: str) -> None:
    """Send a datagram from the world under an address."""

    def send() -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as mouth:
            mouth.bind((source, 0))
            mouth.sendto(source.encode(), (address, PORT))

    world.do(send)


@pytest.mark.parametrize("family", [4, 6])
def test_nobody_outside_speaks_as_a_guest(host: Lab, family: int) -> None:
    inside = shapes.subnet(1)
    asked = replace(shapes.interface(11, ASKED, inside=inside), public_ip="203.0.113.11")
    member = replace(shapes.interface(12, MEMBERS, inside=inside), public_ip="203.0.113.12")
    vpc = shapes.vpc(0, (inside,), (asked, member), RULES)
    world = lab.world_of_both(host)
    # The VPC is outside of the range that default ones are of, as any VPC may be.
    wanted = replace(shapes.host(vpc, egress=True), private_range="172.31.0.0/16")
    assert host.apply(wanted) == ()
    host.apply(wanted)
    if family == 4:
        to, honest = asked.public_ip or "", lab.WORLD_ADDRESS
        forged = (member.private_ip, member.public_ip or "")
        ear = host.guest(asked).listen(PORT, socket.SOCK_DGRAM)
    else:
        to, honest, forged = asked.ipv6s[0], lab.WORLD_ADDRESS6, member.ipv6s
        ear = host.guest(asked).listen(PORT, socket.SOCK_DGRAM, "::")
    with ear:
        for source in forged:
            width = 128 if family == 6 else 32
            flags = ("nodad",) if family == 6 else ()
            world.run("ip", "address", "add", f"{source}/{width}", "dev", "lo", *flags)
            says(world, source, to)
        # What is sent last comes last.
        says(world, honest, to)
        assert ear.recv(100).decode() == honest

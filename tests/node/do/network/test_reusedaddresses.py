"""Who gets an address that another guest had gets nothing of what that one was told."""

import socket

import pytest
from msgspec.structs import replace

from mallee.model.hosts.hosts import InterfaceWanted
from tests.node import datagrams, lab, shapes
from tests.node.lab import Lab
from tests.node.shapes import ALL_OUT

pytestmark = pytest.mark.host

OPEN, SHUT = "sg-0000000000000000a", "sg-0000000000000000b"
PORT = 4000
RULES = {OPEN: (*ALL_OUT, lab.allow("udp", PORT, group=SHUT)), SHUT: ALL_OUT}
INSIDE = shapes.subnet(1)


def applied(host: Lab, *interfaces: InterfaceWanted) -> None:
    host.apply(shapes.host(shapes.vpc(0, (INSIDE,), interfaces, RULES)))


@pytest.mark.parametrize("family", [4, 6])
def test_what_was_said_to_a_guest_is_not_said_to_its_heir(host: Lab, family: int) -> None:
    speaker, bystander = (shapes.interface(n, SHUT, inside=INSIDE) for n in (10, 11))
    former = shapes.interface(12, OPEN, inside=INSIDE)
    heir = replace(
        shapes.interface(13, SHUT, inside=INSIDE), private_ip=former.private_ip, ipv6s=former.ipv6s
    )
    applied(host, speaker, bystander, former)
    to = former.private_ip if family == 4 else former.ipv6s[0]
    own = speaker.private_ip if family == 4 else speaker.ipv6s[0]
    mouth = host.guest(speaker).listen(PORT, socket.SOCK_DGRAM, own)
    with mouth, host.guest(former).listen(PORT, socket.SOCK_DGRAM, to) as ear:
        datagrams.exchange(mouth, ear, to)
        host.network.unplug(former.id)
        applied(host, speaker, bystander)
        applied(host, speaker, bystander, heir)
        with host.guest(heir).listen(PORT, socket.SOCK_DGRAM, to) as deaf:
            mouth.sendto(b"to the former", (to, PORT))
            assert datagrams.is_deaf(deaf)


def test_conversations_of_others_and_of_who_is_plugged_go_on(host: Lab) -> None:
    speaker, former = (shapes.interface(n, SHUT, inside=INSIDE) for n in (10, 12))
    other = shapes.interface(11, OPEN, inside=INSIDE)
    applied(host, speaker, other)
    mouth = host.guest(speaker).listen(PORT, socket.SOCK_DGRAM, speaker.private_ip)
    with mouth, host.guest(other).listen(PORT, socket.SOCK_DGRAM, other.private_ip) as ear:
        mouth.sendto(b"one", (other.private_ip, PORT))
        said, sender = ear.recvfrom(100)
        applied(host, speaker, other, former)
        host.network.forget(former)
        host.network.forget(speaker)
        # It began with the other side, whose rules let it.
        ear.sendto(said, sender)
        assert mouth.recv(100) == b"one"

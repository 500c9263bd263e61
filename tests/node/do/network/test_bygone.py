"""Who goes on speaking with the world from one port is heard again when his public address changes,
or another host leads him there."""

import socket
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from mallee.model.network.carried import Way
from tests.node import datagrams, lab, shapes
from tests.node.lab import Lab
from tests.node.shapes import OPEN

pytestmark = pytest.mark.host

PORT = 4000
FIRST, SECOND = "203.0.113.10", "203.0.113.11"
TABLE = "rtb-00000000000000001"
NET = shapes.subnet(1, table=TABLE)
TABLES = (shapes.table(TABLE, ("0.0.0.0/0", Way.INTERNET, "igw-1")),)


def applied(host: Lab, public: str | None, gateway_host_id: str = "") -> None:
    """The guest under a public address; with a gateway host, that leads to the world, not this."""
    one = shapes.interface(10, OPEN, inside=NET, public_ip=public)
    vpc = shapes.vpc(0, (NET,), (one,), route_tables=TABLES, gateway_host_id=gateway_host_id)
    host.apply(shapes.host(vpc, egress=True))


@contextmanager
def conversation(host: Lab) -> Generator[tuple[socket.socket, socket.socket]]:
    """A guest who has spoken with the world under the first address: his socket and the world's."""
    world = lab.world_of(host)
    applied(host, FIRST)
    guest = host.guest(shapes.interface(10, OPEN, inside=NET))
    with (
        guest.listen(PORT, socket.SOCK_DGRAM) as mouth,
        world.listen(PORT, socket.SOCK_DGRAM) as ear,
    ):
        datagrams.exchange(mouth, ear, lab.WORLD_ADDRESS)
        yield mouth, ear


def is_lost(mouth: socket.socket, ear: socket.socket) -> bool:
    """Whether a datagram does not come to the world."""
    mouth.sendto(b"x", (lab.WORLD_ADDRESS, PORT))
    return datagrams.is_deaf(ear)


def test_who_speaks_on_is_heard_when_his_public_address_changes(host: Lab) -> None:
    with conversation(host) as (mouth, ear):
        applied(host, SECOND)
        datagrams.exchange(mouth, ear, lab.WORLD_ADDRESS)
        applied(host, None)
        assert is_lost(mouth, ear)
        applied(host, FIRST)
        datagrams.exchange(mouth, ear, lab.WORLD_ADDRESS)
        # What was forgotten once is no reason to forget what began since.
        applied(host, FIRST)
        datagrams.exchange(mouth, ear, lab.WORLD_ADDRESS)


def test_who_speaks_on_is_heard_when_this_host_leads_again(host: Lab) -> None:
    with conversation(host) as (mouth, ear):
        applied(host, FIRST, gateway_host_id="host-00000000000000002")
        assert is_lost(mouth, ear)
        applied(host, SECOND)
        datagrams.exchange(mouth, ear, lab.WORLD_ADDRESS)


def test_a_connection_from_the_world_goes_on_under_the_same_address(host: Lab) -> None:
    world = lab.world_of(host)
    applied(host, FIRST)
    guest = host.guest(shapes.interface(10, OPEN, inside=NET))
    with guest.listen(PORT) as server, world.connect(FIRST, PORT) as caller:
        accepted, _ = server.accept()
        with accepted:
            accepted.settimeout(lab.ARRIVES_WITHIN_S)
            applied(host, FIRST, gateway_host_id="host-00000000000000002")
            applied(host, FIRST)
            caller.sendall(b"still here")
            assert accepted.recv(100) == b"still here"

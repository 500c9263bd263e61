"""What guests in the administrator's network have with the world, by the gateway host."""

import socket

import pytest

from tests.node import lab, manyhosts, shapes
from tests.node.lab import Guest
from tests.node.modes import wires
from tests.node.modes.test_novlan import PORT, RULES
from tests.node.modes.wires import Field, Told

pytestmark = pytest.mark.host

PUBLIC = "203.0.113.14"


def caller(server: socket.socket, guest: Guest, address: str) -> str:
    """Connect from the guest; return whom the server sees."""
    with guest.connect(address, PORT):
        accepted, sender = server.accept()
        accepted.close()
    return sender[0]


class TestWorld:
    @pytest.fixture
    def told(self) -> Told:
        self.famous = wires.interface(0, 4, shapes.OPEN, public=PUBLIC)
        self.quiet = wires.interface(0, 5, shapes.OPEN)
        self.other = wires.interface(1, 36, shapes.OPEN, public="203.0.113.15")
        self.near = wires.interface(1, 37, shapes.OPEN)
        return Told(
            (
                wires.vpc(0, (self.famous, self.quiet), RULES),
                wires.vpc(1, (self.other, self.near), RULES),
            ),
            {self.famous.id: 1, self.quiet.id: 1, self.other.id: 1, self.near.id: 0},
            egress=True,
        )

    def test_the_world_and_guests_meet_by_the_gateway(self, two: Field, told: Told) -> None:
        world = manyhosts.world_of(two.machines[0])
        assert two.apply(told) == []
        famous, quiet = two.guest(told, self.famous), two.guest(told, self.quiet)
        with famous.listen(PORT) as server, world.listen(PORT) as outside:
            assert caller(server, world, PUBLIC) == lab.WORLD_ADDRESS
            # Without an uplink of its own all of the cloud goes out under the host's address.
            for guest in (famous, quiet, two.guest(told, self.near)):
                assert caller(outside, guest, lab.WORLD_ADDRESS) == "198.51.100.2"
        assert two.apply(told) == []

    def test_with_an_uplink_public_addresses_are_seen(self, two: Field, told: Told) -> None:
        world = manyhosts.world_of(two.machines[0])
        told = wires.with_uplink(told, "uplink")
        assert two.apply(told) == []
        with two.guest(told, self.famous).listen(PORT) as server, world.listen(PORT) as outside:
            assert caller(server, world, PUBLIC) == lab.WORLD_ADDRESS
            assert caller(outside, two.guest(told, self.famous), lab.WORLD_ADDRESS) == PUBLIC
            quiet = two.guest(told, self.quiet)
            assert caller(outside, quiet, lab.WORLD_ADDRESS) == "198.51.100.2"

    def test_public_addresses_mean_their_guests_for_guests_too(
        self, two: Field, told: Told
    ) -> None:
        two.apply(told)
        famous, other = two.guest(told, self.famous), two.guest(told, self.other)
        with famous.listen(PORT) as server:
            assert caller(server, other, PUBLIC) == "203.0.113.15"
            # Who has none is its block's router.
            assert caller(server, two.guest(told, self.quiet), PUBLIC) == "10.20.0.1"
            assert caller(server, two.guest(told, self.near), PUBLIC) == "10.20.0.1"
        with other.listen(PORT) as server:
            assert caller(server, famous, "203.0.113.15") == PUBLIC

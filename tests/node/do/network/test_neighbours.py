"""Guests are asked on their taps, and answer through a real kernel."""

import select
import socket

import pytest
from msgspec.structs import replace

from mallee.node.do.network import namespaces, neighbours
from tests import wholecloud
from tests.node import lab
from tests.node.lab import Lab

pytestmark = pytest.mark.host

GROUP = "sg-0000000000000000a"
ONE, TWO = (lab.make_interface(number, GROUP) for number in (1, 2))
OTHER = lab.make_interface(1, GROUP, vpc=1)


def test_guests_answer_whatever_their_firewall_says(host: Lab) -> None:
    nothing = {GROUP: ()}
    host.apply(
        lab.make_wanted(lab.make_vpc((ONE, TWO), nothing), lab.make_vpc((OTHER,), nothing, vpc=1))
    )
    everybody = {ONE.id, TWO.id, OTHER.id}
    assert host.network.answering((ONE, TWO, OTHER)) == everybody
    assert host.network.answering((ONE, TWO, OTHER)) == everybody


def test_a_guest_that_is_dead_on_its_wire_is_found(host: Lab) -> None:
    host.apply(lab.make_wanted(lab.make_vpc((ONE, TWO), {GROUP: ()})))
    host.guest(ONE).run("ip", "link", "set", "eth0", "down")
    assert host.network.answering((ONE, TWO)) == {TWO.id}
    host.guest(ONE).run("ip", "link", "set", "eth0", "up")
    host.guest(TWO).run("ip", "address", "flush", "dev", "eth0")
    # The kernel tells of carriers a moment later.
    wholecloud.wait_until(
        lambda: host.network.answering((ONE, TWO)) == {ONE.id}, lab.ARRIVES_WITHIN_S, "the first"
    )


def test_only_the_guest_itself_answers_for_itself(host: Lab) -> None:
    host.apply(lab.make_wanted(lab.make_vpc((ONE, TWO), {GROUP: ()})))
    guest = host.guest(TWO)
    guest.run("ip", "link", "set", "eth0", "down")
    guest.run("ip", "link", "set", "eth0", "address", "02:00:00:00:77:77", "up")
    assert host.network.answering((ONE, TWO)) == {ONE.id}, "another card took its place"


def test_an_answer_that_has_come_is_heard_by_who_is_late(host: Lab) -> None:
    """A host that has much to do takes none of its guests for dead by that."""
    host.apply(lab.make_wanted(lab.make_vpc((ONE,), {GROUP: ()})))
    namespace, tap = host.layout.vpc_namespace(ONE.vpc_id), host.layout.tap(ONE.id)
    asked = neighbours.Neighbour(ONE.id, namespace, tap, ONE.mac, ONE.private_ip)
    begun_at: list[float] = []

    def listen() -> socket.socket:
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        raw.bind((tap, 0x0806))
        return raw

    with namespaces.run_inside(namespace, listen) as other:

        def late() -> float:
            if not begun_at:
                begun_at.append(0.0)
                return 0.0
            assert select.select([other], [], [], lab.ARRIVES_WITHIN_S)[0], "no answer came"
            return 2 * neighbours.WITHIN_S

        assert neighbours.answering((asked,), late) == {ONE.id}


def test_who_is_not_there_does_not_answer(host: Lab) -> None:
    host.apply(lab.make_wanted(lab.make_vpc((ONE,), {GROUP: ()})))
    nowhere = replace(TWO, vpc_id="vpc-00000000000000099")
    assert host.network.answering((ONE, TWO, nowhere)) == {ONE.id}
    assert host.network.answering(()) == frozenset()

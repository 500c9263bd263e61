"""Guests are asked on their taps, and answer through a real kernel."""

import pytest
from msgspec.structs import replace

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
    assert host.network.answering((ONE, TWO)) == {ONE.id}


def test_only_the_guest_itself_answers_for_itself(host: Lab) -> None:
    host.apply(lab.make_wanted(lab.make_vpc((ONE, TWO), {GROUP: ()})))
    guest = host.guest(TWO)
    guest.run("ip", "link", "set", "eth0", "down")
    guest.run("ip", "link", "set", "eth0", "address", "02:00:00:00:77:77", "up")
    assert host.network.answering((ONE, TWO)) == {ONE.id}, "another card took its place"


def test_who_is_not_there_does_not_answer(host: Lab) -> None:
    host.apply(lab.make_wanted(lab.make_vpc((ONE,), {GROUP: ()})))
    nowhere = replace(TWO, vpc_id="vpc-00000000000000099")
    assert host.network.answering((ONE, TWO, nowhere)) == {ONE.id}
    assert host.network.answering(()) == frozenset()

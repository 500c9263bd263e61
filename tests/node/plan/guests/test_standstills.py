"""Plans of a guest that stands still for want of room: its end, and reboots that are asked for."""

from mallee.model.compute.instances import Halt, Power
from mallee.node.plan.guests import instances
from mallee.node.plan.guests.seen import DomainState
from tests.node.plan.guests.test_instances import RULES, launched, names


def test_a_guest_that_stands_still_hears_no_button_and_is_switched_off_at_once() -> None:
    for power in (Power.STOPPED, Power.TERMINATED):
        world = launched()
        world.become(DomainState.PAUSED, halt=Halt.NO_ROOM)
        world.want(power=power)
        assert names(world.look())[0] == "Destroy"


def test_a_reboot_of_a_guest_that_stands_still_is_made_when_it_goes_on() -> None:
    for listens in (True, False):
        world = launched()
        world.guest_listens = listens
        world.become(DomainState.PAUSED, halt=Halt.NO_ROOM)
        world.want(reboots=1)
        world.now += instances.RESUME_AGAIN_S
        world.done.clear()
        world.settle()
        assert names(world.done)[:3] == ["Plug", "Resume", "Reboot"]
        assert ("Reset" in names(world.done)) is not listens
        assert world.known is not None
        assert world.known.reboots_done == 1


def test_a_guest_that_stands_still_in_its_reboot_is_resumed_no_oftener() -> None:
    world = launched()
    world.guest_listens = False
    world.want(reboots=1)
    world.run(world.look())
    world.become(DomainState.PAUSED, halt=Halt.NO_ROOM)
    world.now += instances.RESUME_AGAIN_S
    world.run(world.look())
    world.become(DomainState.PAUSED, halt=Halt.NO_ROOM)
    assert world.look() == ()
    assert world.known is not None
    wake_at = instances.wake_at(world.situation(), world.known, RULES)
    world.now += instances.RESUME_AGAIN_S
    assert wake_at == world.now
    assert names(world.look()) == ["Plug", "Resume"]
    world.settle()
    assert names(world.done)[-1] == "Reset"

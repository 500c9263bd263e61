"""No instance waits forever: what cannot be ends in a state with a reason, and gives all back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.cloud.hosts.placing import placement
from mallee.cloud.reconcile import instances, runner
from mallee.cloud.state import records, store
from mallee.model.compute.instances import Phase, Power, Reason, State, state_of
from mallee.model.configuration.settings import Settings
from mallee.model.hosts.hosts import Capacity
from tests.cloud import clouds
from tests.handclock import NOW, HandClock

CAUSE = Reason("Server.InternalError", "QEMU ended: no such machine")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def opened(root_dir: Path, clock: HandClock) -> Iterator[store.Store]:
    for one in clouds.open_store(root_dir, clock):
        one.transact(lambda tx: clouds.add_host(tx, "host-1"))
        one.transact(lambda tx: clouds.launch(tx, 1))
        yield one


async def reconcile(opened: store.Store, clock: HandClock, began_at: float = NOW) -> None:
    """Reconcile, in a process that began then, until nothing is left to be done."""
    now, clock.time = clock.time, began_at
    reconciler = instances.reconciler(opened, clock, Settings())
    clock.time = now
    for _ in range(5):
        await runner.settle_all(reconciler)
    assert reconciler.keys() == ()


def see(opened: store.Store, phase: Phase, **facts: object) -> None:
    opened.transact(lambda tx: clouds.see(tx, "i-1", phase, **facts))


def change(opened: store.Store, **changes: object) -> None:
    from msgspec.structs import replace

    def write(tx: store.Tx) -> None:
        instance = clouds.get(tx, "i-1")
        tx.write(instance, replace(instance.doc, **changes))

    opened.transact(write)


def state(opened: store.Store) -> State:
    instance = clouds.get(opened.view, "i-1")
    return state_of(instance.doc, instance.seen)


def reason(opened: store.Store) -> Reason:
    found = clouds.get(opened.view, "i-1").doc.reason
    assert found is not None
    return found


async def test_what_runs_is_left_alone(opened: store.Store, clock: HandClock) -> None:
    see(opened, Phase.RUNNING)
    rev = opened.view.rev
    clock.time += 100_000
    await reconcile(opened, clock)
    assert opened.view.rev == rev


async def test_a_failed_first_launch_is_terminated_with_its_cause(
    opened: store.Store, clock: HandClock
) -> None:
    see(opened, Phase.FAILED, cause=CAUSE)
    await reconcile(opened, clock)
    assert state(opened) is State.SHUTTING_DOWN
    assert reason(opened) == CAUSE
    see(opened, Phase.GONE)
    await reconcile(opened, clock)
    assert state(opened) is State.TERMINATED
    assert reason(opened) == CAUSE


async def test_a_failed_start_is_stopped_and_keeps_its_disk(
    opened: store.Store, clock: HandClock
) -> None:
    change(opened, launch=2)
    see(opened, Phase.FAILED, cause=CAUSE)
    await reconcile(opened, clock)
    assert state(opened) is State.STOPPED
    assert reason(opened) == CAUSE


async def test_a_guest_that_failed_after_it_ran_keeps_its_disk(
    opened: store.Store, clock: HandClock
) -> None:
    see(opened, Phase.FAILED, cause=CAUSE, restarts=3)
    await reconcile(opened, clock)
    assert clouds.get(opened.view, "i-1").doc.power is Power.STOPPED


async def test_a_launch_is_given_up_at_its_deadline_naming_the_last_step(
    opened: store.Store, clock: HandClock
) -> None:
    see(opened, Phase.PREPARING, step="fetching the image")
    clock.time += Settings().deadlines.launch_s
    await reconcile(opened, clock)
    assert state(opened) is State.PENDING
    clock.time += 1
    await reconcile(opened, clock)
    assert state(opened) is State.SHUTTING_DOWN
    assert reason(opened).code == "Server.InternalError"
    assert "the last step of host name-host-1 was: fetching the image." in reason(opened).message


async def test_a_deadline_does_not_count_the_time_in_which_the_cloud_was_down(
    opened: store.Store, clock: HandClock
) -> None:
    see(opened, Phase.PREPARING, step="fetching the image")
    clock.time += 100_000
    await reconcile(opened, clock, began_at=clock.time)
    assert state(opened) is State.PENDING


async def test_a_launch_on_a_silent_host_is_given_up_saying_so(
    opened: store.Store, clock: HandClock
) -> None:
    opened.transact(lambda tx: clouds.silence(tx, "host-1"))
    clock.time += Settings().deadlines.launch_s + 1
    await reconcile(opened, clock)
    assert state(opened) is State.SHUTTING_DOWN
    assert "host name-host-1 has been silent since 2027-01-15 08:00:00 GMT" in (
        reason(opened).message
    )


@pytest.mark.parametrize(
    ("behavior", "power"), [("stop", Power.STOPPED), ("terminate", Power.TERMINATED)]
)
async def test_a_guest_that_powers_itself_off_follows_its_shutdown_behavior(
    opened: store.Store, clock: HandClock, behavior: str, power: Power
) -> None:
    change(opened, shutdown_behavior=behavior)
    see(opened, Phase.OFF, ended_by_guest=True)
    await reconcile(opened, clock)
    assert clouds.get(opened.view, "i-1").doc.power is power
    assert reason(opened).code == "Client.InstanceInitiatedShutdown"


async def test_a_guest_that_was_switched_off_from_outside_stays_wanted(
    opened: store.Store, clock: HandClock
) -> None:
    see(opened, Phase.OFF, ended_by_guest=False)
    await reconcile(opened, clock)
    assert clouds.get(opened.view, "i-1").doc.power is Power.RUNNING


async def test_a_silent_host_is_the_reason_as_long_as_it_is_silent(
    opened: store.Store, clock: HandClock
) -> None:
    see(opened, Phase.RUNNING)
    opened.transact(lambda tx: clouds.silence(tx, "host-1"))
    await reconcile(opened, clock)
    assert state(opened) is State.RUNNING
    assert "silent since" in reason(opened).message
    opened.transact(lambda tx: clouds.silence(tx, "host-1", is_silent=False))
    await reconcile(opened, clock)
    assert clouds.get(opened.view, "i-1").doc.reason is None


async def test_a_stopped_instance_gives_back_room_but_not_its_disk(
    opened: store.Store, clock: HandClock
) -> None:
    change(opened, power=Power.STOPPED)
    await reconcile(opened, clock)
    assert placement.used(opened.view, "host-1") == Capacity(1, 512, 2)
    see(opened, Phase.OFF)
    await reconcile(opened, clock)
    assert placement.used(opened.view, "host-1") == Capacity(0, 0, 2)
    assert opened.view.owner_of("private-ip/subnet-1", "172.31.0.11") == "eni-1"


@pytest.mark.parametrize("power", [Power.STOPPED, Power.TERMINATED])
async def test_an_overdue_host_is_named(
    opened: store.Store, clock: HandClock, power: Power
) -> None:
    why = Reason("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: by its user.")
    change(opened, power=power, reason=why)
    see(opened, Phase.STOPPING, step="waiting for the guest to power off")
    clock.time += 1000
    await reconcile(opened, clock)
    assert reason(opened).code == why.code
    assert reason(opened).message == (
        "Client.UserInitiatedShutdown: by its user. Not done yet: the last step of host "
        "name-host-1 was: waiting for the guest to power off."
    )
    see(opened, Phase.OFF if power is Power.STOPPED else Phase.GONE)
    await reconcile(opened, clock)
    assert reason(opened) == why


async def test_an_instance_that_is_gone_gives_everything_back_once(
    opened: store.Store, clock: HandClock
) -> None:
    opened.transact(lambda tx: clouds.add_address(tx, "eipalloc-1", "203.0.113.99", "eni-1"))
    change(opened, power=Power.TERMINATED)
    see(opened, Phase.GONE)
    await reconcile(opened, clock)
    view = opened.view
    assert placement.used(view, "host-1") == Capacity(0, 0, 0)
    assert view.held("mac") == {}
    assert view.held("private-ip/subnet-1") == {}
    assert view.held("public-ip") == {"203.0.113.99": "eipalloc-1"}
    assert view.list(records.INTERFACE) == []
    address = view.get(records.ADDRESS, "eipalloc-1")
    assert address is not None
    assert address.doc.interface_id is None
    assert state(opened) is State.TERMINATED


async def test_a_terminated_instance_is_visible_for_an_hour(
    opened: store.Store, clock: HandClock
) -> None:
    change(opened, power=Power.TERMINATED)
    see(opened, Phase.GONE)
    await reconcile(opened, clock)
    clock.time += instances.KEPT_TERMINATED_S
    await reconcile(opened, clock)
    assert state(opened) is State.TERMINATED
    clock.time += 1
    await reconcile(opened, clock)
    assert opened.view.list(records.INSTANCE) == []


async def test_a_lost_disk_ends_the_instance_with_a_reason(
    opened: store.Store, clock: HandClock
) -> None:
    see(opened, Phase.GONE)
    await reconcile(opened, clock)
    assert state(opened) is State.TERMINATED
    assert "no longer has the instance's disk" in reason(opened).message


async def test_a_host_that_was_removed_keeps_nothing_terminating(
    opened: store.Store, clock: HandClock
) -> None:
    change(opened, power=Power.TERMINATED)

    def remove(tx: store.Tx) -> None:
        host = tx.get(records.HOST, "host-1")
        assert host is not None
        tx.delete(host)

    opened.transact(remove)
    await reconcile(opened, clock)
    assert clouds.get(opened.view, "i-1").doc.gone_at is not None

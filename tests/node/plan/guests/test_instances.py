"""Plans of an instance: wherever one is broken off, and whatever happens, the end is the same."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mallee.model.compute.instances import Halt, Halted, Phase, Power, Reason
from mallee.model.hosts.hosts import InstanceWanted
from mallee.model.layout import Layout
from mallee.node.plan.guests import domain, instances, progress, steps
from mallee.node.plan.guests.progress import Progress, Situation, Stage
from mallee.node.plan.guests.seen import DomainState, Ended, SeenDomain, SeenInstance
from tests.node import wants

RULES = instances.Rules(Layout(Path("/m")), stop_s=60.0, terminate_s=10.0)
INTERFACE = wants.make_interface()
SECOND = replace(wants.make_interface(2), instance_id=wants.make_instance().id, device_index=1)
KNOWN = {INTERFACE.id: INTERFACE, SECOND.id: SECOND}
NO_CAUSE = Reason("Server.InternalError", "a test's failure")


@dataclass(slots=True)
class World:
    """A host with one instance: what steps do to it, and what happens to it by itself."""

    wanted: InstanceWanted = field(default_factory=wants.make_instance)
    seen: SeenInstance = field(default_factory=SeenInstance)
    known: Progress | None = None
    now: float = 1_000_000.0
    guest_listens: bool = True
    is_plugged: bool = False
    done: list[steps.Step] = field(default_factory=list)

    def look(self) -> steps.Plan:
        at = self.situation()
        self.known = progress.observe(self.known, at)
        return instances.plan(at, self.known, KNOWN, RULES)

    def situation(self) -> Situation:
        return Situation(self.wanted, self.seen, self.now, "host-a")

    def run(self, plan: steps.Plan, *, twice: bool = False) -> None:
        at = self.situation()
        for step in plan:
            for _ in range(1 + twice):
                self.do(step)
            assert self.known is not None
            self.known = progress.after(self.known, step, at)
            self.done.append(step)

    def settle(self) -> None:
        """Let the agent work until time alone changes nothing any more."""
        for _ in range(100):
            plan = self.look()
            self.run(plan)
            assert self.known is not None
            wake_at = instances.wake_at(self.situation(), self.known, RULES)
            if not plan and wake_at is None:
                return
            if wake_at is not None:
                self.now = max(self.now, wake_at)
        raise AssertionError(f"it never settles: {self.done[-10:]}")

    @property
    def phase(self) -> Phase:
        assert self.known is not None
        return instances.report(self.wanted, self.seen, self.known).phase

    def do(self, step: steps.Step) -> None:
        """What the executors do, in a few words each."""
        seen = self.seen
        match step:
            case steps.FetchImage(blob):
                self._see(cached=seen.cached | {blob.sha256})
            case steps.MakeDirectory():
                self._see(has_directory=True)
            case steps.CloneDisk():
                assert seen.has_directory
                self._see(has_disk=True)
            case steps.CreateTap(interface):
                is_held = seen.is_active and interface.id in seen.cards
                assert not is_held, "a tap was replaced under a guest"
                self.is_plugged = False
                self._see(
                    taps=seen.taps | {interface.id}, unplugged=seen.unplugged | {interface.id}
                )
            case steps.DefineDomain(spec):
                state, ended = DomainState.OFF, Ended.UNKNOWN
                if seen.domain is not None:
                    state, ended = seen.domain.state, seen.domain.ended
                made = SeenDomain("u", spec.instance_id, spec.launch, state, ended)
                self._see(domain=dataclasses.replace(made, nics=frozenset(spec.nics)))
            case steps.Plug(interface):
                assert interface.id in seen.taps
                self.is_plugged = True
                self._see(unplugged=seen.unplugged - {interface.id})
            case steps.RemoveTap(interface_id):
                self._see(taps=seen.taps - {interface_id})
            case steps.RemoveDirectory() | steps.MoveToLost():
                self._see(has_directory=False, has_disk=False)
            case _:
                self._do_to_domain(step)

    def _do_to_domain(self, step: steps.Step) -> None:
        seen = self.seen
        match step:
            case steps.StartPaused():
                assert {b.sha256 for b in instances.blobs_of(self.wanted)} <= seen.cached
                assert seen.has_disk
                if not seen.is_active:
                    self.become(DomainState.PAUSED)
            case steps.Resume():
                assert self.is_plugged, "a guest ran before its network stood"
                self.become(DomainState.RUNNING)
            case steps.ShutDown() if self.guest_listens and seen.is_active:
                self.become(DomainState.OFF, Ended.BY_GUEST)
            case steps.Destroy() if seen.is_active:
                self.become(DomainState.OFF, Ended.SWITCHED_OFF)
            case steps.Reboot() if self.guest_listens:
                self.reset()
            case steps.Reset():
                self.reset()
            case steps.AttachNic(_, nic):
                assert seen.is_active
                assert seen.domain is not None
                self._see(domain=dataclasses.replace(seen.domain, nics=seen.domain.nics | {nic}))
            case steps.DetachNic(_, nic) if self.guest_listens and seen.domain is not None:
                self._see(domain=dataclasses.replace(seen.domain, nics=seen.domain.nics - {nic}))
            case steps.Undefine():
                assert not seen.is_active
                self._see(domain=None)
            case _:
                pass

    def become(
        self, state: DomainState, ended: Ended = Ended.UNKNOWN, halt: Halt | None = None
    ) -> None:
        old = self.seen.domain
        assert old is not None
        self._see(domain=dataclasses.replace(old, state=state, ended=ended, halt=halt))

    def reset(self) -> None:
        old = self.seen.domain
        assert old is not None
        self._see(domain=dataclasses.replace(old, resets=old.resets + 1))

    def _see(self, **changes: object) -> None:
        seen = dataclasses.replace(self.seen, **changes)
        carried = {nic.tap for nic in seen.domain.nics} if seen.domain else set[str]()
        cards = frozenset(id for id in KNOWN if RULES.layout.tap(id) in carried)
        self.seen = dataclasses.replace(seen, cards=cards)

    def want(self, **changes: object) -> None:
        self.wanted = replace(self.wanted, **changes)


def launched() -> World:
    world = World()
    world.settle()
    assert world.phase is Phase.RUNNING
    return world


def test_an_interface_is_attached_to_a_running_guest_and_let_go_again() -> None:
    world = launched()
    world.done.clear()
    world.want(interface_ids=(INTERFACE.id, SECOND.id))
    world.settle()
    assert names(world.done) == ["CreateTap", "AttachNic", "Plug"]
    assert instances.report(world.wanted, world.seen, world.known).interface_ids == (
        INTERFACE.id, SECOND.id,
    )  # fmt: skip
    world.done.clear()
    world.want(interface_ids=(INTERFACE.id,))
    world.settle()
    assert names(world.done) == ["DetachNic"]
    assert world.phase is Phase.RUNNING


def test_a_guest_that_keeps_a_card_is_asked_again() -> None:
    world = launched()
    world.want(interface_ids=(INTERFACE.id, SECOND.id))
    world.settle()
    world.guest_listens = False
    world.want(interface_ids=(INTERFACE.id,))
    for _ in range(3):
        plan = world.look()
        assert names(plan) == ["DetachNic"]
        world.run(plan, twice=True)
    world.guest_listens = True
    world.settle()
    assert world.look() == ()


def test_an_agent_killed_before_a_new_card_was_plugged_plugs_it() -> None:
    world = launched()
    world.want(interface_ids=(INTERFACE.id, SECOND.id))
    world.run(world.look()[:2])
    assert names(world.look()) == ["Plug"]
    world.settle()
    assert not world.seen.unplugged


def test_a_card_that_cannot_be_attached_is_tried_again_later() -> None:
    world = launched()
    world.want(interface_ids=(INTERFACE.id, SECOND.id))
    world.known = progress.after_failure(world.known, NO_CAUSE, world.now, is_final=False)
    assert world.look() == ()
    assert world.phase is Phase.RUNNING
    world.settle()
    assert SECOND.id in world.seen.attached


def names(plan: steps.Plan | list[steps.Step]) -> list[str]:
    return [type(step).__name__ for step in plan]


LAUNCH = [
    *("FetchImage", "FetchImage", "FetchImage", "MakeDirectory", "CloneDisk", "CreateTap"),
    *("DefineDomain", "StartPaused", "Plug", "Resume"),
]


def test_a_first_launch_makes_everything_in_order() -> None:
    assert names(World().look()) == LAUNCH


def test_steps_that_need_nothing_of_each_other_are_done_at_once() -> None:
    assert [names(batch) for batch in instances.batches(World().look())] == [
        ["FetchImage"] * 3,
        ["MakeDirectory"],
        ["CloneDisk", "CreateTap", "DefineDomain"],
        *(["StartPaused"], ["Plug"], ["Resume"]),
    ]


def test_a_launch_broken_off_after_any_step_is_carried_on() -> None:
    for broken_off_after in range(len(LAUNCH) + 1):
        world = World()
        world.run(world.look()[:broken_off_after])
        # A killed agent remembers nothing that was not written, the worst of which is all of it.
        world.known = None
        world.settle()
        assert world.phase is Phase.RUNNING, broken_off_after
        assert names(world.done).count("CloneDisk") == 1
        assert names(world.done).count("StartPaused") == 1


def test_every_step_may_be_done_twice() -> None:
    world = World()
    world.run(world.look(), twice=True)
    world.settle()
    assert world.phase is Phase.RUNNING
    world.want(power=Power.TERMINATED)
    for _ in range(3):
        world.run(world.look(), twice=True)
    assert world.phase is Phase.GONE


def test_a_running_instance_needs_nothing() -> None:
    assert launched().look() == ()


def test_stop_keeps_the_disk_and_nothing_else() -> None:
    world = launched()
    world.want(power=Power.STOPPED)
    world.settle()
    assert world.phase is Phase.OFF
    assert (world.seen.domain, world.seen.taps, world.seen.has_disk) == (None, frozenset(), True)


def test_a_deaf_guest_is_switched_off_after_the_deadline() -> None:
    world = launched()
    world.guest_listens = False
    world.want(power=Power.STOPPED)
    asked_at = world.now
    world.settle()
    assert world.phase is Phase.OFF
    assert world.now - asked_at == RULES.stop_s
    assert names(world.done).count("ShutDown") > 3


def test_a_forced_stop_does_not_wait() -> None:
    world = launched()
    world.want(power=Power.STOPPED, force_stop=True)
    assert names(world.look())[0] == "Destroy"


def test_a_stop_right_after_a_reboot_presses_at_once() -> None:
    world = launched()
    world.guest_listens = False
    world.want(reboots=1)
    world.run(world.look())
    world.want(power=Power.STOPPED)
    assert names(world.look()) == ["ShutDown"]


def test_stopped_and_started_again_in_one_generation_still_powers_off_first() -> None:
    world = launched()
    world.done.clear()
    world.want(launch=2)
    world.settle()
    assert world.phase is Phase.RUNNING
    assert names(world.done) == [
        *("ShutDown", "Undefine", "CreateTap"),
        *("DefineDomain", "StartPaused", "Plug", "Resume"),
    ]
    assert world.seen.domain is not None
    assert world.seen.domain.launch == 2


def test_terminate_leaves_nothing() -> None:
    world = launched()
    world.want(power=Power.TERMINATED)
    world.settle()
    assert world.phase is Phase.GONE
    assert world.seen.is_gone


def test_terminate_during_launch_leaves_nothing_at_any_step() -> None:
    for reached in range(len(LAUNCH)):
        world = World()
        world.run(world.look()[:reached])
        world.want(power=Power.TERMINATED)
        world.settle()
        assert world.phase is Phase.GONE, reached


def test_a_guest_that_powers_itself_off_is_not_started_again() -> None:
    world = launched()
    world.become(DomainState.OFF, Ended.BY_GUEST)
    world.settle()
    assert world.known is not None
    seen = instances.report(world.wanted, world.seen, world.known)
    assert (seen.phase, seen.ended_by_guest) == (Phase.OFF, True)


def test_a_guest_that_ends_otherwise_is_started_again_with_the_cause_kept() -> None:
    for ended in (Ended.CRASHED, Ended.SWITCHED_OFF, Ended.UNKNOWN):
        world = launched()
        world.become(DomainState.OFF, ended)
        assert world.look()
        assert world.phase is Phase.RECOVERING
        world.settle()
        assert world.known is not None
        seen = instances.report(world.wanted, world.seen, world.known)
        assert (seen.phase, seen.restarts) == (Phase.RUNNING, 1)
        assert seen.cause is not None
        assert "host-a" in seen.cause.message


def test_a_guest_whose_recovery_is_disabled_stays_off_and_keeps_its_disk() -> None:
    world = launched()
    world.want(auto_recovers=False)
    world.become(DomainState.OFF, Ended.CRASHED)
    world.settle()
    assert world.phase is Phase.FAILED
    assert world.known is not None
    seen = instances.report(world.wanted, world.seen, world.known)
    assert seen.cause is not None
    assert "recovery is disabled" in seen.cause.message
    assert seen.restarts == 1
    assert world.seen.has_disk


def test_a_guest_that_keeps_dying_is_given_up_with_a_cause() -> None:
    world = launched()
    for _ in range(progress.TRIES_MAX + 1):
        assert world.phase is Phase.RUNNING
        world.become(DomainState.OFF, Ended.CRASHED)
        world.settle()
    assert world.phase is Phase.FAILED
    assert world.known is not None
    assert world.known.cause is not None
    assert (world.seen.domain, world.seen.has_disk) == (None, True)


def test_a_domain_removed_by_hand_is_made_again() -> None:
    world = launched()
    world._see(domain=None)
    world.settle()
    assert world.phase is Phase.RUNNING


def test_a_guest_paused_by_hand_runs_again() -> None:
    world = launched()
    world.become(DomainState.PAUSED)
    world.done.clear()
    world.settle()
    assert names(world.done) == ["Plug", "Resume"]


def test_a_guest_that_stands_still_again_is_not_resumed_without_a_pause() -> None:
    world = launched()
    world.become(DomainState.PAUSED)
    world.now += instances.RESUME_AGAIN_S
    world.run(world.look())
    world.become(DomainState.PAUSED)
    assert world.look() == ()
    world.now += instances.RESUME_AGAIN_S
    assert names(world.look()) == ["Plug", "Resume"]


def halted(world: World) -> Halted | None:
    assert world.known is not None
    return instances.report(world.wanted, world.seen, world.known).halted


def test_a_guest_that_finds_no_room_is_told_until_it_goes_on() -> None:
    world = launched()
    world.now += progress.GOES_ON_AFTER_S
    since = world.now
    for _ in range(3):
        world.become(DomainState.PAUSED, halt=Halt.NO_ROOM)
        world.run(world.look())
        assert halted(world) == Halted(Halt.NO_ROOM, since)
        # It was resumed, and may meet the same again at once: nobody is told otherwise meanwhile.
        world.now += instances.RESUME_AGAIN_S
        world.run(world.look())
        assert halted(world) == Halted(Halt.NO_ROOM, since)
    assert world.phase is Phase.RUNNING
    world.become(DomainState.RUNNING)
    world.now += progress.GOES_ON_AFTER_S
    world.look()
    assert halted(world) is None


def test_a_guest_that_is_off_is_kept_from_nothing() -> None:
    world = launched()
    world.become(DomainState.RUNNING, halt=Halt.QEMU_SILENT)
    world.look()
    assert halted(world) == Halted(Halt.QEMU_SILENT, world.now)
    world.become(DomainState.OFF, Ended.CRASHED)
    world.look()
    assert halted(world) is None


def test_after_a_restart_of_the_machine_the_guest_is_started_again() -> None:
    world = launched()
    world.become(DomainState.OFF, Ended.UNKNOWN)
    world._see(taps=frozenset())
    world.settle()
    assert world.phase is Phase.RUNNING


def test_a_missing_disk_is_not_made_anew_behind_its_owners_back() -> None:
    world = launched()
    world.become(DomainState.OFF, Ended.CRASHED)
    world._see(has_disk=False)
    world.done.clear()
    world.settle()
    assert world.phase is Phase.FAILED
    assert "CloneDisk" not in names(world.done)
    world.want(power=Power.TERMINATED)
    world.settle()
    assert world.phase is Phase.GONE


def test_reboot_is_asked_first_and_made_after_the_deadline() -> None:
    for listens in (True, False):
        world = launched()
        world.guest_listens = listens
        world.want(reboots=1)
        world.done.clear()
        world.settle()
        assert world.known is not None
        assert world.known.reboots_done == 1
        assert ("Reset" in names(world.done)) is not listens
        assert world.seen.is_active


def test_reboots_asked_before_the_guest_ran_are_done_by_its_start() -> None:
    world = World()
    world.want(reboots=2)
    world.settle()
    assert "Reboot" not in names(world.done)


def test_failures_are_tried_again_and_then_given_up() -> None:
    world = World()
    for number in range(progress.TRIES_MAX):
        assert world.look()
        assert world.known is not None
        assert world.phase is Phase.PREPARING, number
        world.known = progress.after_failure(world.known, NO_CAUSE, world.now, is_final=False)
        world.now = max(world.now, world.known.retry_at)
    assert world.phase is Phase.FAILED
    assert world.known.cause == NO_CAUSE
    world.want(launch=2)
    world.settle()
    assert world.phase is Phase.RUNNING


def test_no_try_is_made_before_its_time() -> None:
    world = World()
    world.look()
    assert world.known is not None
    world.known = progress.after_failure(world.known, NO_CAUSE, world.now, is_final=False)
    assert world.look() == ()


def test_leftovers_keep_their_disk_aside() -> None:
    world = launched()
    plan = instances.plan_leftover(world.wanted.id, world.seen)
    assert names(plan) == ["Destroy", "Undefine", "RemoveTap", "MoveToLost"]
    for step in plan:
        world.do(step)
    assert world.seen.is_gone


def test_the_spec_follows_from_what_is_wanted() -> None:
    spec = next(s for s in World().look() if isinstance(s, steps.DefineDomain)).spec
    nics = (domain.Nic("mt0000010000000", INTERFACE.mac),)
    assert (spec.launch, spec.boot, spec.nics) == (1, wants.BOOT, nics)


HAPPENINGS = st.sampled_from(
    [
        *("work", "half", "crash", "by-guest", "by-hand", "undefine", "suspend", "forget", "fail"),
        *("stop", "start", "reboot", "deaf", "hears", "later"),
    ]
)


def happen(world: World, what: str) -> None:
    """Let one thing happen, if it can."""
    match what:
        case "work":
            world.run(world.look())
        case "half":
            plan = world.look()
            world.run(plan[: len(plan) // 2])
        case "crash" | "by-guest" | "by-hand" if world.seen.is_active:
            ended = {"crash": Ended.CRASHED, "by-guest": Ended.BY_GUEST}
            world.become(DomainState.OFF, ended.get(what, Ended.SWITCHED_OFF))
        case "undefine" if world.seen.domain and not world.seen.is_active:
            world._see(domain=None)
        case "suspend" if world.seen.is_active:
            world.become(DomainState.PAUSED)
        case "forget":
            world.known = None
        case "fail" if world.look():
            assert world.known is not None
            world.known = progress.after_failure(world.known, NO_CAUSE, world.now, is_final=False)
        case "stop":
            world.want(power=Power.STOPPED)
        case "start" if world.wanted.power is Power.STOPPED:
            world.want(power=Power.RUNNING, launch=world.wanted.launch + 1)
        case "reboot":
            world.want(reboots=world.wanted.reboots + 1)
        case "deaf" | "hears":
            world.guest_listens = what == "hears"
        case "later":
            world.now += 30.0
        case _:
            pass


@settings(max_examples=300, deadline=None)
@given(st.lists(HAPPENINGS, max_size=25), st.sampled_from(Power))
def test_whatever_happened_the_end_is_what_is_wanted(happened: list[str], power: Power) -> None:
    world = World()
    for what in happened:
        happen(world, what)
    if power is Power.RUNNING:
        world.want(power=power, launch=world.wanted.launch + 1)
    else:
        world.want(power=power)
    world.settle()
    ends = {Power.RUNNING: Phase.RUNNING, Power.TERMINATED: Phase.GONE}
    if power is Power.STOPPED:
        assert world.phase in (Phase.OFF, Phase.FAILED)
        assert world.seen.domain is None
    else:
        assert world.phase is ends[power]
    assert world.known is not None
    assert world.known.stage is not Stage.NEW

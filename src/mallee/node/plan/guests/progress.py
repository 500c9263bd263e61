"""How far an instance has come on this host: what must be remembered because it cannot be seen.

`observe` brings the memory up to date with what is seen, `after` with a step that was done,
`after_failure` with one that failed, `after_absence` with one that has to wait; all are pure, the
ledger keeps the result on disk. Together with what is wanted and seen, progress decides the plan
(`plan.instances`) and the report.

      NEW --resumed--> RAN --guest powered off, or stop was asked--> ENDED
       |                | ^
       |     ended      v | resumed
       |   otherwise RECOVERING
       +------ tries spent -------> FAILED          a newer launch begins at NEW again
"""

from dataclasses import dataclass
from enum import Enum

import msgspec

from mallee.model.compute.instances import Halted, Power, Reason
from mallee.model.hosts.hosts import InstanceWanted
from mallee.node.plan.guests import steps
from mallee.node.plan.guests.seen import DomainState, Ended, SeenInstance

TRIES_MAX = 3
"""A launch that failed so often is given up."""
RETRY_S = 1.0
"""The wait before the second try; it grows fourfold with each further one."""
STEADY_AFTER_S = 60.0
"""A guest that ran so long has proved itself: its next unasked end counts as a first one."""
GOES_ON_AFTER_S = 5.0
"""A guest that stood still goes on when it has run so long since it was resumed: what found no room
is written again at once, so that it stands again before, or does not."""


class Stage(Enum):
    """Where a launch stands."""

    NEW = "new"
    """The guest of this launch has not run yet."""
    RAN = "ran"
    """The guest runs, as far as anyone knows."""
    RECOVERING = "recovering"
    """The guest ran, ended unasked, and is to be started again."""
    ENDED = "ended"
    """The launch is over: stopped as asked, or powered off by its guest."""
    FAILED = "failed"
    """The launch is given up; `cause` says why."""


class Rebooting(msgspec.Struct, frozen=True):
    """A reboot that the guest was asked for and that was not seen yet."""

    asked_at: float
    resets: int
    """`SeenDomain.resets` before it."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of an instance. Times are seconds since the epoch."""

    launch: int
    had_disk: bool = False
    """Whether the disk was seen once: if it is missing then, it is not silently made anew."""
    stage: Stage = Stage.NEW
    cause: Reason | None = None
    ended_by_guest: bool = False
    restarts: int = 0
    reboots_done: int = 0
    rebooting: Rebooting | None = None
    started_at: float = 0.0
    """When the guest was started last, or resumed."""
    asked_off_at: float | None = None
    """When the power button was pressed first for the stop that is going on."""
    pressed_at: float = 0.0
    halted: Halted | None = None
    """What keeps the guest from going on, or kept it a moment ago."""
    tries: int = 0
    """Failures in a row."""
    retry_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Situation:
    """The moment at which something is decided."""

    wanted: InstanceWanted
    seen: SeenInstance
    now: float
    host: str
    """The host's name, for causes."""


def observe(progress: Progress | None, at: Situation) -> Progress:
    """Return progress as it must be, given what is seen."""
    wanted, domain = at.wanted, at.seen.domain
    if progress is None:
        # A running domain of an earlier launch is taken over as that launch, and then ended.
        launch = domain.launch if domain and domain.is_active else wanted.launch
        progress = Progress(launch=launch)
    if progress.launch < wanted.launch and not at.seen.is_active:
        progress = Progress(launch=wanted.launch, had_disk=progress.had_disk)
    progress = _observe_halt(_observe_disk(progress, at), at)
    if progress.stage in (Stage.ENDED, Stage.FAILED):
        return progress
    if domain is not None and domain.launch == progress.launch and domain.is_active:
        return _observe_active(progress, at)
    return _observe_inactive(progress, at)


def after(progress: Progress, step: steps.Step, at: Situation) -> Progress:
    """Return progress after a step was done."""
    match step:
        case steps.CloneDisk():
            return _replace(progress, had_disk=True)
        case steps.Resume() if progress.stage is Stage.RAN:
            # It stood still, and goes on where it was: no reboot is done by that.
            reboots = {"reboots_done": progress.reboots_done, "rebooting": progress.rebooting}
            return _replace(_running(progress, at), **reboots)
        case steps.Resume():
            return _running(progress, at)
        case steps.ShutDown():
            asked_at = at.now if progress.asked_off_at is None else progress.asked_off_at
            return _replace(progress, asked_off_at=asked_at, pressed_at=at.now)
        case steps.Destroy() if progress.asked_off_at is None:
            return _replace(progress, asked_off_at=at.now)
        case steps.Reboot():
            rebooting = progress.rebooting or Rebooting(at.now, _resets(at.seen))
            return _replace(progress, rebooting=rebooting, pressed_at=at.now)
        case steps.Plug() | steps.AttachDisk() if progress.stage is Stage.RAN:
            # A device for a running guest: what failed before is over.
            return _replace(progress, tries=0, retry_at=0.0)
        case steps.Reset():
            return _replace(progress, rebooting=None, reboots_done=at.wanted.reboots)
        case _:
            return progress


def after_failure(progress: Progress, cause: Reason, now: float, *, is_final: bool) -> Progress:
    """Return progress after a step failed: another try later, or the end of the launch."""
    tries = progress.tries + 1
    if progress.stage in (Stage.NEW, Stage.RECOVERING) and (is_final or tries >= TRIES_MAX):
        return _replace(progress, stage=Stage.FAILED, cause=cause, tries=tries)
    return _replace(progress, cause=cause, tries=tries, retry_at=now + _wait_s(tries))


def after_absence(progress: Progress, cause: Reason, now: float) -> Progress:
    """Return progress after a step could not be tried: the cloud is away, and will be back.

    That is no failure of the launch; its deadline is the cloud's to keep.
    """
    return _replace(progress, cause=cause, retry_at=now + RETRY_S)


def _observe_disk(progress: Progress, at: Situation) -> Progress:
    if at.seen.has_disk or not progress.had_disk:
        return _replace(progress, had_disk=at.seen.has_disk)
    if at.seen.is_active or at.wanted.power is not Power.RUNNING:
        return progress
    words = (
        f"The disk of {at.wanted.id} is missing on host {at.host}: somebody removed it. Put it "
        "back and start the instance again, or terminate it."
    )
    return _replace(progress, stage=Stage.FAILED, cause=Reason("Server.InternalError", words))


def _observe_halt(progress: Progress, at: Situation) -> Progress:
    domain, known = at.seen.domain, progress.halted
    if domain is None or not domain.is_active:
        return _replace(progress, halted=None)
    if domain.halt is None:
        may_stand_again = at.now < progress.started_at + GOES_ON_AFTER_S
        return progress if may_stand_again else _replace(progress, halted=None)
    if known is not None and known.by is domain.halt:
        return progress
    return _replace(progress, halted=Halted(domain.halt, at.now))


def _observe_active(progress: Progress, at: Situation) -> Progress:
    domain = at.seen.domain
    assert domain is not None
    if domain.state is DomainState.RUNNING and progress.stage is not Stage.RAN:
        return _running(progress, at)
    if progress.rebooting is not None and domain.resets != progress.rebooting.resets:
        return _replace(progress, rebooting=None, reboots_done=at.wanted.reboots)
    return progress


def _observe_inactive(progress: Progress, at: Situation) -> Progress:
    domain = at.seen.domain
    if at.wanted.power is not Power.RUNNING or at.wanted.launch != progress.launch:
        return _replace(progress, stage=Stage.ENDED)
    ended = domain.ended if domain and domain.launch == progress.launch else Ended.UNKNOWN
    if ended is Ended.BY_GUEST and progress.rebooting is None:
        by_guest = progress.asked_off_at is None
        return _replace(progress, stage=Stage.ENDED, ended_by_guest=by_guest)
    if progress.stage is Stage.RAN:
        return _unasked_end(progress, at, None if domain is None else ended)
    return progress


def _unasked_end(progress: Progress, at: Situation, ended: Ended | None) -> Progress:
    """The guest ended and nobody whom we know wanted it: start it again, but not for ever."""
    what = f"On host {at.host} {_ENDS[ended]}"
    if not at.wanted.auto_recovers:
        words = f"{what}; its automatic recovery is disabled: start it again."
        return _replace(
            progress,
            stage=Stage.FAILED,
            cause=Reason("Server.InternalError", words),
            # It has run: the cloud keeps its disk.
            restarts=progress.restarts + 1,
        )
    tries = progress.tries + 1 if at.now - progress.started_at < STEADY_AFTER_S else 1
    progress = _replace(
        progress,
        stage=Stage.RECOVERING,
        cause=Reason("Server.InternalError", f"{what}; it is started again."),
        restarts=progress.restarts + 1,
        rebooting=None,
        tries=tries,
        # The first restart is immediate.
        retry_at=at.now + (0 if tries == 1 else _wait_s(tries - 1)),
    )
    if tries > TRIES_MAX:
        words = f"{what}, {tries} times in a row; it is given up. Its console may say why."
        return _replace(progress, stage=Stage.FAILED, cause=Reason("Server.InternalError", words))
    return progress


_ENDS: dict[Ended | None, str] = {
    None: "the guest's domain was removed by hand",
    Ended.UNKNOWN: "the machine or its hypervisor was restarted under the guest",
    Ended.BY_GUEST: "the guest powered off instead of rebooting",
    Ended.SWITCHED_OFF: "the guest was switched off by hand",
    Ended.CRASHED: "the guest's QEMU process ended unexpectedly",
}


def _running(progress: Progress, at: Situation) -> Progress:
    """A guest that was just started has thereby done all reboots that were asked before."""
    return _replace(
        progress,
        stage=Stage.RAN,
        started_at=at.now,
        reboots_done=at.wanted.reboots,
        rebooting=None,
        # Failures before a first run are over; after an unasked end they are the reason to count.
        tries=progress.tries if progress.restarts else 0,
        cause=progress.cause if progress.restarts else None,
    )


def _resets(seen: SeenInstance) -> int:
    return seen.domain.resets if seen.domain else 0


def _wait_s(tries: int) -> float:
    return RETRY_S * 4 ** (tries - 1)


def _replace(progress: Progress, **changes: object) -> Progress:
    return msgspec.structs.replace(progress, **changes)

"""The plan of an instance: which steps bring what is on the host to what is wanted.

`plan` is called with everything it needs to know and decides nothing else than the next steps:
after a crash at any step it is called again and plans the rest. `report` says in the cloud's words
what is seen, `wake_at` when to look again although nothing happens.
The order of a launch's steps: first what can fail for lack of space, last what makes it real.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from mallee.model.compute.instances import InstanceSeen, Phase, Power
from mallee.model.hosts.hosts import InstanceWanted, InterfaceWanted
from mallee.model.images.images import Blob
from mallee.model.layout import Layout
from mallee.node.plan.guests import steps
from mallee.node.plan.guests.domain import DomainSpec, Nic
from mallee.node.plan.guests.progress import Progress, Situation, Stage
from mallee.node.plan.guests.seen import DomainState, SeenInstance

PRESS_AGAIN_S = 1.0
"""The power button is pressed again so often: a guest that is still booting ignores it."""
RESUME_AGAIN_S = 3.0
"""A guest that stands still again (its disk found no room on the host) is resumed so often."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What plans of all instances of a host have in common."""

    layout: Layout
    stop_s: float
    """After a guest was asked to power off, or to reboot, it is made to."""
    terminate_s: float
    """The same for a guest whose instance is terminated."""


def plan(
    at: Situation, progress: Progress, interfaces: Mapping[str, InterfaceWanted], rules: Rules
) -> steps.Plan:
    """Return the next steps; empty when there is nothing to do but wait."""
    is_over = progress.stage in (Stage.ENDED, Stage.FAILED)
    if at.wanted.power is not Power.RUNNING or is_over or progress.launch != at.wanted.launch:
        return _plan_off(at, progress, rules)
    if progress.stage is Stage.RAN and at.seen.is_active:
        return _plan_running(at, progress, interfaces, rules)
    if at.now < progress.retry_at:
        return ()
    return _plan_launch(at, interfaces, rules)


def is_turn(old: InstanceWanted, new: InstanceWanted) -> bool:
    """Whether a plan for the one is wrong for the other, and not only in need of a next one."""
    return (old.power, old.launch, old.force_stop) != (new.power, new.launch, new.force_stop)


def batches(plan: steps.Plan) -> tuple[steps.Plan, ...]:
    """Split a plan into batches: the steps of one need nothing of each other."""
    grouped = groupby(enumerate(plan), lambda item: _TOGETHER.get(type(item[1]), item[0]))
    return tuple(tuple(step for _, step in batch) for _, batch in grouped)


_TOGETHER: dict[type, str] = {
    steps.FetchImage: "fetch",
    steps.CloneDisk: "make",
    steps.CreateTap: "make",
    steps.DefineDomain: "make",
}


def plan_leftover(instance_id: str, seen: SeenInstance) -> steps.Plan:
    """Return the steps that clear away what no wanted entry claims; its disk is kept aside."""
    plan: list[steps.Step] = []
    if seen.is_active:
        plan.append(steps.Destroy(instance_id))
    if seen.domain is not None:
        plan.append(steps.Undefine(instance_id))
    plan.extend(steps.RemoveTap(interface_id) for interface_id in sorted(seen.taps))
    if seen.has_disk:
        plan.append(steps.MoveToLost(instance_id))
    elif seen.has_directory:
        plan.append(steps.RemoveDirectory(instance_id))
    return tuple(plan)


def blobs_of(wanted: InstanceWanted) -> tuple[Blob, ...]:
    """The blobs that must be in the image cache for a launch."""
    disk = () if wanted.disk is None else (wanted.disk,)
    if wanted.boot is None:
        return disk
    ramdisk = () if wanted.boot.ramdisk is None else (wanted.boot.ramdisk,)
    return (*disk, wanted.boot.kernel, *ramdisk)


def report(wanted: InstanceWanted, seen: SeenInstance, progress: Progress) -> InstanceSeen:
    """Return what the cloud is told of the instance; the step in words is added by who knows it."""
    return InstanceSeen(
        launch=progress.launch,
        phase=_phase(wanted, seen, progress),
        cause=progress.cause,
        ended_by_guest=progress.ended_by_guest,
        restarts=progress.restarts,
        reboots_done=progress.reboots_done,
        interface_ids=tuple(sorted(seen.attached)),
        volume_ids=tuple(sorted(disk.volume_id for disk in seen.disks)),
        dead_slots=tuple(sorted(disk.slot for disk in seen.torn)),
        halted=progress.halted,
    )


def wake_at(at: Situation, progress: Progress, rules: Rules) -> float | None:
    """When the plan may change by time alone, in seconds since the epoch; None: never."""
    is_rebooting = progress.rebooting is not None and not _stands(at)
    if at.seen.is_active and (progress.asked_off_at is not None or is_rebooting):
        begun = progress.asked_off_at or (progress.rebooting and progress.rebooting.asked_at) or 0.0
        return min(progress.pressed_at + PRESS_AGAIN_S, begun + _patience_s(at.wanted, rules))
    if progress.stage in (Stage.NEW, Stage.RECOVERING) and progress.retry_at > at.now:
        return progress.retry_at
    if progress.stage is Stage.RAN and at.seen.is_active and progress.retry_at > at.now:
        return progress.retry_at
    if progress.stage is Stage.RAN and _stands(at):
        return progress.started_at + RESUME_AGAIN_S
    return None


def _plan_launch(
    at: Situation, interfaces: Mapping[str, InterfaceWanted], rules: Rules
) -> steps.Plan:
    wanted, seen = at.wanted, at.seen
    worn = [interfaces[id] for id in wanted.interface_ids if id in interfaces]
    has_addresses = len(worn) == len(wanted.interface_ids)
    plugs = (*(steps.Plug(interface) for interface in worn), *_plug_encrypted(at))
    connect = (*plugs, steps.Resume(wanted.id))
    if seen.is_active:
        return connect if has_addresses else ()
    missing = [blob for blob in blobs_of(wanted) if blob.sha256 not in seen.cached]
    fetches = [steps.FetchImage(blob) for blob in dict.fromkeys((*seen.awaited_blobs, *missing))]
    if seen.is_awaiting_volumes or (wanted.disk is None and not _has_root(at)):
        # They come with the machine: what its guest does first may be to look for them.
        return tuple(fetches)
    plan: list[steps.Step] = []
    if seen.domain is not None:
        # A new definition in the old one's place would keep how the old one had ended.
        plan.append(steps.Undefine(wanted.id))
    plan.extend(fetches)
    if not seen.has_directory:
        plan.append(steps.MakeDirectory(wanted.id))
    if wanted.disk is not None and not seen.has_disk:
        plan.append(steps.CloneDisk(wanted.id, wanted.disk, wanted.disk_gib))
    if not has_addresses:
        # The LAN has not given them yet: by what network they lead is known when it has.
        return tuple(plan)
    plan.extend(steps.CreateTap(interface) for interface in worn)
    plan.append(steps.DefineDomain(_spec(at, worn, rules.layout)))
    plan.append(steps.StartPaused(wanted.id))
    return (*plan, *connect)


def _plug_encrypted(at: Situation) -> steps.Plan:
    """Put encrypted volumes into a machine that stands: none is in its definition, where its key
    would be on a command line."""
    carried = at.seen.disks
    missing = sorted(it for it in at.seen.volumes if it.is_encrypted and it not in carried)
    return tuple(steps.AttachDisk(at.wanted.id, disk, at.seen.volumes[disk]) for disk in missing)


def _has_root(at: Situation) -> bool:
    """Tell whether its root volume is there to start with."""
    return any(disk.is_root for disk in at.seen.volumes)


def _plan_running(
    at: Situation, progress: Progress, interfaces: Mapping[str, InterfaceWanted], rules: Rules
) -> steps.Plan:
    if _stands(at):
        if at.now < progress.started_at + RESUME_AGAIN_S:
            return ()
        return _plan_launch(at, interfaces, rules)
    if at.wanted.reboots <= progress.reboots_done:
        cards = _plan_cards(at, progress, interfaces, rules)
        return (*cards, *_plan_disks(at, progress))
    if progress.rebooting is None:
        return (steps.Reboot(at.wanted.id),)
    if at.now >= progress.rebooting.asked_at + rules.stop_s:
        return (steps.Reset(at.wanted.id),)
    return _press_again(steps.Reboot(at.wanted.id), at, progress)


def _plan_cards(
    at: Situation, progress: Progress, interfaces: Mapping[str, InterfaceWanted], rules: Rules
) -> steps.Plan:
    """Bring the cards of a running guest to what is wanted.

    An interface that is wanted no more is cut off by the network at once; that its card goes too
    is for the guest to do, who is asked until it does.
    """
    domain = at.seen.domain
    if domain is None or at.now < progress.retry_at:
        return ()
    plan: list[steps.Step] = []
    wanted = {rules.layout.tap(id): id for id in at.wanted.interface_ids}
    carried = {nic.tap for nic in domain.nics}
    for tap, id in wanted.items():
        interface = interfaces.get(id)
        if interface is None:
            continue
        if tap not in carried:
            nic = Nic(tap, interface.mac)
            plan.append(steps.CreateTap(interface))
            plan.append(steps.AttachNic(at.wanted.id, nic, interface.device_index))
        if tap not in carried or id in at.seen.unplugged:
            plan.append(steps.Plug(interface))
    unwanted = sorted((nic for nic in domain.nics if nic.tap not in wanted), key=str)
    return (*plan, *(steps.DetachNic(at.wanted.id, nic) for nic in unwanted))


def _plan_disks(at: Situation, progress: Progress) -> steps.Plan:
    """Bring the volumes of a running guest to what is wanted.

    A volume that is not wanted any more leaves when the guest lets it go, who is asked until then,
    also about the device of one that was taken from it.
    """
    if at.now < progress.retry_at:
        return ()
    # A root volume comes and goes with the machine.
    carried = {disk for disk in at.seen.disks if not disk.is_root}
    wanted = {disk: limits for disk, limits in at.seen.volumes.items() if not disk.is_root}
    kept = {disk.volume_id for disk in at.wanted.disks}
    has = {disk.volume_id for disk in carried}
    new = sorted(disk for disk in wanted if disk.volume_id not in has)
    old = sorted(disk for disk in carried if disk.volume_id not in kept)
    forced = [disk for disk in old if disk.volume_id in at.wanted.forced_volumes]
    return (
        *(steps.TearOutDisk(at.wanted.id, disk) for disk in forced),
        *(steps.AttachDisk(at.wanted.id, disk, wanted[disk]) for disk in new),
        *(steps.DetachDisk(at.wanted.id, disk) for disk in (*old, *sorted(at.seen.torn))),
    )


def _plan_off(at: Situation, progress: Progress, rules: Rules) -> steps.Plan:
    wanted, seen = at.wanted, at.seen
    plan: list[steps.Step] = []
    if seen.is_active:
        if not _is_patience_over(at, progress, rules):
            press = steps.ShutDown(wanted.id)
            is_first = progress.asked_off_at is None
            return (press,) if is_first else _press_again(press, at, progress)
        plan.append(steps.Destroy(wanted.id))
    if seen.domain is not None:
        plan.append(steps.Undefine(wanted.id))
    plan.extend(steps.RemoveTap(interface_id) for interface_id in sorted(seen.taps))
    if wanted.power is Power.TERMINATED and seen.has_directory:
        plan.append(steps.RemoveDirectory(wanted.id))
    return tuple(plan)


def _stands(at: Situation) -> bool:
    return at.seen.domain is not None and at.seen.domain.state is DomainState.PAUSED


def _press_again(step: steps.Step, at: Situation, progress: Progress) -> steps.Plan:
    return (step,) if at.now >= progress.pressed_at + PRESS_AGAIN_S else ()


def _is_patience_over(at: Situation, progress: Progress, rules: Rules) -> bool:
    # One that has not begun, or stands still, does not hear its button.
    if _stands(at) or at.wanted.force_stop or progress.stage is Stage.FAILED:
        return True
    asked_at = progress.asked_off_at
    return asked_at is not None and at.now >= asked_at + _patience_s(at.wanted, rules)


def _patience_s(wanted: InstanceWanted, rules: Rules) -> float:
    return rules.terminate_s if wanted.power is Power.TERMINATED else rules.stop_s


def _spec(at: Situation, worn: list[InterfaceWanted], layout: Layout) -> DomainSpec:
    wanted = at.wanted
    in_order = sorted(worn, key=lambda interface: interface.device_index)
    return DomainSpec(
        instance_id=wanted.id,
        launch=wanted.launch,
        vcpus=wanted.vcpus,
        cpu=wanted.cpu,
        memory_mib=wanted.memory_mib,
        boot=wanted.boot,
        nics=tuple(Nic(layout.tap(interface.id), interface.mac) for interface in in_order),
        disks=tuple(sorted(at.seen.volumes.items(), key=lambda item: item[0].slot)),
    )


def _phase(wanted: InstanceWanted, seen: SeenInstance, progress: Progress) -> Phase:
    if wanted.power is Power.TERMINATED and seen.is_gone:
        return Phase.GONE
    if seen.is_active:
        if wanted.power is not Power.RUNNING or progress.stage in (Stage.ENDED, Stage.FAILED):
            return Phase.STOPPING
    elif progress.stage is Stage.ENDED:
        return Phase.OFF
    return _PHASES[progress.stage]


_PHASES = {
    Stage.NEW: Phase.PREPARING,
    Stage.RAN: Phase.RUNNING,
    Stage.RECOVERING: Phase.RECOVERING,
    Stage.ENDED: Phase.OFF,
    Stage.FAILED: Phase.FAILED,
}

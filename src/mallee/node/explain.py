"""Tells what this host would do now for its instances, in words and without doing it.

It makes the reconciler's own plan from the same three things (wanted, seen, progress), so that what
is told is what would be done. Called by the reconciler, for who asks the cloud why. An instance of
which this host has not heard is not looked for.
"""

from dataclasses import dataclass

from mallee.model.hosts.hosts import InstanceWanted
from mallee.model.hosts.plans import INSTANCES_MAX, HostPlan, InstancePlan, PlannedStep
from mallee.node import fetch
from mallee.node.do.guests.hypervisor import HypervisorFailed
from mallee.node.host import Host
from mallee.node.ledger import Ledger
from mallee.node.network import NetworkKeeper
from mallee.node.plan.guests import instances, progress, steps
from mallee.node.plan.guests.progress import Situation
from mallee.node.volumes.volumes import VolumeKeeper


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the reconciler knows at the moment of the question."""

    host: Host
    ledger: Ledger
    network: NetworkKeeper
    volumes: VolumeKeeper
    wanted: dict[str, InstanceWanted]
    taps: fetch.Taps


def tell(at: Standing, instance_id: str) -> HostPlan:
    """Return what would be done now for one instance, or for all (empty); blocks."""
    asked = (instance_id,) if instance_id else sorted(at.wanted)
    found = [_look(at, id) for id in asked]
    if not instance_id:
        found = [plan for plan in found if plan.steps or plan.problem]
    return HostPlan(
        generation=at.ledger.generation,
        network_generation=at.network.tried_generation,
        network_problems=at.network.problems,
        instances=tuple(found[:INSTANCES_MAX]),
        instances_left_out=max(0, len(found) - INSTANCES_MAX),
    )


def _look(at: Standing, id: str) -> InstancePlan:
    wanted, kept = at.wanted.get(id), at.ledger.progress.get(id)
    if wanted is None and kept is None:
        return InstancePlan(instance_id=id, stage="", problem="this host has not heard of it")
    try:
        seen = at.volumes.joined(fetch.fetch_instance(at.host, id, wanted, at.taps), wanted)
    except (HypervisorFailed, OSError) as error:
        return InstancePlan(instance_id=id, stage="", problem=f"it cannot be looked at: {error}")
    if wanted is None:
        plan = instances.plan_leftover(id, seen)
        return InstancePlan(instance_id=id, stage="", steps=tuple(map(_told, plan)))
    now = Situation(wanted, seen, at.host.clock.now(), at.host.name)
    known = progress.observe(kept, now)
    plan = instances.plan(now, known, at.network.interfaces, at.host.rules)
    return InstancePlan(
        instance_id=id,
        stage=known.stage.value,
        steps=tuple(map(_told, plan)),
        looks_again_at=instances.wake_at(now, known, at.host.rules),
        tries=known.tries,
        last_failure=known.cause,
    )


def _told(step: steps.Step) -> PlannedStep:
    return PlannedStep(type(step).__name__, step.words, _about(step))


def _about(step: steps.Step) -> str:
    match step:
        case steps.FetchImage(blob):
            return blob.sha256
        case steps.CreateTap(interface) | steps.Plug(interface):
            return interface.id
        case steps.RemoveTap(interface_id):
            return interface_id
        case steps.AttachNic(_, nic) | steps.DetachNic(_, nic):
            return nic.mac
        case steps.AttachDisk(_, disk) | steps.DetachDisk(_, disk) | steps.TearOutDisk(_, disk):
            return disk.volume_id
        case steps.DefineDomain(spec):
            return spec.instance_id
        case _:
            return step.instance_id

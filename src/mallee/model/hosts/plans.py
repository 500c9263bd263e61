"""What a host would do now, as its agent tells it: the plan of each instance in words.

The agent's answer to `hosts.ASK_PLAN` is a `HostPlan` as JSON. It is made for people: nothing is
decided by it. No secret is in a plan.
"""

import msgspec

from mallee.model.compute.instances import Reason

INSTANCES_MAX = 50
"""Of a whole host: how many instances that have something to be done are told."""


class PlannedStep(msgspec.Struct, frozen=True):
    """A step that would be done next."""

    name: str
    """The step's class: `CloneDisk`."""
    words: str
    """What it does, in words: `cloning the disk`."""
    about: str = ""
    """What it is done to: an id, or the digest of an image."""


class InstancePlan(msgspec.Struct, frozen=True, kw_only=True):
    """Where an instance stands on its host, and what would be done for it."""

    instance_id: str
    stage: str
    """Where its launch stands: `progress.Stage`; empty: nothing of it is known."""
    steps: tuple[PlannedStep, ...] = ()
    looks_again_at: float | None = None
    """When time alone may change the plan, in seconds since the epoch."""
    tries: int = 0
    """Failures in a row."""
    last_failure: Reason | None = None
    problem: str = ""
    """Why it cannot be looked at."""


class HostPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a host holds as wanted, and what it would do now."""

    generation: int
    """Of what is wanted, as far as the host has heard."""
    network_generation: int
    """For which its network was last set, or tried; -1: never."""
    network_problems: tuple[str, ...] = ()
    instances: tuple[InstancePlan, ...] = ()
    """The one that was asked for; of a whole host those that have something to be done."""
    instances_left_out: int = 0

"""Options of a launch that are few words each: processors, credits, recovery.

Called by `launchrequest`, and by what changes the same options of an instance later. What cannot
be so here is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mallee.aws import errors
from mallee.model.compute.instancetypes import InstanceType

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

HONOURS = frozenset(
    {
        "CpuOptions.CoreCount",
        "CpuOptions.ThreadsPerCore",
        "CreditSpecification.CpuCredits",
        "MaintenanceOptions.AutoRecovery",
    }
)

UNLIMITED, STANDARD = "unlimited", "standard"
NOT_THROTTLED = "No instance is throttled by this cloud: CpuCredits can only be 'unlimited'."


def cores(options: Mapping[str, Any], kind_name: str, most: int) -> int:
    """Return how many cores are asked for, by default `most`; raise for what cannot be."""
    count, threads = options.get("CoreCount", most), options.get("ThreadsPerCore", 1)
    if threads != 1:
        raise errors.InvalidParameterValue(
            f"Value ({threads}) for parameter threadsPerCore is invalid. A core has one thread."
        )
    if not 1 <= count <= most:
        raise errors.InvalidParameterValue(
            f"Value ({count}) for parameter coreCount is invalid. An instance of type "
            f"{kind_name} has 1 to {most} cores."
        )
    return count


def check_credits(request: shapes.RunInstancesRequest, kind: InstanceType) -> None:
    """Take `unlimited` for a burstable type; raise for all else."""
    asked = request.get("CreditSpecification")
    if asked is None:
        return
    wanted = asked.get("CpuCredits", "")
    if not kind.is_burstable:
        raise errors.InvalidParameterCombination(
            f"CreditSpecification may only be used with burstable types, not with {kind.name}."
        )
    if wanted == STANDARD:
        raise errors.UnsupportedOperation(NOT_THROTTLED)
    if wanted != UNLIMITED:
        raise errors.InvalidParameterValue(
            f"Value ({wanted}) for parameter cpuCredits is invalid. Give {UNLIMITED}."
        )


def auto_recovers(word: str) -> bool:
    """Return whether a guest that ends unasked is started again."""
    if word not in ("default", "disabled"):
        raise errors.InvalidParameterValue(
            f"Value ({word}) for parameter autoRecovery is invalid. Give default or disabled."
        )
    return word == "default"

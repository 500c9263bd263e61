"""What a `Placement` says of tenancy: beside whom an instance may be, and on which Dedicated Host.

Called by `launchrequest`, and when a stopped instance's placement is changed. Whether a host takes
the instance is decided by `cloud.hosts.tenancy`, where its room is claimed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mallee.aws import errors
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources
from mallee.cloud.hosts.placing import tenancy
from mallee.cloud.state import records
from mallee.model.compute.instances import Instance

AFFINITIES = ("default", "host")


@dataclass(frozen=True, slots=True)
class Where:
    """Beside whom, and on which Dedicated Host."""

    tenancy: str = tenancy.DEFAULT
    dedicated_host_id: str = ""
    affinity: str = "default"


def parse(call: Call, given: Mapping[str, Any], now: Where) -> Where:
    """Return what is said, over what is so now; raise AWS's error where it contradicts itself."""
    word: str = given.get("Tenancy") or now.tenancy
    if word not in (tenancy.DEFAULT, tenancy.DEDICATED, tenancy.HOST):
        raise errors.InvalidParameterValue(
            f"Value ({word}) for parameter tenancy is invalid. Give default, dedicated or host."
        )
    affinity: str = given.get("Affinity") or now.affinity
    if affinity not in AFFINITIES:
        raise errors.InvalidAffinity(affinity)
    if word != tenancy.HOST:
        for member in ("HostId", "Affinity"):
            if given.get(member) not in (None, "", "default"):
                raise errors.InvalidParameterCombination(
                    f"{member} can only be used with tenancy host, not with {word}."
                )
        return Where(word)
    host_id: str = given.get("HostId") or now.dedicated_host_id
    if host_id:
        host_id = resources.one(call, records.DEDICATED_HOST, host_id).id
    return Where(word, host_id, affinity)


def of_instance(doc: Instance) -> Where:
    """Return what is so of an instance that is there."""
    return Where(doc.tenancy, doc.dedicated_host_id, doc.affinity)

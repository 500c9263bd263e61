"""Hosts, as the cloud's administration sees them: who has joined, what each carries, how it is.

Called through the action table. How hosts join is the business of `joining`.
"""

import datetime
from collections.abc import Iterable
from typing import Any

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.hosts import joining, placement, reserved, tenancy
from mallee.cloud.state import records
from mallee.cloud.state.records import HostSeen, Record
from mallee.model.hosts import Capacity, Host


def create_join_token(call: WriteCall, request: Request) -> Result:
    """Make a token with which one host may join within the hour."""
    return {
        "Token": joining.create_token(call.tx, call.entropy),
        "CaCertificate": call.agents.ca_pem,
        "Port": call.agents.port,
    }


def describe_hosts(call: Call, request: Request) -> Result:
    """Describe the hosts asked for, or all, by name."""
    found = sorted(_asked(call, request.get("HostIds") or ()), key=lambda host: host.doc.name)
    return {"Hosts": [_render(call, host) for host in found]}


def _asked(call: Call, ids: Iterable[str]) -> list[Record[Host, HostSeen]]:
    found: list[Record[Host, HostSeen]] = []
    for id in ids:
        host = call.view.get(records.HOST, id)
        if host is None:
            raise errors.NoSuchResource("host", id)
        found.append(host)
    return found if ids else call.view.list(records.HOST)


def _render(call: Call, host: Record[Host, HostSeen]) -> dict[str, Any]:
    carried = [
        record.id for record in call.view.list(records.INSTANCE) if record.doc.host_id == host.id
    ]
    shown: dict[str, Any] = {
        "HostId": host.id,
        "Name": host.doc.name,
        "Zone": host.doc.zone,
        "State": "silent" if host.seen is None or host.seen.is_silent else "up",
        "JoinedAt": datetime.datetime.fromtimestamp(host.doc.joined_at, datetime.UTC),
        "Used": _quantity(placement.used(call.view, host.id)),
        "Reserved": _quantity(reserved.held(call.view, host.id)),
        "InstanceIds": sorted(carried),
    }
    allocated = tenancy.allocated_as(call.view, host.id)
    if allocated is not None:
        shown["DedicatedHostId"] = allocated.id
        shown["DedicatedAccountId"] = allocated.account
    heard_at = call.agents.heard.get(host.id) or (host.seen.heard_at if host.seen else 0.0)
    if heard_at:
        shown["SecondsSinceHeard"] = round(max(call.now - heard_at, 0.0), 1)
    return {**shown, **_facts(host.seen)}


def _facts(seen: HostSeen | None) -> dict[str, Any]:
    if seen is None:
        return {}
    facts = seen.facts
    return {
        "Capacity": _quantity(facts.capacity),
        "Acceleration": facts.acceleration,
        "AccelerationReason": facts.acceleration_reason,
        "Hypervisor": facts.hypervisor,
        "AgentVersion": facts.agent_version,
        "FreeDiskBytes": facts.free_disk_bytes,
        "Problems": list(facts.problems),
        "Leftovers": list(seen.leftovers),
    }


def _quantity(capacity: Capacity) -> dict[str, int]:
    return {
        "Vcpus": capacity.vcpus,
        "MemoryMib": capacity.memory_mib,
        "DiskGib": capacity.disk_gib,
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="mallee",
        name="CreateJoinToken",
        does=Write(handle=create_join_token),
        honours=frozenset(),
        cloud_admin_only=True,
    ),
    Action(
        service="mallee",
        name="DescribeHosts",
        does=Read(handle=describe_hosts),
        honours=frozenset({"HostIds"}),
        cloud_admin_only=True,
    ),
)

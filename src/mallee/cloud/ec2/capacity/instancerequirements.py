"""GetInstanceTypesFromInstanceRequirements: the types that have what is asked for, found by their
numbers.

Called through the action table. A requirement about something that this cloud cannot know of a
type (maker of the processor, price, bandwidth of its disks) is refused, not passed over.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from mallee.aws import errors
from mallee.cloud import instancetypes
from mallee.cloud.action import Action, Listing
from mallee.cloud.call import Call
from mallee.cloud.ec2.capacity.instancetypes import ARCHITECTURE, VIRTUALIZATION
from mallee.model.compute import instancetypes as presets
from mallee.model.compute.instancetypes import InstanceType

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MIB_PER_GIB = 1024
Asked = Mapping[str, Any]


def _find(
    call: Call, request: shapes.GetInstanceTypesFromInstanceRequirementsRequest
) -> Iterable[InstanceType]:
    asked = cast("Asked", request["InstanceRequirements"])
    if "AllowedInstanceTypes" in asked and "ExcludedInstanceTypes" in asked:
        raise errors.InvalidParameterCombination(
            "AllowedInstanceTypes and ExcludedInstanceTypes may not be used together."
        )
    for name in _SPANS & asked.keys():
        _check_span(name, asked[name])
    if ARCHITECTURE not in request["ArchitectureTypes"]:
        return []
    if VIRTUALIZATION not in request["VirtualizationTypes"]:
        return []
    return sorted(
        (kind for kind in instancetypes.all_types(call.view) if _suits(kind, asked)),
        key=lambda kind: kind.name,
    )


def _check_span(name: str, span: Asked) -> None:
    least, most = span.get("Min"), span.get("Max")
    if least is not None and most is not None and least > most:
        raise errors.InvalidParameterValue(
            f"The minimum of {name} ({least}) is greater than its maximum ({most})."
        )


def _suits(kind: InstanceType, asked: Asked) -> bool:
    return all(test(kind, asked) for test in _TESTS)


def _within(value: float, span: Asked | None) -> bool:
    if span is None:
        return True
    return span.get("Min", value) <= value <= span.get("Max", value)


def _is_named(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _name(kind: InstanceType, asked: Asked) -> bool:
    allowed: list[str] | None = asked.get("AllowedInstanceTypes")
    if allowed is not None and not _is_named(kind.name, allowed):
        return False
    return not _is_named(kind.name, asked.get("ExcludedInstanceTypes") or ())


def _generation(kind: InstanceType, asked: Asked) -> bool:
    wanted: list[str] = asked.get("InstanceGenerations") or []
    return not wanted or ("current" if kind.is_current_generation else "previous") in wanted


def _burstable(kind: InstanceType, asked: Asked) -> bool:
    wanted: str = asked.get("BurstablePerformance", "excluded")
    return wanted == "included" or (wanted == "required") is kind.is_burstable


def _memory_per_vcpu(kind: InstanceType, asked: Asked) -> bool:
    ratio = kind.memory_mib / MIB_PER_GIB / kind.vcpus
    return _within(ratio, asked.get("MemoryGiBPerVCpu"))


def _bandwidth(kind: InstanceType, asked: Asked) -> bool:
    """A type without a limit has as much as is asked for, and more than any maximum."""
    span: Mapping[str, float] = asked.get("NetworkBandwidthGbps") or {}
    if not kind.network_mbps:
        return "Max" not in span
    return _within(kind.network_mbps / 1000, span)


def _absent(kind: InstanceType, asked: Asked) -> bool:
    """What no type has here may be excluded or be all the same, but not be required."""
    return (
        asked.get("BareMetal") != "required"
        and asked.get("LocalStorage") != "required"
        and not asked.get("RequireHibernateSupport")
        and not asked.get("RequireEncryptionInTransit")
        and _within(0, asked.get("AcceleratorCount"))
        and _within(0, asked.get("TotalLocalStorageGB"))
    )


_TESTS: tuple[Callable[[InstanceType, Asked], bool], ...] = (
    _name,
    lambda kind, asked: _within(kind.vcpus, asked.get("VCpuCount")),
    lambda kind, asked: _within(kind.memory_mib, asked.get("MemoryMiB")),
    _memory_per_vcpu,
    _generation,
    _burstable,
    lambda kind, asked: _within(
        presets.interfaces_of(kind.name), asked.get("NetworkInterfaceCount")
    ),
    _bandwidth,
    _absent,
)

_SPANS = frozenset(
    {
        "AcceleratorCount",
        "MemoryGiBPerVCpu",
        "MemoryMiB",
        "NetworkBandwidthGbps",
        "NetworkInterfaceCount",
        "TotalLocalStorageGB",
        "VCpuCount",
    }
)
"""Requirements that have a Min and a Max."""

_HONOURED = (
    *_SPANS,
    "AllowedInstanceTypes",
    "BareMetal",
    "BurstablePerformance",
    "ExcludedInstanceTypes",
    "InstanceGenerations",
    "LocalStorage",
    "RequireEncryptionInTransit",
    "RequireHibernateSupport",
)


def _render(call: Call, kind: InstanceType) -> shapes.InstanceTypeInfoFromInstanceRequirements:
    return {"InstanceType": kind.name}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="GetInstanceTypesFromInstanceRequirements",
        does=Listing(
            find=_find,
            render=_render,
            member="InstanceTypes",
            filters={},
            key=lambda kind: kind.name,
            max_results=(1, 1000),
        ),
        honours=frozenset(
            {
                "ArchitectureTypes",
                "VirtualizationTypes",
                *(f"InstanceRequirements.{name}" for name in _HONOURED),
            }
        ),
    ),
)

"""Instance types: described with what an instance of each really gets here.

Called through the action table, and by `launch` and `instanceattributes` to find a type by name.
The presets are in `model/instancetypes.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mallee.aws import errors
from mallee.cloud.action import Action, Listing
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources, zones
from mallee.model import instancetypes
from mallee.model.instancetypes import InstanceType

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

ARCHITECTURE = "x86_64"
LOCATION_TYPES = ("region", "availability-zone", "availability-zone-id")


@dataclass(frozen=True, slots=True)
class Offering:
    """A type that may be launched at a place."""

    type_name: str
    location: str
    location_type: str

    @property
    def id(self) -> str:
        """Orders offerings for paging."""
        return f"{self.location}/{self.type_name}"


def by_name(name: str) -> InstanceType:
    """Return the type of that name; raise `InvalidParameterValue`, naming some that exist."""
    found = instancetypes.BY_NAME.get(name)
    if found is None:
        raise errors.InvalidParameterValue(
            f"Invalid value '{name}' for InstanceType. DescribeInstanceTypes lists those that "
            f"exist, for example {instancetypes.DEFAULT_NAME}."
        )
    return found


def _find(call: Call, request: shapes.DescribeInstanceTypesRequest) -> Iterable[InstanceType]:
    asked: list[str] = request.get("InstanceTypes") or []
    unknown = [name for name in asked if name not in instancetypes.BY_NAME]
    if unknown:
        raise errors.InvalidInstanceType(", ".join(unknown))
    return [kind for kind in instancetypes.PRESETS if not asked or kind.name in asked]


def _render(call: Call, kind: InstanceType) -> shapes.InstanceTypeInfo:
    return {
        "InstanceType": kind.name,
        "CurrentGeneration": kind.is_current_generation,
        "FreeTierEligible": False,
        "SupportedUsageClasses": ["on-demand"],
        "SupportedRootDeviceTypes": ["ebs"],
        "SupportedVirtualizationTypes": ["hvm"],
        "BareMetal": False,
        "ProcessorInfo": {"SupportedArchitectures": [ARCHITECTURE]},
        "VCpuInfo": {
            "DefaultVCpus": kind.vcpus,
            "DefaultCores": kind.vcpus,
            "DefaultThreadsPerCore": 1,
        },
        "MemoryInfo": {"SizeInMiB": kind.memory_mib},
        "InstanceStorageSupported": False,
        "EbsInfo": {"EbsOptimizedSupport": "unsupported", "EncryptionSupport": "unsupported"},
        "NetworkInfo": {
            "MaximumNetworkInterfaces": instancetypes.interfaces_of(kind.name),
            "MaximumNetworkCards": 1,
            "DefaultNetworkCardIndex": 0,
            "Ipv4AddressesPerInterface": instancetypes.addresses_per_interface(kind.name),
            "Ipv6AddressesPerInterface": instancetypes.addresses_per_interface(kind.name),
            "Ipv6Supported": True,
            "EnaSupport": "unsupported",
            "EfaSupported": False,
        },
        "HibernationSupported": False,
        "BurstablePerformanceSupported": kind.is_burstable,
        "DedicatedHostsSupported": False,
        "AutoRecoverySupported": False,
        "SupportedBootModes": ["legacy-bios"],
    }


def _find_offerings(
    call: Call, request: shapes.DescribeInstanceTypeOfferingsRequest
) -> Iterable[Offering]:
    location_type: str = request.get("LocationType", "region")
    region = call.settings.region
    names = zones.names(call.view, call.settings)
    if location_type == "region":
        places = [region]
    elif location_type == "availability-zone":
        places = names
    elif location_type == "availability-zone-id":
        places = [zones.id_of(name, region) for name in names]
    else:
        raise errors.InvalidParameterValue(
            f"Invalid value '{location_type}' for LocationType. Give one of "
            f"{', '.join(LOCATION_TYPES)}."
        )
    return [
        Offering(kind.name, place, location_type)
        for place in places
        for kind in instancetypes.PRESETS
    ]


def _render_offering(call: Call, offering: Offering) -> shapes.InstanceTypeOffering:
    return {
        "InstanceType": offering.type_name,
        "LocationType": offering.location_type,
        "Location": offering.location,
    }


_UNSUPPORTED = (
    "bare-metal",
    "dedicated-hosts-supported",
    "auto-recovery-supported",
    "free-tier-eligible",
    "hibernation-supported",
    "instance-storage-supported",
    "network-info.efa-supported",
    "network-info.ipv6-supported",
)
"""Filters whose value is `false` for every type."""

FILTERS: dict[str, Callable[[Call, InstanceType], Iterable[str]]] = {
    "instance-type": lambda call, kind: (kind.name,),
    "current-generation": lambda call, kind: (resources.boolean(kind.is_current_generation),),
    "burstable-performance-supported": lambda call, kind: (resources.boolean(kind.is_burstable),),
    "memory-info.size-in-mib": lambda call, kind: (str(kind.memory_mib),),
    "vcpu-info.default-vcpus": lambda call, kind: (str(kind.vcpus),),
    "vcpu-info.default-cores": lambda call, kind: (str(kind.vcpus),),
    "vcpu-info.default-threads-per-core": lambda call, kind: ("1",),
    "processor-info.supported-architecture": lambda call, kind: (ARCHITECTURE,),
    "supported-root-device-type": lambda call, kind: ("ebs",),
    "supported-virtualization-type": lambda call, kind: ("hvm",),
    "supported-usage-class": lambda call, kind: ("on-demand",),
    "supported-boot-mode": lambda call, kind: ("legacy-bios",),
    "ebs-info.ebs-optimized-support": lambda call, kind: ("unsupported",),
    "ebs-info.encryption-support": lambda call, kind: ("unsupported",),
    "network-info.ena-support": lambda call, kind: ("unsupported",),
    "network-info.maximum-network-interfaces": lambda call, kind: (
        str(instancetypes.interfaces_of(kind.name)),
    ),
    "network-info.maximum-network-cards": lambda call, kind: ("1",),
    "network-info.ipv4-addresses-per-interface": lambda call, kind: ("1",),
    "network-info.ipv6-addresses-per-interface": lambda call, kind: ("0",),
    **{name: lambda call, kind: ("false",) for name in _UNSUPPORTED},
}

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeInstanceTypes",
        does=Listing(
            find=_find,
            render=_render,
            member="InstanceTypes",
            filters=FILTERS,
            key=lambda kind: kind.name,
            max_results=(5, 100),
        ),
        honours=frozenset({"InstanceTypes"}),
    ),
    Action(
        service="ec2",
        name="DescribeInstanceTypeOfferings",
        does=Listing(
            find=_find_offerings,
            render=_render_offering,
            member="InstanceTypeOfferings",
            filters={
                "instance-type": lambda call, offering: (offering.type_name,),
                "location": lambda call, offering: (offering.location,),
            },
        ),
        honours=frozenset({"LocationType"}),
    ),
)

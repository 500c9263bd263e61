"""Instance types: described with what an instance of each really gets here.

Called through the action table, and by `launch` and `instanceattributes` to find a type by name.
Which types there are is `cloud/instancetypes.py`'s business; which of them have what a request
wants of a type, `instancerequirements`'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mallee.aws import errors
from mallee.cloud import instancetypes as known
from mallee.cloud.action import Action, Listing
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources, zones
from mallee.cloud.ec2.capacity import oldtypes
from mallee.cloud.state import store
from mallee.model.compute import instancetypes
from mallee.model.compute.instancetypes import InstanceType

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

ARCHITECTURE = "x86_64"
VIRTUALIZATION = "hvm"
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


def by_name(view: store.View | store.Tx, name: str) -> InstanceType:
    """Return the type of that name; raise `InvalidParameterValue`, naming one that exists."""
    found = known.find(view, name)
    if found is None:
        raise errors.InvalidParameterValue(
            f"Invalid value '{name}' for InstanceType. DescribeInstanceTypes lists those that "
            f"exist, for example {instancetypes.DEFAULT_NAME}."
        )
    return found


def _find(call: Call, request: shapes.DescribeInstanceTypesRequest) -> Iterable[InstanceType]:
    asked: list[str] = request.get("InstanceTypes") or []
    unknown = [name for name in asked if known.find(call.view, name) is None]
    if unknown:
        raise errors.InvalidInstanceType(", ".join(unknown))
    return [kind for kind in known.all_types(call.view) if not asked or kind.name in asked]


def _render(call: Call, kind: InstanceType) -> shapes.InstanceTypeInfo:
    return {
        "InstanceType": kind.name,
        "CurrentGeneration": kind.is_current_generation,
        "FreeTierEligible": False,
        "SupportedUsageClasses": ["on-demand"],
        "SupportedRootDeviceTypes": ["ebs"],
        "SupportedVirtualizationTypes": [VIRTUALIZATION],
        "BareMetal": False,
        "ProcessorInfo": {"SupportedArchitectures": [ARCHITECTURE]},
        "VCpuInfo": {
            "DefaultVCpus": kind.vcpus,
            "DefaultCores": kind.vcpus,
            "DefaultThreadsPerCore": 1,
            "ValidCores": list(range(1, kind.vcpus + 1)),
            "ValidThreadsPerCore": [1],
        },
        "MemoryInfo": {"SizeInMiB": kind.memory_mib},
        "InstanceStorageSupported": False,
        "EbsInfo": {
            "EbsOptimizedSupport": "unsupported",
            "EncryptionSupport": "unsupported",
            "NvmeSupport": "unsupported",
        },
        "NetworkInfo": {
            "NetworkPerformance": _bandwidth(kind),
            "NetworkCards": [_card(kind)],
            "MaximumNetworkInterfaces": instancetypes.interfaces_of(kind.name),
            "MaximumNetworkCards": 1,
            "DefaultNetworkCardIndex": 0,
            "Ipv4AddressesPerInterface": instancetypes.addresses_per_interface(kind.name),
            "Ipv6AddressesPerInterface": instancetypes.addresses_per_interface(kind.name),
            "Ipv6Supported": True,
            "EnaSupport": "unsupported",
            "EfaSupported": False,
            "EncryptionInTransitSupported": False,
            "FlexibleEnaQueuesSupport": "unsupported",
        },
        "PlacementGroupInfo": {"SupportedStrategies": ["cluster", "partition", "spread"]},
        "HibernationSupported": False,
        "BurstablePerformanceSupported": kind.is_burstable,
        "DedicatedHostsSupported": True,
        "AutoRecoverySupported": True,
        "SupportedBootModes": ["legacy-bios"],
        "NitroEnclavesSupport": "unsupported",
        "NitroTpmSupport": "unsupported",
        "PhcSupport": "unsupported",
        "RebootMigrationSupport": "unsupported",
    }


def _card(kind: InstanceType) -> shapes.NetworkCardInfo:
    card: shapes.NetworkCardInfo = {
        "NetworkCardIndex": 0,
        "NetworkPerformance": _bandwidth(kind),
        "MaximumNetworkInterfaces": instancetypes.interfaces_of(kind.name),
    }
    if kind.network_mbps:
        # Nobody may be faster for a while: the peak is the baseline.
        gbps = kind.network_mbps / 1000
        card["BaselineBandwidthInGbps"] = card["PeakBandwidthInGbps"] = gbps
    return card


def _bandwidth(kind: InstanceType) -> str:
    """Return the bandwidth in AWS's words: `12.5 Gigabit`."""
    if not kind.network_mbps:
        return "Unlimited"
    if kind.network_mbps < 1000:
        return f"{kind.network_mbps} Megabit"
    return f"{kind.network_mbps / 1000:g} Gigabit"


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
        for kind in known.all_types(call.view)
    ]


def _render_offering(call: Call, offering: Offering) -> shapes.InstanceTypeOffering:
    return {
        "InstanceType": offering.type_name,
        "LocationType": offering.location_type,
        "Location": offering.location,
    }


_FALSE = (
    "bare-metal",
    "free-tier-eligible",
    "hibernation-supported",
    "instance-storage-supported",
    "network-info.efa-supported",
    "network-info.encryption-in-transit-supported",
)
"""Filters whose value is `false` for every type."""

_UNSUPPORTED = (
    "ebs-info.ebs-optimized-support",
    "ebs-info.encryption-support",
    "ebs-info.nvme-support",
    "network-info.ena-support",
    "network-info.flexible-ena-queues-support",
    "nitro-enclaves-support",
    "nitro-tpm-support",
    "reboot-migration-support",
)
"""Filters whose value is `unsupported` for every type."""

_ABSENT = (
    "ebs-info.attachment-limit-type",
    "ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps",
    "ebs-info.ebs-optimized-info.baseline-iops",
    "ebs-info.ebs-optimized-info.baseline-throughput-in-mbps",
    "ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps",
    "ebs-info.ebs-optimized-info.maximum-iops",
    "ebs-info.ebs-optimized-info.maximum-throughput-in-mbps",
    "ebs-info.maximum-ebs-attachments",
    "hypervisor",
    "instance-storage-info.disk.count",
    "instance-storage-info.disk.size-in-gb",
    "instance-storage-info.disk.type",
    "instance-storage-info.encryption-support",
    "instance-storage-info.nvme-support",
    "instance-storage-info.total-size-in-gb",
    "network-info.bandwidth-weightings",
    "network-info.efa-info.maximum-efa-interfaces",
    "nitro-tpm-info.supported-versions",
    "processor-info.supported-features",
    "processor-info.sustained-clock-speed-in-ghz",
)
"""Filters about what no type has here, or what nobody can know of it: no value matches."""


def _vcpus(call: Call, kind: InstanceType) -> Iterable[str]:
    # One thread per core, so cores and processors are the same number.
    return (str(kind.vcpus),)


def _addresses(call: Call, kind: InstanceType) -> Iterable[str]:
    return (str(instancetypes.addresses_per_interface(kind.name)),)


FILTERS: dict[str, Callable[[Call, InstanceType], Iterable[str]]] = {
    "instance-type": lambda call, kind: (kind.name,),
    "current-generation": lambda call, kind: (resources.boolean(kind.is_current_generation),),
    "burstable-performance-supported": lambda call, kind: (resources.boolean(kind.is_burstable),),
    "memory-info.size-in-mib": lambda call, kind: (str(kind.memory_mib),),
    "vcpu-info.default-vcpus": _vcpus,
    "vcpu-info.default-cores": _vcpus,
    "vcpu-info.default-threads-per-core": lambda call, kind: ("1",),
    "vcpu-info.valid-cores": lambda call, kind: map(str, range(1, kind.vcpus + 1)),
    "vcpu-info.valid-threads-per-core": lambda call, kind: ("1",),
    "processor-info.supported-architecture": lambda call, kind: (ARCHITECTURE,),
    "supported-root-device-type": lambda call, kind: ("ebs",),
    "supported-virtualization-type": lambda call, kind: (VIRTUALIZATION,),
    "supported-usage-class": lambda call, kind: ("on-demand",),
    "supported-boot-mode": lambda call, kind: ("legacy-bios",),
    "network-info.maximum-network-interfaces": lambda call, kind: (
        str(instancetypes.interfaces_of(kind.name)),
    ),
    "network-info.maximum-network-cards": lambda call, kind: ("1",),
    "network-info.ipv4-addresses-per-interface": _addresses,
    "network-info.ipv6-addresses-per-interface": _addresses,
    "network-info.network-performance": lambda call, kind: (_bandwidth(kind),),
    "network-info.ipv6-supported": lambda call, kind: ("true",),
    "auto-recovery-supported": lambda call, kind: ("true",),
    "dedicated-hosts-supported": lambda call, kind: ("true",),
    **{name: lambda call, kind: ("false",) for name in _FALSE},
    **{name: lambda call, kind: ("unsupported",) for name in _UNSUPPORTED},
    **{name: lambda call, kind: () for name in _ABSENT},
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
        beside=oldtypes.beside,
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

"""Instance types: how much of a host an instance of each type gets.

The presets are Eucalyptus' classic ones and AWS's general-purpose, compute and memory families
with AWS's numbers. A root disk has at least `disk_gib`; a larger image or request makes it larger.
Bandwidths are AWS's baselines, of the classic types none: Eucalyptus limited nobody.
An administration defines others, changes presets and takes them away (`cloud/instancetypes.py`).
"""

from collections.abc import Iterable

import msgspec


class InstanceType(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A type as instances are launched with it."""

    name: str
    vcpus: int
    memory_mib: int
    disk_gib: int
    """The smallest root disk."""
    is_current_generation: bool = True
    is_burstable: bool = False
    network_mbps: int = 0
    """How fast each of its interfaces sends, and receives; 0: as fast as it can."""

    @property
    def family(self) -> str:
        """The part before the dot: `m5`."""
        return self.name.partition(".")[0]


class DefinedType(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the cloud's administration says of a name: a type, or that a preset is not to be had."""

    type: InstanceType | None = None
    """None: the preset of that name is taken away."""


_CLASSIC = (
    # Eucalyptus' presets: virtual CPUs, MiB, GiB.
    ("m1.small", 1, 256, 5),
    ("t1.micro", 1, 256, 5),
    ("c1.medium", 1, 256, 5),
    ("m1.medium", 1, 512, 10),
    ("m1.large", 2, 512, 10),
    ("m1.xlarge", 2, 1024, 20),
    ("m2.xlarge", 2, 2048, 20),
    ("c1.xlarge", 4, 2048, 20),
)

_BURSTABLE_SIZES = (
    # Virtual CPUs of t2, those of later generations, MiB, megabits per second.
    ("nano", 1, 2, 512, 32),
    ("micro", 1, 2, 1024, 64),
    ("small", 1, 2, 2048, 128),
    ("medium", 2, 2, 4096, 256),
    ("large", 2, 2, 8192, 512),
    ("xlarge", 4, 4, 16384, 1024),
    ("2xlarge", 8, 8, 32768, 2048),
)
_BURSTABLE_FAMILIES = ("t2", "t3", "t3a")

_SIZES = (("large", 2), ("xlarge", 4), ("2xlarge", 8), ("4xlarge", 16))
_LARGE_SIZES = (("8xlarge", 32), ("12xlarge", 48), ("16xlarge", 64), ("24xlarge", 96))
_LARGE_COMPUTE_SIZES = (("9xlarge", 36), ("12xlarge", 48), ("18xlarge", 72), ("24xlarge", 96))
_MEMORY_PER_VCPU_MIB = {"c": 2048, "m": 4096, "r": 8192}
_MBPS_OF_FIFTH = {
    "large": 750,
    "xlarge": 1250,
    "2xlarge": 2500,
    "4xlarge": 5000,
    "8xlarge": 10_000,
    "9xlarge": 12_000,
    "12xlarge": 12_000,
    "16xlarge": 20_000,
    "18xlarge": 25_000,
    "24xlarge": 25_000,
}
_MBPS_PER_VCPU = 390.625
"""Of the families after the fifth generation, whatever the size."""
_FAMILIES = ("c5", "c6i", "c7i", "m5", "m6i", "m7i", "r5", "r6i", "r7i")

DEFAULT_NAME = "m1.small"
DEFAULT_DISK_GIB = 8
"""The root disk of AWS's types, which bring no disk of their own."""


def _classic() -> Iterable[InstanceType]:
    for name, vcpus, mib, gib in _CLASSIC:
        yield InstanceType(
            name=name, vcpus=vcpus, memory_mib=mib, disk_gib=gib, is_current_generation=False
        )


def _burstable() -> Iterable[InstanceType]:
    for family in _BURSTABLE_FAMILIES:
        for size, few, more, mib, mbps in _BURSTABLE_SIZES:
            yield InstanceType(
                name=f"{family}.{size}",
                vcpus=few if family == "t2" else more,
                memory_mib=mib,
                disk_gib=DEFAULT_DISK_GIB,
                is_burstable=True,
                network_mbps=mbps,
            )


def _steady() -> Iterable[InstanceType]:
    for family in _FAMILIES:
        larger = _LARGE_COMPUTE_SIZES if family == "c5" else _LARGE_SIZES
        for size, vcpus in _SIZES + larger:
            is_fifth = family[1:] == "5"
            mbps = _MBPS_OF_FIFTH[size] if is_fifth else int(vcpus * _MBPS_PER_VCPU)
            yield InstanceType(
                name=f"{family}.{size}",
                vcpus=vcpus,
                memory_mib=vcpus * _MEMORY_PER_VCPU_MIB[family[0]],
                disk_gib=DEFAULT_DISK_GIB,
                network_mbps=mbps,
            )


PRESETS: tuple[InstanceType, ...] = (*_classic(), *_burstable(), *_steady())

BY_NAME: dict[str, InstanceType] = {preset.name: preset for preset in PRESETS}

# As on AWS: how many interfaces, and how many addresses each of them may have.
_ROOM_BY_SIZE: dict[str, tuple[int, int]] = {
    "nano": (2, 2),
    "micro": (2, 2),
    "small": (3, 4),
    "medium": (3, 6),
    "large": (3, 10),
    "xlarge": (4, 15),
    "2xlarge": (4, 15),
    "4xlarge": (8, 30),
}
_LARGEST = (8, 30)


def interfaces_of(name: str) -> int:
    """Return how many interfaces an instance of the type may have."""
    return _room_of(name)[0]


def addresses_per_interface(name: str) -> int:
    """Return how many IPv4, and how many IPv6 addresses, each of its interfaces may have."""
    return _room_of(name)[1]


def _room_of(name: str) -> tuple[int, int]:
    size = name.partition(".")[2]
    return _ROOM_BY_SIZE.get(size, _LARGEST if size[:1].isdigit() else _ROOM_BY_SIZE["medium"])

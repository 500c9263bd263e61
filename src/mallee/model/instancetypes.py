"""Instance types: how much of a host an instance of each type gets.

The presets are Eucalyptus' classic five and AWS's general-purpose, compute and memory families
with AWS's numbers. A root disk has at least `disk_gib`; a larger image or request makes it larger.
"""

import msgspec


class InstanceType(msgspec.Struct, frozen=True, kw_only=True):
    """A type as instances are launched with it."""

    name: str
    vcpus: int
    memory_mib: int
    disk_gib: int
    """The smallest root disk."""
    is_current_generation: bool = True
    is_burstable: bool = False

    @property
    def family(self) -> str:
        """The part before the dot: `m5`."""
        return self.name.partition(".")[0]


_CLASSIC = (
    # Eucalyptus' presets: virtual CPUs, MiB, GiB.
    ("m1.small", 1, 256, 5),
    ("c1.medium", 1, 256, 5),
    ("m1.large", 2, 512, 10),
    ("m1.xlarge", 2, 1024, 20),
    ("c1.xlarge", 4, 2048, 20),
)

_BURSTABLE_SIZES = {
    "t2": (
        ("nano", 1, 512),
        ("micro", 1, 1024),
        ("small", 1, 2048),
        ("medium", 2, 4096),
        ("large", 2, 8192),
        ("xlarge", 4, 16384),
        ("2xlarge", 8, 32768),
    ),
    "t3": (
        ("nano", 2, 512),
        ("micro", 2, 1024),
        ("small", 2, 2048),
        ("medium", 2, 4096),
        ("large", 2, 8192),
        ("xlarge", 4, 16384),
        ("2xlarge", 8, 32768),
    ),
}

_SIZES = (("large", 2), ("xlarge", 4), ("2xlarge", 8), ("4xlarge", 16))
_MEMORY_PER_VCPU_MIB = {"c5": 2048, "m5": 4096, "r5": 8192}

DEFAULT_NAME = "m1.small"
DEFAULT_DISK_GIB = 8
"""The root disk of AWS's types, which bring no disk of their own."""

PRESETS: tuple[InstanceType, ...] = (
    *(
        InstanceType(
            name=name, vcpus=vcpus, memory_mib=mib, disk_gib=gib, is_current_generation=False
        )
        for name, vcpus, mib, gib in _CLASSIC
    ),
    *(
        InstanceType(
            name=f"{family}.{size}",
            vcpus=vcpus,
            memory_mib=mib,
            disk_gib=DEFAULT_DISK_GIB,
            is_burstable=True,
        )
        for family, sizes in _BURSTABLE_SIZES.items()
        for size, vcpus, mib in sizes
    ),
    *(
        InstanceType(
            name=f"{family}.{size}",
            vcpus=vcpus,
            memory_mib=vcpus * _MEMORY_PER_VCPU_MIB[family],
            disk_gib=DEFAULT_DISK_GIB,
        )
        for family in _MEMORY_PER_VCPU_MIB
        for size, vcpus in _SIZES
    ),
)

BY_NAME: dict[str, InstanceType] = {preset.name: preset for preset in PRESETS}

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
"""As on AWS: how many interfaces, and how many addresses each of them may have."""


def interfaces_of(name: str) -> int:
    """Return how many interfaces an instance of the type may have."""
    return _room_of(name)[0]


def addresses_per_interface(name: str) -> int:
    """Return how many IPv4, and how many IPv6 addresses, each of its interfaces may have."""
    return _room_of(name)[1]


def _room_of(name: str) -> tuple[int, int]:
    return _ROOM_BY_SIZE.get(name.partition(".")[2], _ROOM_BY_SIZE["medium"])

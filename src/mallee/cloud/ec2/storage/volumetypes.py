"""Volume types: how large and how fast a volume of each may be, as EC2 has it.

Called where a volume is made or modified. What the numbers mean on a host is
`model.volumes.limits_of`'s business. Source: EC2's user guide, volume types.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mallee.aws import errors

DEFAULT = "gp2"


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeType:
    """The bounds of a type. Sizes in GiB, throughput in MiB/s."""

    sizes: tuple[int, int]
    iops: tuple[int, int] | None = None
    """None: its number of operations cannot be chosen."""
    needs_iops: bool = False
    iops_per_gib: int = 0
    throughput: tuple[int, int] | None = None
    shares: bool = False
    """Whether several instances may have one volume at once."""


TYPES: Mapping[str, VolumeType] = {
    "standard": VolumeType(sizes=(1, 1024)),
    "gp2": VolumeType(sizes=(1, 16384)),
    "gp3": VolumeType(
        sizes=(1, 65536), iops=(3000, 80000), iops_per_gib=500, throughput=(125, 2000)
    ),
    "io1": VolumeType(sizes=(4, 16384), iops=(100, 64000), needs_iops=True, iops_per_gib=50),
    "io2": VolumeType(
        sizes=(4, 65536), iops=(100, 256000), needs_iops=True, iops_per_gib=1000, shares=True
    ),
    "st1": VolumeType(sizes=(125, 16384)),
    "sc1": VolumeType(sizes=(125, 16384)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request says of a volume; None: nothing."""

    type: str
    size_gib: int
    iops: int | None = None
    throughput: int | None = None
    multi_attach: bool = False


@dataclass(frozen=True, slots=True)
class Numbers:
    """How fast a volume is, as EC2 shows it; 0: its type has no such number."""

    iops: int
    throughput: int


def checked(asked: Asked) -> Numbers:
    """Return the numbers that a volume has; raise EC2's errors for what cannot be."""
    kind = TYPES[asked.type]
    least, most = kind.sizes
    size = f"Volume of {asked.size_gib}GiB"
    if asked.size_gib < least:
        raise errors.InvalidParameterValue(
            f"{size} is too small for volume type {asked.type}; minimum is {least}GiB."
        )
    if asked.size_gib > most:
        raise errors.InvalidParameterValue(
            f"{size} is too large for volume type {asked.type}; maximum is {most}GiB."
        )
    if asked.multi_attach and not kind.shares:
        raise errors.InvalidParameterCombination(
            f"Multi-Attach is not supported for volumes of type {asked.type}; io2 has it."
        )
    iops = _iops(asked, kind)
    return Numbers(iops, _throughput(asked, kind, iops))


def _iops(asked: Asked, kind: VolumeType) -> int:
    if kind.iops is None:
        if asked.iops is not None:
            raise errors.InvalidParameterCombination(
                f"The parameter iops is not supported for {asked.type} volumes."
            )
        # Of gp2 the number follows from the size; the others have none.
        return max(100, min(16000, 3 * asked.size_gib)) if asked.type == "gp2" else 0
    if asked.iops is None:
        if kind.needs_iops:
            raise errors.MissingParameter("iops")
        return kind.iops[0]
    least, most = kind.iops
    if asked.iops < least:
        raise errors.InvalidParameterValue(
            f"Volume iops of {asked.iops} is too low; minimum is {least}."
        )
    if asked.iops > most:
        raise errors.InvalidParameterValue(
            f"Volume iops of {asked.iops} is too high; maximum is {most}."
        )
    if asked.iops > max(least, kind.iops_per_gib * asked.size_gib):
        ratio = asked.iops / asked.size_gib
        raise errors.InvalidParameterCombination(
            f"Iops to volume size ratio of {ratio:.6f} is too high; maximum is {kind.iops_per_gib}."
        )
    return asked.iops


def _throughput(asked: Asked, kind: VolumeType, iops: int) -> int:
    if kind.throughput is None:
        if asked.throughput is not None:
            raise errors.InvalidParameterCombination(
                f"The parameter throughput is not supported for {asked.type} volumes."
            )
        return 0
    least, most = kind.throughput
    throughput = least if asked.throughput is None else asked.throughput
    if not least <= throughput <= most:
        raise errors.InvalidParameterValue(
            f"Throughput of {throughput} MiB/s is out of range; it is from {least} to {most}."
        )
    if throughput * 4 > iops:
        raise errors.InvalidParameterValue(
            f"Throughput (MiBps) to iops ratio of {throughput / iops:.6f} is too high; maximum is "
            "0.250000 MiBps per iops."
        )
    return throughput

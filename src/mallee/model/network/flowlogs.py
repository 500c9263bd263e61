"""Flow logs: which packets' conversations are written down, in which words, and where to.

A *flow* is what one interface sent or received between two ends in some time: packets and bytes
that were let pass, or refused. A *field* is one word of its line; the format names them in order.
"""

import re
from collections.abc import Mapping
from enum import Enum

import msgspec

WINDOW_S = 60
"""How long flows are summed up before they become lines: as on AWS for instances of today, whatever
longer interval was asked for."""

_BY_VERSION: Mapping[int, tuple[str, ...]] = {
    2: (
        *("version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport"),
        *("protocol", "packets", "bytes", "start", "end", "action", "log-status"),
    ),
    3: (
        *("vpc-id", "subnet-id", "instance-id", "tcp-flags", "type"),
        *("pkt-srcaddr", "pkt-dstaddr"),
    ),
    4: ("region", "az-id", "sublocation-type", "sublocation-id"),
    5: ("pkt-src-aws-service", "pkt-dst-aws-service", "flow-direction", "traffic-path"),
    7: (
        *("ecs-cluster-arn", "ecs-cluster-name", "ecs-container-instance-arn"),
        *("ecs-container-instance-id", "ecs-container-id", "ecs-second-container-id"),
        *("ecs-service-name", "ecs-task-definition-arn", "ecs-task-arn", "ecs-task-id"),
    ),
    8: ("reject-reason",),
}
VERSIONS: Mapping[str, int] = {
    field: version for version, fields in _BY_VERSION.items() for field in fields
}
"""The version that each field came with."""
DEFAULT_FIELDS = _BY_VERSION[2]
_PARCEL = re.compile(r"(fl-[0-9a-f]{17})\.([0-9]{1,11})\.([0-9a-f]{16})\.gz")


class Traffic(Enum):
    """Which flows a log is about."""

    ACCEPT = "ACCEPT"
    """What passed."""
    REJECT = "REJECT"
    """What was refused by a security group or a network ACL."""
    ALL = "ALL"
    """Both."""


class FlowLog(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A flow log of a VPC, a subnet or an interface, into a bucket."""

    id: str
    """`fl-…`"""
    resource_id: str
    traffic: Traffic
    bucket: str
    folder: str = ""
    """What keys begin with; it ends in a slash unless it is empty."""
    fields: tuple[str, ...] = DEFAULT_FIELDS
    interval_s: int = 600
    """As it was asked for: 60 or 600."""
    is_hive: bool = False
    """Whether keys name what they are made of (`year=2026`)."""
    is_hourly: bool = False
    created_at: float
    """Seconds since the epoch."""
    tags: dict[str, str] = {}


class FlowLogSeen(msgspec.Struct, frozen=True, gc=False):
    """What became of the last delivery."""

    error: str = ""
    """Empty: it succeeded. `Access error`, `Unknown error`."""


class Parcel(msgspec.Struct, frozen=True):
    """A file of lines of one log about one window, on its way to its bucket: what its name says."""

    log_id: str
    began_at: int
    """When its window began, in seconds since the epoch."""
    token: str
    """16 hexadecimal digits that no other has."""

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{self.log_id}.{self.began_at}.{self.token}.gz"


def parse_parcel(name: str) -> Parcel | None:
    """Read the name of a file of lines; None: it is none."""
    match = _PARCEL.fullmatch(name)
    return Parcel(match[1], int(match[2]), match[3]) if match else None


def version_of(fields: tuple[str, ...]) -> int:
    """Return the version of a format: that of its newest field."""
    return max(VERSIONS[field] for field in fields)

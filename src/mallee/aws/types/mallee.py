"""Requests and results of mallee's actions, by shape.

Written by `tools/generate_types.py` from the action table and the service model; edit neither this
file nor the members' names, run the tool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NotRequired, TypedDict

from mallee.aws.codec.fragment import Fragment


class AccessKey(TypedDict):
    UserName: NotRequired[str | None]
    AccessKeyId: str
    SecretAccessKey: str
    Status: NotRequired[str | None]
    CreateDate: NotRequired[datetime | float | None]


class Account(TypedDict):
    AccountId: str
    AccountName: str
    Arn: NotRequired[str | None]
    CreateDate: NotRequired[datetime | float | None]


class Change(TypedDict):
    Rev: int
    Time: datetime | float
    Summary: str


class CreateAccountRequest(TypedDict):
    AccountName: str


class CreateAccountResponse(TypedDict):
    Account: Account | Fragment
    AccessKey: AccessKey | Fragment


class CreateJoinTokenRequest(TypedDict):
    pass


class CreateJoinTokenResponse(TypedDict):
    Token: str
    CaCertificate: str
    Port: int


class DescribeCloudRequest(TypedDict):
    pass


class DescribeCloudResponse(TypedDict):
    Version: str
    Region: str
    Zones: Sequence[str] | Fragment
    PublicRange: str
    PrivateRange: str
    PublicAddressesUsed: NotRequired[int | None]
    PublicAddressesTotal: NotRequired[int | None]
    Counts: Mapping[str, int] | Fragment


class DescribeHostsRequest(TypedDict):
    HostIds: NotRequired[list[str]]


class DescribeHostsResponse(TypedDict):
    Hosts: Sequence[Host | Fragment] | Fragment


class ExplainResourceRequest(TypedDict):
    ResourceId: str


class ExplainResourceResponse(TypedDict):
    ResourceId: str
    Kind: str
    AccountId: NotRequired[str | None]
    Wanted: NotRequired[str | None]
    Seen: NotRequired[str | None]
    Changes: Sequence[Change | Fragment] | Fragment


class Host(TypedDict):
    HostId: str
    Name: str
    Zone: str
    State: str
    SecondsSinceHeard: NotRequired[float | None]
    JoinedAt: NotRequired[datetime | float | None]
    Capacity: NotRequired[Quantity | Fragment | None]
    Used: NotRequired[Quantity | Fragment | None]
    Acceleration: NotRequired[str | None]
    AccelerationReason: NotRequired[str | None]
    Hypervisor: NotRequired[str | None]
    AgentVersion: NotRequired[str | None]
    FreeDiskBytes: NotRequired[int | None]
    InstanceIds: NotRequired[Sequence[str] | Fragment | None]
    Problems: NotRequired[Sequence[str] | Fragment | None]
    Leftovers: NotRequired[Sequence[str] | Fragment | None]


class ListAccountsRequest(TypedDict):
    pass


class ListAccountsResponse(TypedDict):
    Accounts: Sequence[Account | Fragment] | Fragment


class Quantity(TypedDict):
    Vcpus: int
    MemoryMib: int
    DiskGib: int

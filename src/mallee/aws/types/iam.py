"""Requests and results of iam's actions, by shape.

Written by `tools/generate_types.py` from the action table and the service model; edit neither this
file nor the members' names, run the tool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NotRequired, TypedDict

from mallee.aws.codec.fragment import Fragment


class AccessKey(TypedDict):
    UserName: str
    AccessKeyId: str
    Status: str
    SecretAccessKey: str
    CreateDate: NotRequired[datetime | float | None]


class AccessKeyMetadata(TypedDict):
    UserName: NotRequired[str | None]
    AccessKeyId: NotRequired[str | None]
    Status: NotRequired[str | None]
    CreateDate: NotRequired[datetime | float | None]


class AttachedPermissionsBoundary(TypedDict):
    PermissionsBoundaryType: NotRequired[str | None]
    PermissionsBoundaryArn: NotRequired[str | None]


class CreateAccessKeyRequest(TypedDict):
    UserName: NotRequired[str]


class CreateAccessKeyResponse(TypedDict):
    AccessKey: AccessKey | Fragment


class CreateAccountAliasRequest(TypedDict):
    AccountAlias: str


class DeleteAccessKeyRequest(TypedDict):
    UserName: NotRequired[str]
    AccessKeyId: str


class DeleteAccountAliasRequest(TypedDict):
    AccountAlias: str


class GetAccountSummaryResponse(TypedDict):
    SummaryMap: NotRequired[Mapping[str, int] | Fragment | None]


class GetUserRequest(TypedDict):
    UserName: NotRequired[str]


class GetUserResponse(TypedDict):
    User: User | Fragment


class Group(TypedDict):
    Path: str
    GroupName: str
    GroupId: str
    Arn: str
    CreateDate: datetime | float


class InstanceProfile(TypedDict):
    Path: str
    InstanceProfileName: str
    InstanceProfileId: str
    Arn: str
    CreateDate: datetime | float
    Roles: Sequence[Role | Fragment] | Fragment
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class ListAccessKeysRequest(TypedDict):
    UserName: NotRequired[str]
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListAccessKeysResponse(TypedDict):
    AccessKeyMetadata: Sequence[AccessKeyMetadata | Fragment] | Fragment
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class ListAccountAliasesRequest(TypedDict):
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListAccountAliasesResponse(TypedDict):
    AccountAliases: Sequence[str] | Fragment
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class ListGroupsRequest(TypedDict):
    PathPrefix: NotRequired[str]
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListGroupsResponse(TypedDict):
    Groups: Sequence[Group | Fragment] | Fragment
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class ListInstanceProfilesRequest(TypedDict):
    PathPrefix: NotRequired[str]
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListInstanceProfilesResponse(TypedDict):
    InstanceProfiles: Sequence[InstanceProfile | Fragment] | Fragment
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class ListRolesRequest(TypedDict):
    PathPrefix: NotRequired[str]
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListRolesResponse(TypedDict):
    Roles: Sequence[Role | Fragment] | Fragment
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class ListUsersRequest(TypedDict):
    PathPrefix: NotRequired[str]
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListUsersResponse(TypedDict):
    Users: Sequence[User | Fragment] | Fragment
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class Role(TypedDict):
    Path: str
    RoleName: str
    RoleId: str
    Arn: str
    CreateDate: datetime | float
    AssumeRolePolicyDocument: NotRequired[str | None]
    Description: NotRequired[str | None]
    MaxSessionDuration: NotRequired[int | None]
    PermissionsBoundary: NotRequired[AttachedPermissionsBoundary | Fragment | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    RoleLastUsed: NotRequired[RoleLastUsed | Fragment | None]
    SourceRoleTemplate: NotRequired[SourceRoleTemplate | Fragment | None]


class RoleLastUsed(TypedDict):
    LastUsedDate: NotRequired[datetime | float | None]
    Region: NotRequired[str | None]


class SourceRoleTemplate(TypedDict):
    TemplateArn: str
    TemplateMinorVersion: int


class Tag(TypedDict):
    Key: str
    Value: str


class UpdateAccessKeyRequest(TypedDict):
    UserName: NotRequired[str]
    AccessKeyId: str
    Status: str


class User(TypedDict):
    Path: str
    UserName: str
    UserId: str
    Arn: str
    CreateDate: datetime | float
    PasswordLastUsed: NotRequired[datetime | float | None]
    PermissionsBoundary: NotRequired[AttachedPermissionsBoundary | Fragment | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]

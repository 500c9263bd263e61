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


class AddUserToGroupRequest(TypedDict):
    GroupName: str
    UserName: str


class AttachGroupPolicyRequest(TypedDict):
    GroupName: str
    PolicyArn: str


class AttachUserPolicyRequest(TypedDict):
    UserName: str
    PolicyArn: str


class AttachedPermissionsBoundary(TypedDict):
    PermissionsBoundaryType: NotRequired[str | None]
    PermissionsBoundaryArn: NotRequired[str | None]


class AttachedPolicy(TypedDict):
    PolicyName: NotRequired[str | None]
    PolicyArn: NotRequired[str | None]


class CreateAccessKeyRequest(TypedDict):
    UserName: NotRequired[str]


class CreateAccessKeyResponse(TypedDict):
    AccessKey: AccessKey | Fragment


class CreateAccountAliasRequest(TypedDict):
    AccountAlias: str


class CreateGroupRequest(TypedDict):
    Path: NotRequired[str]
    GroupName: str


class CreateGroupResponse(TypedDict):
    Group: Group | Fragment


class CreatePolicyRequest(TypedDict):
    PolicyName: str
    Path: NotRequired[str]
    PolicyDocument: str
    Description: NotRequired[str]
    Tags: NotRequired[list[Tag]]


class CreatePolicyResponse(TypedDict):
    Policy: NotRequired[Policy | Fragment | None]


class CreatePolicyVersionRequest(TypedDict):
    PolicyArn: str
    PolicyDocument: str
    SetAsDefault: NotRequired[bool]


class CreatePolicyVersionResponse(TypedDict):
    PolicyVersion: NotRequired[PolicyVersion | Fragment | None]


class CreateUserRequest(TypedDict):
    Path: NotRequired[str]
    UserName: str
    PermissionsBoundary: NotRequired[str]
    Tags: NotRequired[list[Tag]]


class CreateUserResponse(TypedDict):
    User: NotRequired[User | Fragment | None]


class DeleteAccessKeyRequest(TypedDict):
    UserName: NotRequired[str]
    AccessKeyId: str


class DeleteAccountAliasRequest(TypedDict):
    AccountAlias: str


class DeleteGroupPolicyRequest(TypedDict):
    GroupName: str
    PolicyName: str


class DeleteGroupRequest(TypedDict):
    GroupName: str


class DeletePolicyRequest(TypedDict):
    PolicyArn: str


class DeletePolicyVersionRequest(TypedDict):
    PolicyArn: str
    VersionId: str


class DeleteUserPermissionsBoundaryRequest(TypedDict):
    UserName: str


class DeleteUserPolicyRequest(TypedDict):
    UserName: str
    PolicyName: str


class DeleteUserRequest(TypedDict):
    UserName: str


class DetachGroupPolicyRequest(TypedDict):
    GroupName: str
    PolicyArn: str


class DetachUserPolicyRequest(TypedDict):
    UserName: str
    PolicyArn: str


class GetAccountSummaryResponse(TypedDict):
    SummaryMap: NotRequired[Mapping[str, int] | Fragment | None]


class GetGroupPolicyRequest(TypedDict):
    GroupName: str
    PolicyName: str


class GetGroupPolicyResponse(TypedDict):
    GroupName: str
    PolicyName: str
    PolicyDocument: str


class GetGroupRequest(TypedDict):
    GroupName: str
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class GetGroupResponse(TypedDict):
    Group: Group | Fragment
    Users: Sequence[User | Fragment] | Fragment
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class GetPolicyRequest(TypedDict):
    PolicyArn: str


class GetPolicyResponse(TypedDict):
    Policy: NotRequired[Policy | Fragment | None]


class GetPolicyVersionRequest(TypedDict):
    PolicyArn: str
    VersionId: str


class GetPolicyVersionResponse(TypedDict):
    PolicyVersion: NotRequired[PolicyVersion | Fragment | None]


class GetUserPolicyRequest(TypedDict):
    UserName: str
    PolicyName: str


class GetUserPolicyResponse(TypedDict):
    UserName: str
    PolicyName: str
    PolicyDocument: str


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


class ListAttachedGroupPoliciesRequest(TypedDict):
    GroupName: str
    PathPrefix: NotRequired[str]
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListAttachedGroupPoliciesResponse(TypedDict):
    AttachedPolicies: NotRequired[Sequence[AttachedPolicy | Fragment] | Fragment | None]
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class ListAttachedUserPoliciesRequest(TypedDict):
    UserName: str
    PathPrefix: NotRequired[str]
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListAttachedUserPoliciesResponse(TypedDict):
    AttachedPolicies: NotRequired[Sequence[AttachedPolicy | Fragment] | Fragment | None]
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class ListEntitiesForPolicyRequest(TypedDict):
    PolicyArn: str
    EntityFilter: NotRequired[str]
    PathPrefix: NotRequired[str]
    PolicyUsageFilter: NotRequired[str]
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListEntitiesForPolicyResponse(TypedDict):
    PolicyGroups: NotRequired[Sequence[PolicyGroup | Fragment] | Fragment | None]
    PolicyUsers: NotRequired[Sequence[PolicyUser | Fragment] | Fragment | None]
    PolicyRoles: NotRequired[Sequence[PolicyRole | Fragment] | Fragment | None]
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class ListGroupPoliciesRequest(TypedDict):
    GroupName: str
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListGroupPoliciesResponse(TypedDict):
    PolicyNames: Sequence[str] | Fragment
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class ListGroupsForUserRequest(TypedDict):
    UserName: str
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListGroupsForUserResponse(TypedDict):
    Groups: Sequence[Group | Fragment] | Fragment
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


class ListPoliciesRequest(TypedDict):
    Scope: NotRequired[str]
    OnlyAttached: NotRequired[bool]
    PathPrefix: NotRequired[str]
    PolicyUsageFilter: NotRequired[str]
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListPoliciesResponse(TypedDict):
    Policies: NotRequired[Sequence[Policy | Fragment] | Fragment | None]
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class ListPolicyVersionsRequest(TypedDict):
    PolicyArn: str
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListPolicyVersionsResponse(TypedDict):
    Versions: NotRequired[Sequence[PolicyVersion | Fragment] | Fragment | None]
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


class ListUserPoliciesRequest(TypedDict):
    UserName: str
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListUserPoliciesResponse(TypedDict):
    PolicyNames: Sequence[str] | Fragment
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class ListUserTagsRequest(TypedDict):
    UserName: str
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListUserTagsResponse(TypedDict):
    Tags: Sequence[Tag | Fragment] | Fragment
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


class Policy(TypedDict):
    PolicyName: NotRequired[str | None]
    PolicyId: NotRequired[str | None]
    Arn: NotRequired[str | None]
    Path: NotRequired[str | None]
    DefaultVersionId: NotRequired[str | None]
    AttachmentCount: NotRequired[int | None]
    PermissionsBoundaryUsageCount: NotRequired[int | None]
    IsAttachable: NotRequired[bool | None]
    Description: NotRequired[str | None]
    CreateDate: NotRequired[datetime | float | None]
    UpdateDate: NotRequired[datetime | float | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class PolicyGroup(TypedDict):
    GroupName: NotRequired[str | None]
    GroupId: NotRequired[str | None]


class PolicyRole(TypedDict):
    RoleName: NotRequired[str | None]
    RoleId: NotRequired[str | None]


class PolicyUser(TypedDict):
    UserName: NotRequired[str | None]
    UserId: NotRequired[str | None]


class PolicyVersion(TypedDict):
    Document: NotRequired[str | None]
    VersionId: NotRequired[str | None]
    IsDefaultVersion: NotRequired[bool | None]
    CreateDate: NotRequired[datetime | float | None]


class PutGroupPolicyRequest(TypedDict):
    GroupName: str
    PolicyName: str
    PolicyDocument: str


class PutUserPermissionsBoundaryRequest(TypedDict):
    UserName: str
    PermissionsBoundary: str


class PutUserPolicyRequest(TypedDict):
    UserName: str
    PolicyName: str
    PolicyDocument: str


class RemoveUserFromGroupRequest(TypedDict):
    GroupName: str
    UserName: str


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


class SetDefaultPolicyVersionRequest(TypedDict):
    PolicyArn: str
    VersionId: str


class SourceRoleTemplate(TypedDict):
    TemplateArn: str
    TemplateMinorVersion: int


class Tag(TypedDict):
    Key: str
    Value: str


class TagUserRequest(TypedDict):
    UserName: str
    Tags: list[Tag]


class UntagUserRequest(TypedDict):
    UserName: str
    TagKeys: list[str]


class UpdateAccessKeyRequest(TypedDict):
    UserName: NotRequired[str]
    AccessKeyId: str
    Status: str


class UpdateGroupRequest(TypedDict):
    GroupName: str
    NewPath: NotRequired[str]
    NewGroupName: NotRequired[str]


class UpdateUserRequest(TypedDict):
    UserName: str
    NewPath: NotRequired[str]
    NewUserName: NotRequired[str]


class User(TypedDict):
    Path: str
    UserName: str
    UserId: str
    Arn: str
    CreateDate: datetime | float
    PasswordLastUsed: NotRequired[datetime | float | None]
    PermissionsBoundary: NotRequired[AttachedPermissionsBoundary | Fragment | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]

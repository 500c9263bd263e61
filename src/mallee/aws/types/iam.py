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


class AccessKeyLastUsed(TypedDict):
    LastUsedDate: NotRequired[datetime | float | None]
    ServiceName: str
    Region: str


class AccessKeyMetadata(TypedDict):
    UserName: NotRequired[str | None]
    AccessKeyId: NotRequired[str | None]
    Status: NotRequired[str | None]
    CreateDate: NotRequired[datetime | float | None]


class AddClientIDToOpenIDConnectProviderRequest(TypedDict):
    OpenIDConnectProviderArn: str
    ClientID: str


class AddRoleToInstanceProfileRequest(TypedDict):
    InstanceProfileName: str
    RoleName: str


class AddUserToGroupRequest(TypedDict):
    GroupName: str
    UserName: str


class AttachGroupPolicyRequest(TypedDict):
    GroupName: str
    PolicyArn: str


class AttachRolePolicyRequest(TypedDict):
    RoleName: str
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


class ChangePasswordRequest(TypedDict):
    OldPassword: str
    NewPassword: str


class ContextEntry(TypedDict):
    ContextKeyName: NotRequired[str]
    ContextKeyValues: NotRequired[list[str]]
    ContextKeyType: NotRequired[str]


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


class CreateInstanceProfileRequest(TypedDict):
    InstanceProfileName: str
    Path: NotRequired[str]
    Tags: NotRequired[list[Tag]]


class CreateInstanceProfileResponse(TypedDict):
    InstanceProfile: InstanceProfile | Fragment


class CreateLoginProfileRequest(TypedDict):
    UserName: NotRequired[str]
    Password: NotRequired[str]
    PasswordResetRequired: NotRequired[bool]


class CreateLoginProfileResponse(TypedDict):
    LoginProfile: LoginProfile | Fragment


class CreateOpenIDConnectProviderRequest(TypedDict):
    Url: str
    ClientIDList: NotRequired[list[str]]
    ThumbprintList: NotRequired[list[str]]
    Tags: NotRequired[list[Tag]]


class CreateOpenIDConnectProviderResponse(TypedDict):
    OpenIDConnectProviderArn: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


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


class CreateRoleRequest(TypedDict):
    Path: NotRequired[str]
    RoleName: str
    AssumeRolePolicyDocument: str
    Description: NotRequired[str]
    MaxSessionDuration: NotRequired[int]
    PermissionsBoundary: NotRequired[str]
    Tags: NotRequired[list[Tag]]


class CreateRoleResponse(TypedDict):
    Role: Role | Fragment


class CreateSAMLProviderRequest(TypedDict):
    SAMLMetadataDocument: str
    Name: str
    Tags: NotRequired[list[Tag]]
    AssertionEncryptionMode: NotRequired[str]
    AddPrivateKey: NotRequired[str]


class CreateSAMLProviderResponse(TypedDict):
    SAMLProviderArn: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class CreateServiceLinkedRoleRequest(TypedDict):
    AWSServiceName: str
    Description: NotRequired[str]
    CustomSuffix: NotRequired[str]


class CreateServiceLinkedRoleResponse(TypedDict):
    Role: NotRequired[Role | Fragment | None]


class CreateServiceSpecificCredentialRequest(TypedDict):
    UserName: str
    ServiceName: str
    CredentialAgeDays: NotRequired[int]


class CreateServiceSpecificCredentialResponse(TypedDict):
    ServiceSpecificCredential: NotRequired[ServiceSpecificCredential | Fragment | None]


class CreateUserRequest(TypedDict):
    Path: NotRequired[str]
    UserName: str
    PermissionsBoundary: NotRequired[str]
    Tags: NotRequired[list[Tag]]


class CreateUserResponse(TypedDict):
    User: NotRequired[User | Fragment | None]


class CreateVirtualMFADeviceRequest(TypedDict):
    Path: NotRequired[str]
    VirtualMFADeviceName: str
    Tags: NotRequired[list[Tag]]


class CreateVirtualMFADeviceResponse(TypedDict):
    VirtualMFADevice: VirtualMFADevice | Fragment


class DeactivateMFADeviceRequest(TypedDict):
    UserName: NotRequired[str]
    SerialNumber: str


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


class DeleteInstanceProfileRequest(TypedDict):
    InstanceProfileName: str


class DeleteLoginProfileRequest(TypedDict):
    UserName: NotRequired[str]


class DeleteOpenIDConnectProviderRequest(TypedDict):
    OpenIDConnectProviderArn: str


class DeletePolicyRequest(TypedDict):
    PolicyArn: str


class DeletePolicyVersionRequest(TypedDict):
    PolicyArn: str
    VersionId: str


class DeleteRolePermissionsBoundaryRequest(TypedDict):
    RoleName: str


class DeleteRolePolicyRequest(TypedDict):
    RoleName: str
    PolicyName: str


class DeleteRoleRequest(TypedDict):
    RoleName: str


class DeleteSAMLProviderRequest(TypedDict):
    SAMLProviderArn: str


class DeleteSSHPublicKeyRequest(TypedDict):
    UserName: str
    SSHPublicKeyId: str


class DeleteServerCertificateRequest(TypedDict):
    ServerCertificateName: str


class DeleteServiceLinkedRoleRequest(TypedDict):
    RoleName: str


class DeleteServiceLinkedRoleResponse(TypedDict):
    DeletionTaskId: str


class DeleteServiceSpecificCredentialRequest(TypedDict):
    UserName: NotRequired[str]
    ServiceSpecificCredentialId: str


class DeleteSigningCertificateRequest(TypedDict):
    UserName: NotRequired[str]
    CertificateId: str


class DeleteUserPermissionsBoundaryRequest(TypedDict):
    UserName: str


class DeleteUserPolicyRequest(TypedDict):
    UserName: str
    PolicyName: str


class DeleteUserRequest(TypedDict):
    UserName: str


class DeleteVirtualMFADeviceRequest(TypedDict):
    SerialNumber: str


class DeletionTaskFailureReasonType(TypedDict):
    Reason: NotRequired[str | None]
    RoleUsageList: NotRequired[Sequence[RoleUsageType | Fragment] | Fragment | None]


class DetachGroupPolicyRequest(TypedDict):
    GroupName: str
    PolicyArn: str


class DetachRolePolicyRequest(TypedDict):
    RoleName: str
    PolicyArn: str


class DetachUserPolicyRequest(TypedDict):
    UserName: str
    PolicyArn: str


class EnableMFADeviceRequest(TypedDict):
    UserName: str
    SerialNumber: str
    AuthenticationCode1: str
    AuthenticationCode2: str


class EntityDetails(TypedDict):
    EntityInfo: EntityInfo | Fragment
    LastAuthenticated: NotRequired[datetime | float | None]


class EntityInfo(TypedDict):
    Arn: str
    Name: str
    Type: str
    Id: str
    Path: NotRequired[str | None]


class ErrorDetails(TypedDict):
    Message: str
    Code: str


class EvaluationResult(TypedDict):
    EvalActionName: str
    EvalResourceName: NotRequired[str | None]
    EvalDecision: str
    MatchedStatements: NotRequired[Sequence[Statement | Fragment] | Fragment | None]
    MissingContextValues: NotRequired[Sequence[str] | Fragment | None]
    OrganizationsDecisionDetail: NotRequired[OrganizationsDecisionDetail | Fragment | None]
    PermissionsBoundaryDecisionDetail: NotRequired[
        PermissionsBoundaryDecisionDetail | Fragment | None
    ]
    EvalDecisionDetails: NotRequired[Mapping[str, str] | Fragment | None]
    ResourceSpecificResults: NotRequired[
        Sequence[ResourceSpecificResult | Fragment] | Fragment | None
    ]


class GenerateCredentialReportResponse(TypedDict):
    State: NotRequired[str | None]
    Description: NotRequired[str | None]


class GenerateServiceLastAccessedDetailsRequest(TypedDict):
    Arn: str
    Granularity: NotRequired[str]


class GenerateServiceLastAccessedDetailsResponse(TypedDict):
    JobId: NotRequired[str | None]


class GetAccessKeyLastUsedRequest(TypedDict):
    AccessKeyId: str


class GetAccessKeyLastUsedResponse(TypedDict):
    UserName: NotRequired[str | None]
    AccessKeyLastUsed: NotRequired[AccessKeyLastUsed | Fragment | None]


class GetAccountAuthorizationDetailsRequest(TypedDict):
    Filter: NotRequired[list[str]]
    MaxItems: NotRequired[int]
    Marker: NotRequired[str]


class GetAccountAuthorizationDetailsResponse(TypedDict):
    UserDetailList: NotRequired[Sequence[UserDetail | Fragment] | Fragment | None]
    GroupDetailList: NotRequired[Sequence[GroupDetail | Fragment] | Fragment | None]
    RoleDetailList: NotRequired[Sequence[RoleDetail | Fragment] | Fragment | None]
    Policies: NotRequired[Sequence[ManagedPolicyDetail | Fragment] | Fragment | None]
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class GetAccountPasswordPolicyResponse(TypedDict):
    PasswordPolicy: PasswordPolicy | Fragment


class GetAccountSummaryResponse(TypedDict):
    SummaryMap: NotRequired[Mapping[str, int] | Fragment | None]


class GetContextKeysForCustomPolicyRequest(TypedDict):
    PolicyInputList: list[str]


class GetContextKeysForPolicyResponse(TypedDict):
    ContextKeyNames: NotRequired[Sequence[str] | Fragment | None]


class GetContextKeysForPrincipalPolicyRequest(TypedDict):
    PolicySourceArn: str
    PolicyInputList: NotRequired[list[str]]


class GetCredentialReportResponse(TypedDict):
    Content: NotRequired[bytes | None]
    ReportFormat: NotRequired[str | None]
    GeneratedTime: NotRequired[datetime | float | None]


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


class GetInstanceProfileRequest(TypedDict):
    InstanceProfileName: str


class GetInstanceProfileResponse(TypedDict):
    InstanceProfile: InstanceProfile | Fragment


class GetLoginProfileRequest(TypedDict):
    UserName: NotRequired[str]


class GetLoginProfileResponse(TypedDict):
    LoginProfile: LoginProfile | Fragment


class GetMFADeviceRequest(TypedDict):
    SerialNumber: str
    UserName: NotRequired[str]


class GetMFADeviceResponse(TypedDict):
    UserName: NotRequired[str | None]
    SerialNumber: str
    EnableDate: NotRequired[datetime | float | None]
    Certifications: NotRequired[Mapping[str, str] | Fragment | None]


class GetOpenIDConnectProviderRequest(TypedDict):
    OpenIDConnectProviderArn: str


class GetOpenIDConnectProviderResponse(TypedDict):
    Url: NotRequired[str | None]
    ClientIDList: NotRequired[Sequence[str] | Fragment | None]
    ThumbprintList: NotRequired[Sequence[str] | Fragment | None]
    CreateDate: NotRequired[datetime | float | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class GetPolicyRequest(TypedDict):
    PolicyArn: str


class GetPolicyResponse(TypedDict):
    Policy: NotRequired[Policy | Fragment | None]


class GetPolicyVersionRequest(TypedDict):
    PolicyArn: str
    VersionId: str


class GetPolicyVersionResponse(TypedDict):
    PolicyVersion: NotRequired[PolicyVersion | Fragment | None]


class GetRolePolicyRequest(TypedDict):
    RoleName: str
    PolicyName: str


class GetRolePolicyResponse(TypedDict):
    RoleName: str
    PolicyName: str
    PolicyDocument: str


class GetRoleRequest(TypedDict):
    RoleName: str


class GetRoleResponse(TypedDict):
    Role: Role | Fragment


class GetSAMLProviderRequest(TypedDict):
    SAMLProviderArn: str


class GetSAMLProviderResponse(TypedDict):
    SAMLProviderUUID: NotRequired[str | None]
    SAMLMetadataDocument: NotRequired[str | None]
    CreateDate: NotRequired[datetime | float | None]
    ValidUntil: NotRequired[datetime | float | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    AssertionEncryptionMode: NotRequired[str | None]
    PrivateKeyList: NotRequired[Sequence[SAMLPrivateKey | Fragment] | Fragment | None]


class GetSSHPublicKeyRequest(TypedDict):
    UserName: str
    SSHPublicKeyId: str
    Encoding: str


class GetSSHPublicKeyResponse(TypedDict):
    SSHPublicKey: NotRequired[SSHPublicKey | Fragment | None]


class GetServerCertificateRequest(TypedDict):
    ServerCertificateName: str


class GetServerCertificateResponse(TypedDict):
    ServerCertificate: ServerCertificate | Fragment


class GetServiceLastAccessedDetailsRequest(TypedDict):
    JobId: str
    MaxItems: NotRequired[int]
    Marker: NotRequired[str]


class GetServiceLastAccessedDetailsResponse(TypedDict):
    JobStatus: str
    JobType: NotRequired[str | None]
    JobCreationDate: datetime | float
    ServicesLastAccessed: Sequence[ServiceLastAccessed | Fragment] | Fragment
    JobCompletionDate: datetime | float
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]
    Error: NotRequired[ErrorDetails | Fragment | None]


class GetServiceLastAccessedDetailsWithEntitiesRequest(TypedDict):
    JobId: str
    ServiceNamespace: str
    MaxItems: NotRequired[int]
    Marker: NotRequired[str]


class GetServiceLastAccessedDetailsWithEntitiesResponse(TypedDict):
    JobStatus: str
    JobCreationDate: datetime | float
    JobCompletionDate: datetime | float
    EntityDetailsList: Sequence[EntityDetails | Fragment] | Fragment
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]
    Error: NotRequired[ErrorDetails | Fragment | None]


class GetServiceLinkedRoleDeletionStatusRequest(TypedDict):
    DeletionTaskId: str


class GetServiceLinkedRoleDeletionStatusResponse(TypedDict):
    Status: str
    Reason: NotRequired[DeletionTaskFailureReasonType | Fragment | None]


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


class GroupDetail(TypedDict):
    Path: NotRequired[str | None]
    GroupName: NotRequired[str | None]
    GroupId: NotRequired[str | None]
    Arn: NotRequired[str | None]
    CreateDate: NotRequired[datetime | float | None]
    GroupPolicyList: NotRequired[Sequence[PolicyDetail | Fragment] | Fragment | None]
    AttachedManagedPolicies: NotRequired[Sequence[AttachedPolicy | Fragment] | Fragment | None]


class InlinePolicyIdentifierType(TypedDict):
    PolicyName: str
    AttachmentType: str
    AttachmentName: str


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


class ListAttachedRolePoliciesRequest(TypedDict):
    RoleName: str
    PathPrefix: NotRequired[str]
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListAttachedRolePoliciesResponse(TypedDict):
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


class ListInstanceProfileTagsRequest(TypedDict):
    InstanceProfileName: str
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListInstanceProfileTagsResponse(TypedDict):
    Tags: Sequence[Tag | Fragment] | Fragment
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class ListInstanceProfilesForRoleRequest(TypedDict):
    RoleName: str
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListInstanceProfilesForRoleResponse(TypedDict):
    InstanceProfiles: Sequence[InstanceProfile | Fragment] | Fragment
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


class ListMFADeviceTagsRequest(TypedDict):
    SerialNumber: str
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListMFADeviceTagsResponse(TypedDict):
    Tags: Sequence[Tag | Fragment] | Fragment
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class ListMFADevicesRequest(TypedDict):
    UserName: NotRequired[str]
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListMFADevicesResponse(TypedDict):
    MFADevices: Sequence[MFADevice | Fragment] | Fragment
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class ListOpenIDConnectProviderTagsRequest(TypedDict):
    OpenIDConnectProviderArn: str
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListOpenIDConnectProviderTagsResponse(TypedDict):
    Tags: Sequence[Tag | Fragment] | Fragment
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class ListOpenIDConnectProvidersRequest(TypedDict):
    pass


class ListOpenIDConnectProvidersResponse(TypedDict):
    OpenIDConnectProviderList: NotRequired[
        Sequence[OpenIDConnectProviderListEntry | Fragment] | Fragment | None
    ]


class ListPoliciesGrantingServiceAccessEntry(TypedDict):
    ServiceNamespace: NotRequired[str | None]
    Policies: NotRequired[Sequence[PolicyGrantingServiceAccess | Fragment] | Fragment | None]


class ListPoliciesGrantingServiceAccessRequest(TypedDict):
    Marker: NotRequired[str]
    Arn: str
    ServiceNamespaces: list[str]


class ListPoliciesGrantingServiceAccessResponse(TypedDict):
    PoliciesGrantingServiceAccess: (
        Sequence[ListPoliciesGrantingServiceAccessEntry | Fragment] | Fragment
    )
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


class ListPolicyTagsRequest(TypedDict):
    PolicyArn: str
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListPolicyTagsResponse(TypedDict):
    Tags: Sequence[Tag | Fragment] | Fragment
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


class ListRolePoliciesRequest(TypedDict):
    RoleName: str
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListRolePoliciesResponse(TypedDict):
    PolicyNames: Sequence[str] | Fragment
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class ListRoleTagsRequest(TypedDict):
    RoleName: str
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListRoleTagsResponse(TypedDict):
    Tags: Sequence[Tag | Fragment] | Fragment
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


class ListSAMLProviderTagsRequest(TypedDict):
    SAMLProviderArn: str
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListSAMLProviderTagsResponse(TypedDict):
    Tags: Sequence[Tag | Fragment] | Fragment
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class ListSAMLProvidersRequest(TypedDict):
    pass


class ListSAMLProvidersResponse(TypedDict):
    SAMLProviderList: NotRequired[Sequence[SAMLProviderListEntry | Fragment] | Fragment | None]


class ListSSHPublicKeysRequest(TypedDict):
    UserName: NotRequired[str]
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListSSHPublicKeysResponse(TypedDict):
    SSHPublicKeys: NotRequired[Sequence[SSHPublicKeyMetadata | Fragment] | Fragment | None]
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class ListServerCertificateTagsRequest(TypedDict):
    ServerCertificateName: str
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListServerCertificateTagsResponse(TypedDict):
    Tags: Sequence[Tag | Fragment] | Fragment
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class ListServerCertificatesRequest(TypedDict):
    PathPrefix: NotRequired[str]
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListServerCertificatesResponse(TypedDict):
    ServerCertificateMetadataList: Sequence[ServerCertificateMetadata | Fragment] | Fragment
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class ListServiceSpecificCredentialsRequest(TypedDict):
    UserName: NotRequired[str]
    ServiceName: NotRequired[str]
    AllUsers: NotRequired[bool]
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListServiceSpecificCredentialsResponse(TypedDict):
    ServiceSpecificCredentials: NotRequired[
        Sequence[ServiceSpecificCredentialMetadata | Fragment] | Fragment | None
    ]
    Marker: NotRequired[str | None]
    IsTruncated: NotRequired[bool | None]


class ListSigningCertificatesRequest(TypedDict):
    UserName: NotRequired[str]
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListSigningCertificatesResponse(TypedDict):
    Certificates: Sequence[SigningCertificate | Fragment] | Fragment
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


class ListVirtualMFADevicesRequest(TypedDict):
    AssignmentStatus: NotRequired[str]
    Marker: NotRequired[str]
    MaxItems: NotRequired[int]


class ListVirtualMFADevicesResponse(TypedDict):
    VirtualMFADevices: Sequence[VirtualMFADevice | Fragment] | Fragment
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class LoginProfile(TypedDict):
    UserName: str
    CreateDate: datetime | float
    PasswordResetRequired: NotRequired[bool | None]


class MFADevice(TypedDict):
    UserName: str
    SerialNumber: str
    EnableDate: datetime | float


class ManagedPolicyDetail(TypedDict):
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
    PolicyVersionList: NotRequired[Sequence[PolicyVersion | Fragment] | Fragment | None]


class OpenIDConnectProviderListEntry(TypedDict):
    Arn: NotRequired[str | None]


class OrderedOrganizationPolicyType(TypedDict):
    ServiceControlPolicyInputList: NotRequired[list[str]]


class OrganizationsDecisionDetail(TypedDict):
    AllowedByOrganizations: NotRequired[bool | None]


class PasswordPolicy(TypedDict):
    MinimumPasswordLength: NotRequired[int | None]
    RequireSymbols: NotRequired[bool | None]
    RequireNumbers: NotRequired[bool | None]
    RequireUppercaseCharacters: NotRequired[bool | None]
    RequireLowercaseCharacters: NotRequired[bool | None]
    AllowUsersToChangePassword: NotRequired[bool | None]
    ExpirePasswords: NotRequired[bool | None]
    MaxPasswordAge: NotRequired[int | None]
    PasswordReusePrevention: NotRequired[int | None]
    HardExpiry: NotRequired[bool | None]


class PermissionsBoundaryDecisionDetail(TypedDict):
    AllowedByPermissionsBoundary: NotRequired[bool | None]


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


class PolicyDetail(TypedDict):
    PolicyName: NotRequired[str | None]
    PolicyDocument: NotRequired[str | None]


class PolicyGrantingServiceAccess(TypedDict):
    PolicyName: str
    PolicyType: str
    PolicyArn: NotRequired[str | None]
    EntityType: NotRequired[str | None]
    EntityName: NotRequired[str | None]


class PolicyGroup(TypedDict):
    GroupName: NotRequired[str | None]
    GroupId: NotRequired[str | None]


class PolicyIdentifier(TypedDict):
    PolicyType: NotRequired[str]
    PolicyArn: NotRequired[str]
    InlinePolicyIdentifier: NotRequired[InlinePolicyIdentifierType]


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


class Position(TypedDict):
    Line: NotRequired[int | None]
    Column: NotRequired[int | None]


class PutGroupPolicyRequest(TypedDict):
    GroupName: str
    PolicyName: str
    PolicyDocument: str


class PutRolePermissionsBoundaryRequest(TypedDict):
    RoleName: str
    PermissionsBoundary: str


class PutRolePolicyRequest(TypedDict):
    RoleName: str
    PolicyName: str
    PolicyDocument: str


class PutUserPermissionsBoundaryRequest(TypedDict):
    UserName: str
    PermissionsBoundary: str


class PutUserPolicyRequest(TypedDict):
    UserName: str
    PolicyName: str
    PolicyDocument: str


class RemoveClientIDFromOpenIDConnectProviderRequest(TypedDict):
    OpenIDConnectProviderArn: str
    ClientID: str


class RemoveRoleFromInstanceProfileRequest(TypedDict):
    InstanceProfileName: str
    RoleName: str


class RemoveUserFromGroupRequest(TypedDict):
    GroupName: str
    UserName: str


class ResetServiceSpecificCredentialRequest(TypedDict):
    UserName: NotRequired[str]
    ServiceSpecificCredentialId: str


class ResetServiceSpecificCredentialResponse(TypedDict):
    ServiceSpecificCredential: NotRequired[ServiceSpecificCredential | Fragment | None]


class ResourceSpecificResult(TypedDict):
    EvalResourceName: str
    EvalResourceDecision: str
    MatchedStatements: NotRequired[Sequence[Statement | Fragment] | Fragment | None]
    MissingContextValues: NotRequired[Sequence[str] | Fragment | None]
    EvalDecisionDetails: NotRequired[Mapping[str, str] | Fragment | None]
    PermissionsBoundaryDecisionDetail: NotRequired[
        PermissionsBoundaryDecisionDetail | Fragment | None
    ]


class ResyncMFADeviceRequest(TypedDict):
    UserName: str
    SerialNumber: str
    AuthenticationCode1: str
    AuthenticationCode2: str


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


class RoleDetail(TypedDict):
    Path: NotRequired[str | None]
    RoleName: NotRequired[str | None]
    RoleId: NotRequired[str | None]
    Arn: NotRequired[str | None]
    CreateDate: NotRequired[datetime | float | None]
    AssumeRolePolicyDocument: NotRequired[str | None]
    InstanceProfileList: NotRequired[Sequence[InstanceProfile | Fragment] | Fragment | None]
    RolePolicyList: NotRequired[Sequence[PolicyDetail | Fragment] | Fragment | None]
    AttachedManagedPolicies: NotRequired[Sequence[AttachedPolicy | Fragment] | Fragment | None]
    PermissionsBoundary: NotRequired[AttachedPermissionsBoundary | Fragment | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    RoleLastUsed: NotRequired[RoleLastUsed | Fragment | None]


class RoleLastUsed(TypedDict):
    LastUsedDate: NotRequired[datetime | float | None]
    Region: NotRequired[str | None]


class RoleUsageType(TypedDict):
    Region: NotRequired[str | None]
    Resources: NotRequired[Sequence[str] | Fragment | None]


class SAMLPrivateKey(TypedDict):
    KeyId: NotRequired[str | None]
    Timestamp: NotRequired[datetime | float | None]


class SAMLProviderListEntry(TypedDict):
    Arn: NotRequired[str | None]
    ValidUntil: NotRequired[datetime | float | None]
    CreateDate: NotRequired[datetime | float | None]


class SSHPublicKey(TypedDict):
    UserName: str
    SSHPublicKeyId: str
    Fingerprint: str
    SSHPublicKeyBody: str
    Status: str
    UploadDate: NotRequired[datetime | float | None]


class SSHPublicKeyMetadata(TypedDict):
    UserName: str
    SSHPublicKeyId: str
    Status: str
    UploadDate: datetime | float


class ServerCertificate(TypedDict):
    ServerCertificateMetadata: ServerCertificateMetadata | Fragment
    CertificateBody: str
    CertificateChain: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class ServerCertificateMetadata(TypedDict):
    Path: str
    ServerCertificateName: str
    ServerCertificateId: str
    Arn: str
    UploadDate: NotRequired[datetime | float | None]
    Expiration: NotRequired[datetime | float | None]


class ServiceLastAccessed(TypedDict):
    ServiceName: str
    LastAuthenticated: NotRequired[datetime | float | None]
    ServiceNamespace: str
    LastAuthenticatedEntity: NotRequired[str | None]
    LastAuthenticatedRegion: NotRequired[str | None]
    TotalAuthenticatedEntities: NotRequired[int | None]
    TrackedActionsLastAccessed: NotRequired[
        Sequence[TrackedActionLastAccessed | Fragment] | Fragment | None
    ]


class ServiceSpecificCredential(TypedDict):
    CreateDate: datetime | float
    ExpirationDate: NotRequired[datetime | float | None]
    ServiceName: str
    ServiceUserName: NotRequired[str | None]
    ServicePassword: NotRequired[str | None]
    ServiceCredentialAlias: NotRequired[str | None]
    ServiceCredentialSecret: NotRequired[str | None]
    ServiceSpecificCredentialId: str
    UserName: str
    Status: str


class ServiceSpecificCredentialMetadata(TypedDict):
    UserName: str
    Status: str
    ServiceUserName: NotRequired[str | None]
    ServiceCredentialAlias: NotRequired[str | None]
    CreateDate: datetime | float
    ExpirationDate: NotRequired[datetime | float | None]
    ServiceSpecificCredentialId: str
    ServiceName: str


class SetDefaultPolicyVersionRequest(TypedDict):
    PolicyArn: str
    VersionId: str


class SigningCertificate(TypedDict):
    UserName: str
    CertificateId: str
    CertificateBody: str
    Status: str
    UploadDate: NotRequired[datetime | float | None]


class SimulateCustomPolicyRequest(TypedDict):
    PolicyInputList: list[str]
    PermissionsBoundaryPolicyInputList: NotRequired[list[str]]
    OrderedOrganizationPolicyInputList: NotRequired[list[OrderedOrganizationPolicyType]]
    ActionNames: list[str]
    ResourceArns: NotRequired[list[str]]
    ResourcePolicy: NotRequired[str]
    ResourceOwner: NotRequired[str]
    CallerArn: NotRequired[str]
    ContextEntries: NotRequired[list[ContextEntry]]
    ResourceHandlingOption: NotRequired[str]
    MaxItems: NotRequired[int]
    Marker: NotRequired[str]


class SimulatePolicyResponse(TypedDict):
    EvaluationResults: NotRequired[Sequence[EvaluationResult | Fragment] | Fragment | None]
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]


class SimulatePrincipalPolicyRequest(TypedDict):
    PolicySourceArn: str
    PolicyInputList: NotRequired[list[str]]
    PermissionsBoundaryPolicyInputList: NotRequired[list[str]]
    PolicyExclusionList: NotRequired[list[PolicyIdentifier]]
    ActionNames: list[str]
    ResourceArns: NotRequired[list[str]]
    ResourcePolicy: NotRequired[str]
    ResourceOwner: NotRequired[str]
    CallerArn: NotRequired[str]
    ContextEntries: NotRequired[list[ContextEntry]]
    ResourceHandlingOption: NotRequired[str]
    MaxItems: NotRequired[int]
    Marker: NotRequired[str]


class SourceRoleTemplate(TypedDict):
    TemplateArn: str
    TemplateMinorVersion: int


class Statement(TypedDict):
    SourcePolicyId: NotRequired[str | None]
    SourcePolicyType: NotRequired[str | None]
    StartPosition: NotRequired[Position | Fragment | None]
    EndPosition: NotRequired[Position | Fragment | None]


class Tag(TypedDict):
    Key: str
    Value: str


class TagInstanceProfileRequest(TypedDict):
    InstanceProfileName: str
    Tags: list[Tag]


class TagMFADeviceRequest(TypedDict):
    SerialNumber: str
    Tags: list[Tag]


class TagOpenIDConnectProviderRequest(TypedDict):
    OpenIDConnectProviderArn: str
    Tags: list[Tag]


class TagPolicyRequest(TypedDict):
    PolicyArn: str
    Tags: list[Tag]


class TagRoleRequest(TypedDict):
    RoleName: str
    Tags: list[Tag]


class TagSAMLProviderRequest(TypedDict):
    SAMLProviderArn: str
    Tags: list[Tag]


class TagServerCertificateRequest(TypedDict):
    ServerCertificateName: str
    Tags: list[Tag]


class TagUserRequest(TypedDict):
    UserName: str
    Tags: list[Tag]


class TrackedActionLastAccessed(TypedDict):
    ActionName: NotRequired[str | None]
    LastAccessedEntity: NotRequired[str | None]
    LastAccessedTime: NotRequired[datetime | float | None]
    LastAccessedRegion: NotRequired[str | None]


class UntagInstanceProfileRequest(TypedDict):
    InstanceProfileName: str
    TagKeys: list[str]


class UntagMFADeviceRequest(TypedDict):
    SerialNumber: str
    TagKeys: list[str]


class UntagOpenIDConnectProviderRequest(TypedDict):
    OpenIDConnectProviderArn: str
    TagKeys: list[str]


class UntagPolicyRequest(TypedDict):
    PolicyArn: str
    TagKeys: list[str]


class UntagRoleRequest(TypedDict):
    RoleName: str
    TagKeys: list[str]


class UntagSAMLProviderRequest(TypedDict):
    SAMLProviderArn: str
    TagKeys: list[str]


class UntagServerCertificateRequest(TypedDict):
    ServerCertificateName: str
    TagKeys: list[str]


class UntagUserRequest(TypedDict):
    UserName: str
    TagKeys: list[str]


class UpdateAccessKeyRequest(TypedDict):
    UserName: NotRequired[str]
    AccessKeyId: str
    Status: str


class UpdateAccountPasswordPolicyRequest(TypedDict):
    MinimumPasswordLength: NotRequired[int]
    RequireSymbols: NotRequired[bool]
    RequireNumbers: NotRequired[bool]
    RequireUppercaseCharacters: NotRequired[bool]
    RequireLowercaseCharacters: NotRequired[bool]
    AllowUsersToChangePassword: NotRequired[bool]
    MaxPasswordAge: NotRequired[int]
    PasswordReusePrevention: NotRequired[int]
    HardExpiry: NotRequired[bool]


class UpdateAssumeRolePolicyRequest(TypedDict):
    RoleName: str
    PolicyDocument: str


class UpdateGroupRequest(TypedDict):
    GroupName: str
    NewPath: NotRequired[str]
    NewGroupName: NotRequired[str]


class UpdateLoginProfileRequest(TypedDict):
    UserName: str
    Password: NotRequired[str]
    PasswordResetRequired: NotRequired[bool]


class UpdateOpenIDConnectProviderThumbprintRequest(TypedDict):
    OpenIDConnectProviderArn: str
    ThumbprintList: list[str]


class UpdateRoleDescriptionRequest(TypedDict):
    RoleName: str
    Description: str


class UpdateRoleDescriptionResponse(TypedDict):
    Role: NotRequired[Role | Fragment | None]


class UpdateRoleRequest(TypedDict):
    RoleName: str
    Description: NotRequired[str]
    MaxSessionDuration: NotRequired[int]


class UpdateRoleResponse(TypedDict):
    pass


class UpdateSAMLProviderRequest(TypedDict):
    SAMLMetadataDocument: NotRequired[str]
    SAMLProviderArn: str
    AssertionEncryptionMode: NotRequired[str]
    AddPrivateKey: NotRequired[str]
    RemovePrivateKey: NotRequired[str]


class UpdateSAMLProviderResponse(TypedDict):
    SAMLProviderArn: NotRequired[str | None]


class UpdateSSHPublicKeyRequest(TypedDict):
    UserName: str
    SSHPublicKeyId: str
    Status: str


class UpdateServerCertificateRequest(TypedDict):
    ServerCertificateName: str
    NewPath: NotRequired[str]
    NewServerCertificateName: NotRequired[str]


class UpdateServiceSpecificCredentialRequest(TypedDict):
    UserName: NotRequired[str]
    ServiceSpecificCredentialId: str
    Status: str


class UpdateSigningCertificateRequest(TypedDict):
    UserName: NotRequired[str]
    CertificateId: str
    Status: str


class UpdateUserRequest(TypedDict):
    UserName: str
    NewPath: NotRequired[str]
    NewUserName: NotRequired[str]


class UploadSSHPublicKeyRequest(TypedDict):
    UserName: str
    SSHPublicKeyBody: str


class UploadSSHPublicKeyResponse(TypedDict):
    SSHPublicKey: NotRequired[SSHPublicKey | Fragment | None]


class UploadServerCertificateRequest(TypedDict):
    Path: NotRequired[str]
    ServerCertificateName: str
    CertificateBody: str
    PrivateKey: str
    CertificateChain: NotRequired[str]
    Tags: NotRequired[list[Tag]]


class UploadServerCertificateResponse(TypedDict):
    ServerCertificateMetadata: NotRequired[ServerCertificateMetadata | Fragment | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class UploadSigningCertificateRequest(TypedDict):
    UserName: NotRequired[str]
    CertificateBody: str


class UploadSigningCertificateResponse(TypedDict):
    Certificate: SigningCertificate | Fragment


class User(TypedDict):
    Path: str
    UserName: str
    UserId: str
    Arn: str
    CreateDate: datetime | float
    PasswordLastUsed: NotRequired[datetime | float | None]
    PermissionsBoundary: NotRequired[AttachedPermissionsBoundary | Fragment | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class UserDetail(TypedDict):
    Path: NotRequired[str | None]
    UserName: NotRequired[str | None]
    UserId: NotRequired[str | None]
    Arn: NotRequired[str | None]
    CreateDate: NotRequired[datetime | float | None]
    UserPolicyList: NotRequired[Sequence[PolicyDetail | Fragment] | Fragment | None]
    GroupList: NotRequired[Sequence[str] | Fragment | None]
    AttachedManagedPolicies: NotRequired[Sequence[AttachedPolicy | Fragment] | Fragment | None]
    PermissionsBoundary: NotRequired[AttachedPermissionsBoundary | Fragment | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class VirtualMFADevice(TypedDict):
    SerialNumber: str
    Base32StringSeed: NotRequired[bytes | None]
    QRCodePNG: NotRequired[bytes | None]
    User: NotRequired[User | Fragment | None]
    EnableDate: NotRequired[datetime | float | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]

"""Requests and results of sts's actions, by shape.

Written by `tools/generate_types.py` from the action table and the service model; edit neither this
file nor the members' names, run the tool.
"""

from __future__ import annotations

from datetime import datetime
from typing import NotRequired, TypedDict

from mallee.aws.codec.fragment import Fragment


class AssumeRoleRequest(TypedDict):
    RoleArn: str
    RoleSessionName: str
    PolicyArns: NotRequired[list[PolicyDescriptorType]]
    Policy: NotRequired[str]
    DurationSeconds: NotRequired[int]
    Tags: NotRequired[list[Tag]]
    TransitiveTagKeys: NotRequired[list[str]]
    ExternalId: NotRequired[str]
    SerialNumber: NotRequired[str]
    TokenCode: NotRequired[str]
    SourceIdentity: NotRequired[str]
    ProvidedContexts: NotRequired[list[ProvidedContext]]
    MinimumSessionTokenSize: NotRequired[int]


class AssumeRoleResponse(TypedDict):
    Credentials: NotRequired[Credentials | Fragment | None]
    AssumedRoleUser: NotRequired[AssumedRoleUser | Fragment | None]
    PackedPolicySize: NotRequired[int | None]
    SourceIdentity: NotRequired[str | None]
    SessionTokenUtilization: NotRequired[int | None]
    SessionTokenSize: NotRequired[int | None]


class AssumeRoleWithWebIdentityRequest(TypedDict):
    RoleArn: str
    RoleSessionName: str
    WebIdentityToken: str
    ProviderId: NotRequired[str]
    PolicyArns: NotRequired[list[PolicyDescriptorType]]
    Policy: NotRequired[str]
    DurationSeconds: NotRequired[int]
    MinimumSessionTokenSize: NotRequired[int]


class AssumeRoleWithWebIdentityResponse(TypedDict):
    Credentials: NotRequired[Credentials | Fragment | None]
    SubjectFromWebIdentityToken: NotRequired[str | None]
    AssumedRoleUser: NotRequired[AssumedRoleUser | Fragment | None]
    PackedPolicySize: NotRequired[int | None]
    Provider: NotRequired[str | None]
    Audience: NotRequired[str | None]
    SourceIdentity: NotRequired[str | None]
    SessionTokenUtilization: NotRequired[int | None]
    SessionTokenSize: NotRequired[int | None]


class AssumedRoleUser(TypedDict):
    AssumedRoleId: str
    Arn: str


class Credentials(TypedDict):
    AccessKeyId: str
    SecretAccessKey: str
    SessionToken: str
    Expiration: datetime | float


class DecodeAuthorizationMessageRequest(TypedDict):
    EncodedMessage: str


class DecodeAuthorizationMessageResponse(TypedDict):
    DecodedMessage: NotRequired[str | None]


class FederatedUser(TypedDict):
    FederatedUserId: str
    Arn: str


class GetAccessKeyInfoRequest(TypedDict):
    AccessKeyId: str


class GetAccessKeyInfoResponse(TypedDict):
    Account: NotRequired[str | None]


class GetCallerIdentityRequest(TypedDict):
    pass


class GetCallerIdentityResponse(TypedDict):
    UserId: NotRequired[str | None]
    Account: NotRequired[str | None]
    Arn: NotRequired[str | None]


class GetFederationTokenRequest(TypedDict):
    Name: str
    Policy: NotRequired[str]
    PolicyArns: NotRequired[list[PolicyDescriptorType]]
    DurationSeconds: NotRequired[int]
    Tags: NotRequired[list[Tag]]
    MinimumSessionTokenSize: NotRequired[int]


class GetFederationTokenResponse(TypedDict):
    Credentials: NotRequired[Credentials | Fragment | None]
    FederatedUser: NotRequired[FederatedUser | Fragment | None]
    PackedPolicySize: NotRequired[int | None]
    SessionTokenUtilization: NotRequired[int | None]
    SessionTokenSize: NotRequired[int | None]


class GetSessionTokenRequest(TypedDict):
    DurationSeconds: NotRequired[int]
    SerialNumber: NotRequired[str]
    TokenCode: NotRequired[str]
    MinimumSessionTokenSize: NotRequired[int]


class GetSessionTokenResponse(TypedDict):
    Credentials: NotRequired[Credentials | Fragment | None]
    SessionTokenUtilization: NotRequired[int | None]
    SessionTokenSize: NotRequired[int | None]


class PolicyDescriptorType(TypedDict):
    arn: NotRequired[str]


class ProvidedContext(TypedDict):
    ProviderArn: NotRequired[str]
    ContextAssertion: NotRequired[str]


class Tag(TypedDict):
    Key: str
    Value: str

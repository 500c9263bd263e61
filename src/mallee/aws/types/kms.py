"""Requests and results of kms's actions, by shape.

Written by `tools/generate_types.py` from the action table and the service model; edit neither this
file nor the members' names, run the tool.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NotRequired, TypedDict

from mallee.aws.codec.fragment import Fragment


class AliasListEntry(TypedDict):
    AliasName: NotRequired[str | None]
    AliasArn: NotRequired[str | None]
    TargetKeyId: NotRequired[str | None]
    CreationDate: NotRequired[datetime | float | None]
    LastUpdatedDate: NotRequired[datetime | float | None]


class CancelKeyDeletionRequest(TypedDict):
    KeyId: str


class CancelKeyDeletionResponse(TypedDict):
    KeyId: NotRequired[str | None]


class CreateAliasRequest(TypedDict):
    AliasName: str
    TargetKeyId: str


class CreateGrantRequest(TypedDict):
    KeyId: str
    GranteePrincipal: NotRequired[str]
    RetiringPrincipal: NotRequired[str]
    Operations: list[str]
    Constraints: NotRequired[GrantConstraints]
    GrantTokens: NotRequired[list[str]]
    Name: NotRequired[str]
    DryRun: NotRequired[bool]
    GranteeServicePrincipal: NotRequired[str]
    RetiringServicePrincipal: NotRequired[str]


class CreateGrantResponse(TypedDict):
    GrantToken: NotRequired[str | None]
    GrantId: NotRequired[str | None]


class CreateKeyRequest(TypedDict):
    Policy: NotRequired[str]
    Description: NotRequired[str]
    KeyUsage: NotRequired[str]
    CustomerMasterKeySpec: NotRequired[str]
    KeySpec: NotRequired[str]
    Origin: NotRequired[str]
    CustomKeyStoreId: NotRequired[str]
    BypassPolicyLockoutSafetyCheck: NotRequired[bool]
    Tags: NotRequired[list[Tag]]
    MultiRegion: NotRequired[bool]
    XksKeyId: NotRequired[str]


class CreateKeyResponse(TypedDict):
    KeyMetadata: NotRequired[KeyMetadata | Fragment | None]


class DecryptRequest(TypedDict):
    CiphertextBlob: NotRequired[bytes]
    EncryptionContext: NotRequired[dict[str, str]]
    GrantTokens: NotRequired[list[str]]
    KeyId: NotRequired[str]
    EncryptionAlgorithm: NotRequired[str]
    Recipient: NotRequired[RecipientInfo]
    DryRun: NotRequired[bool]
    DryRunModifiers: NotRequired[list[str]]


class DecryptResponse(TypedDict):
    KeyId: NotRequired[str | None]
    Plaintext: NotRequired[bytes | None]
    EncryptionAlgorithm: NotRequired[str | None]
    CiphertextForRecipient: NotRequired[bytes | None]
    KeyMaterialId: NotRequired[str | None]


class DeleteAliasRequest(TypedDict):
    AliasName: str


class DeleteImportedKeyMaterialRequest(TypedDict):
    KeyId: str
    KeyMaterialId: NotRequired[str]


class DeleteImportedKeyMaterialResponse(TypedDict):
    KeyId: NotRequired[str | None]
    KeyMaterialId: NotRequired[str | None]


class DeriveSharedSecretRequest(TypedDict):
    KeyId: str
    KeyAgreementAlgorithm: str
    PublicKey: bytes
    GrantTokens: NotRequired[list[str]]
    DryRun: NotRequired[bool]
    Recipient: NotRequired[RecipientInfo]


class DeriveSharedSecretResponse(TypedDict):
    KeyId: NotRequired[str | None]
    SharedSecret: NotRequired[bytes | None]
    CiphertextForRecipient: NotRequired[bytes | None]
    KeyAgreementAlgorithm: NotRequired[str | None]
    KeyOrigin: NotRequired[str | None]


class DescribeKeyRequest(TypedDict):
    KeyId: str
    GrantTokens: NotRequired[list[str]]


class DescribeKeyResponse(TypedDict):
    KeyMetadata: NotRequired[KeyMetadata | Fragment | None]


class DisableKeyRequest(TypedDict):
    KeyId: str


class DisableKeyRotationRequest(TypedDict):
    KeyId: str


class EnableKeyRequest(TypedDict):
    KeyId: str


class EnableKeyRotationRequest(TypedDict):
    KeyId: str
    RotationPeriodInDays: NotRequired[int]


class EncryptRequest(TypedDict):
    KeyId: str
    Plaintext: bytes
    EncryptionContext: NotRequired[dict[str, str]]
    GrantTokens: NotRequired[list[str]]
    EncryptionAlgorithm: NotRequired[str]
    DryRun: NotRequired[bool]


class EncryptResponse(TypedDict):
    CiphertextBlob: NotRequired[bytes | None]
    KeyId: NotRequired[str | None]
    EncryptionAlgorithm: NotRequired[str | None]


class GenerateDataKeyPairRequest(TypedDict):
    EncryptionContext: NotRequired[dict[str, str]]
    KeyId: str
    KeyPairSpec: str
    GrantTokens: NotRequired[list[str]]
    Recipient: NotRequired[RecipientInfo]
    DryRun: NotRequired[bool]


class GenerateDataKeyPairResponse(TypedDict):
    PrivateKeyCiphertextBlob: NotRequired[bytes | None]
    PrivateKeyPlaintext: NotRequired[bytes | None]
    PublicKey: NotRequired[bytes | None]
    KeyId: NotRequired[str | None]
    KeyPairSpec: NotRequired[str | None]
    CiphertextForRecipient: NotRequired[bytes | None]
    KeyMaterialId: NotRequired[str | None]


class GenerateDataKeyPairWithoutPlaintextRequest(TypedDict):
    EncryptionContext: NotRequired[dict[str, str]]
    KeyId: str
    KeyPairSpec: str
    GrantTokens: NotRequired[list[str]]
    DryRun: NotRequired[bool]


class GenerateDataKeyPairWithoutPlaintextResponse(TypedDict):
    PrivateKeyCiphertextBlob: NotRequired[bytes | None]
    PublicKey: NotRequired[bytes | None]
    KeyId: NotRequired[str | None]
    KeyPairSpec: NotRequired[str | None]
    KeyMaterialId: NotRequired[str | None]


class GenerateDataKeyRequest(TypedDict):
    KeyId: str
    EncryptionContext: NotRequired[dict[str, str]]
    NumberOfBytes: NotRequired[int]
    KeySpec: NotRequired[str]
    GrantTokens: NotRequired[list[str]]
    Recipient: NotRequired[RecipientInfo]
    DryRun: NotRequired[bool]


class GenerateDataKeyResponse(TypedDict):
    CiphertextBlob: NotRequired[bytes | None]
    Plaintext: NotRequired[bytes | None]
    KeyId: NotRequired[str | None]
    CiphertextForRecipient: NotRequired[bytes | None]
    KeyMaterialId: NotRequired[str | None]


class GenerateDataKeyWithoutPlaintextRequest(TypedDict):
    KeyId: str
    EncryptionContext: NotRequired[dict[str, str]]
    KeySpec: NotRequired[str]
    NumberOfBytes: NotRequired[int]
    GrantTokens: NotRequired[list[str]]
    DryRun: NotRequired[bool]


class GenerateDataKeyWithoutPlaintextResponse(TypedDict):
    CiphertextBlob: NotRequired[bytes | None]
    KeyId: NotRequired[str | None]
    KeyMaterialId: NotRequired[str | None]


class GenerateMacRequest(TypedDict):
    Message: bytes
    KeyId: str
    MacAlgorithm: str
    GrantTokens: NotRequired[list[str]]
    DryRun: NotRequired[bool]


class GenerateMacResponse(TypedDict):
    Mac: NotRequired[bytes | None]
    MacAlgorithm: NotRequired[str | None]
    KeyId: NotRequired[str | None]


class GenerateRandomRequest(TypedDict):
    NumberOfBytes: NotRequired[int]
    CustomKeyStoreId: NotRequired[str]
    Recipient: NotRequired[RecipientInfo]


class GenerateRandomResponse(TypedDict):
    Plaintext: NotRequired[bytes | None]
    CiphertextForRecipient: NotRequired[bytes | None]


class GetKeyPolicyRequest(TypedDict):
    KeyId: str
    PolicyName: NotRequired[str]


class GetKeyPolicyResponse(TypedDict):
    Policy: NotRequired[str | None]
    PolicyName: NotRequired[str | None]


class GetKeyRotationStatusRequest(TypedDict):
    KeyId: str


class GetKeyRotationStatusResponse(TypedDict):
    KeyRotationEnabled: NotRequired[bool | None]
    KeyId: NotRequired[str | None]
    RotationPeriodInDays: NotRequired[int | None]
    NextRotationDate: NotRequired[datetime | float | None]
    OnDemandRotationStartDate: NotRequired[datetime | float | None]


class GetParametersForImportRequest(TypedDict):
    KeyId: str
    WrappingAlgorithm: str
    WrappingKeySpec: str


class GetParametersForImportResponse(TypedDict):
    KeyId: NotRequired[str | None]
    ImportToken: NotRequired[bytes | None]
    PublicKey: NotRequired[bytes | None]
    ParametersValidTo: NotRequired[datetime | float | None]


class GetPublicKeyRequest(TypedDict):
    KeyId: str
    GrantTokens: NotRequired[list[str]]


class GetPublicKeyResponse(TypedDict):
    KeyId: NotRequired[str | None]
    PublicKey: NotRequired[bytes | None]
    CustomerMasterKeySpec: NotRequired[str | None]
    KeySpec: NotRequired[str | None]
    KeyUsage: NotRequired[str | None]
    EncryptionAlgorithms: NotRequired[Sequence[str] | Fragment | None]
    SigningAlgorithms: NotRequired[Sequence[str] | Fragment | None]
    KeyAgreementAlgorithms: NotRequired[Sequence[str] | Fragment | None]
    EncapsulationAlgorithms: NotRequired[Sequence[str] | Fragment | None]


class GrantConstraints(TypedDict):
    EncryptionContextSubset: NotRequired[dict[str, str]]
    EncryptionContextEquals: NotRequired[dict[str, str]]
    SourceArn: NotRequired[str]


class GrantListEntry(TypedDict):
    KeyId: NotRequired[str | None]
    GrantId: NotRequired[str | None]
    Name: NotRequired[str | None]
    CreationDate: NotRequired[datetime | float | None]
    GranteePrincipal: NotRequired[str | None]
    RetiringPrincipal: NotRequired[str | None]
    IssuingAccount: NotRequired[str | None]
    Operations: NotRequired[Sequence[str] | Fragment | None]
    Constraints: NotRequired[GrantConstraints | Fragment | None]
    GranteeServicePrincipal: NotRequired[str | None]
    RetiringServicePrincipal: NotRequired[str | None]


class ImportKeyMaterialRequest(TypedDict):
    KeyId: str
    ImportToken: bytes
    EncryptedKeyMaterial: bytes
    ValidTo: NotRequired[datetime]
    ExpirationModel: NotRequired[str]
    ImportType: NotRequired[str]
    KeyMaterialDescription: NotRequired[str]
    KeyMaterialId: NotRequired[str]


class ImportKeyMaterialResponse(TypedDict):
    KeyId: NotRequired[str | None]
    KeyMaterialId: NotRequired[str | None]


class KeyListEntry(TypedDict):
    KeyId: NotRequired[str | None]
    KeyArn: NotRequired[str | None]


class KeyMetadata(TypedDict):
    AWSAccountId: NotRequired[str | None]
    KeyId: str
    Arn: NotRequired[str | None]
    CreationDate: NotRequired[datetime | float | None]
    Enabled: NotRequired[bool | None]
    Description: NotRequired[str | None]
    KeyUsage: NotRequired[str | None]
    KeyState: NotRequired[str | None]
    DeletionDate: NotRequired[datetime | float | None]
    ValidTo: NotRequired[datetime | float | None]
    Origin: NotRequired[str | None]
    CustomKeyStoreId: NotRequired[str | None]
    CloudHsmClusterId: NotRequired[str | None]
    ExpirationModel: NotRequired[str | None]
    KeyManager: NotRequired[str | None]
    CustomerMasterKeySpec: NotRequired[str | None]
    KeySpec: NotRequired[str | None]
    EncryptionAlgorithms: NotRequired[Sequence[str] | Fragment | None]
    SigningAlgorithms: NotRequired[Sequence[str] | Fragment | None]
    KeyAgreementAlgorithms: NotRequired[Sequence[str] | Fragment | None]
    EncapsulationAlgorithms: NotRequired[Sequence[str] | Fragment | None]
    MultiRegion: NotRequired[bool | None]
    MultiRegionConfiguration: NotRequired[MultiRegionConfiguration | Fragment | None]
    PendingDeletionWindowInDays: NotRequired[int | None]
    MacAlgorithms: NotRequired[Sequence[str] | Fragment | None]
    XksKeyConfiguration: NotRequired[XksKeyConfigurationType | Fragment | None]
    CurrentKeyMaterialId: NotRequired[str | None]


class ListAliasesRequest(TypedDict):
    KeyId: NotRequired[str]
    Limit: NotRequired[int]
    Marker: NotRequired[str]


class ListAliasesResponse(TypedDict):
    Aliases: NotRequired[Sequence[AliasListEntry | Fragment] | Fragment | None]
    NextMarker: NotRequired[str | None]
    Truncated: NotRequired[bool | None]


class ListGrantsRequest(TypedDict):
    Limit: NotRequired[int]
    Marker: NotRequired[str]
    KeyId: str
    GrantId: NotRequired[str]
    GranteePrincipal: NotRequired[str]
    GranteeServicePrincipal: NotRequired[str]


class ListGrantsResponse(TypedDict):
    Grants: NotRequired[Sequence[GrantListEntry | Fragment] | Fragment | None]
    NextMarker: NotRequired[str | None]
    Truncated: NotRequired[bool | None]


class ListKeyPoliciesRequest(TypedDict):
    KeyId: str
    Limit: NotRequired[int]
    Marker: NotRequired[str]


class ListKeyPoliciesResponse(TypedDict):
    PolicyNames: NotRequired[Sequence[str] | Fragment | None]
    NextMarker: NotRequired[str | None]
    Truncated: NotRequired[bool | None]


class ListKeyRotationsRequest(TypedDict):
    KeyId: str
    IncludeKeyMaterial: NotRequired[str]
    Limit: NotRequired[int]
    Marker: NotRequired[str]


class ListKeyRotationsResponse(TypedDict):
    Rotations: NotRequired[Sequence[RotationsListEntry | Fragment] | Fragment | None]
    NextMarker: NotRequired[str | None]
    Truncated: NotRequired[bool | None]


class ListKeysRequest(TypedDict):
    Limit: NotRequired[int]
    Marker: NotRequired[str]
    ResourceOwners: NotRequired[list[str]]


class ListKeysResponse(TypedDict):
    Keys: NotRequired[Sequence[KeyListEntry | Fragment] | Fragment | None]
    NextMarker: NotRequired[str | None]
    Truncated: NotRequired[bool | None]


class ListResourceTagsRequest(TypedDict):
    KeyId: str
    Limit: NotRequired[int]
    Marker: NotRequired[str]


class ListResourceTagsResponse(TypedDict):
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    NextMarker: NotRequired[str | None]
    Truncated: NotRequired[bool | None]


class ListRetirableGrantsRequest(TypedDict):
    Limit: NotRequired[int]
    Marker: NotRequired[str]
    RetiringPrincipal: NotRequired[str]
    RetiringServicePrincipal: NotRequired[str]


class MultiRegionConfiguration(TypedDict):
    MultiRegionKeyType: NotRequired[str | None]
    PrimaryKey: NotRequired[MultiRegionKey | Fragment | None]
    ReplicaKeys: NotRequired[Sequence[MultiRegionKey | Fragment] | Fragment | None]


class MultiRegionKey(TypedDict):
    Arn: NotRequired[str | None]
    Region: NotRequired[str | None]


class PutKeyPolicyRequest(TypedDict):
    KeyId: str
    PolicyName: NotRequired[str]
    Policy: str
    BypassPolicyLockoutSafetyCheck: NotRequired[bool]


class ReEncryptRequest(TypedDict):
    CiphertextBlob: NotRequired[bytes]
    SourceEncryptionContext: NotRequired[dict[str, str]]
    SourceKeyId: NotRequired[str]
    DestinationKeyId: str
    DestinationEncryptionContext: NotRequired[dict[str, str]]
    SourceEncryptionAlgorithm: NotRequired[str]
    DestinationEncryptionAlgorithm: NotRequired[str]
    GrantTokens: NotRequired[list[str]]
    DryRun: NotRequired[bool]
    DryRunModifiers: NotRequired[list[str]]


class ReEncryptResponse(TypedDict):
    CiphertextBlob: NotRequired[bytes | None]
    SourceKeyId: NotRequired[str | None]
    KeyId: NotRequired[str | None]
    SourceEncryptionAlgorithm: NotRequired[str | None]
    DestinationEncryptionAlgorithm: NotRequired[str | None]
    SourceKeyMaterialId: NotRequired[str | None]
    DestinationKeyMaterialId: NotRequired[str | None]


class RecipientInfo(TypedDict):
    KeyEncryptionAlgorithm: NotRequired[str]
    AttestationDocument: NotRequired[bytes]


class RetireGrantRequest(TypedDict):
    GrantToken: NotRequired[str]
    KeyId: NotRequired[str]
    GrantId: NotRequired[str]
    DryRun: NotRequired[bool]


class RevokeGrantRequest(TypedDict):
    KeyId: str
    GrantId: str
    DryRun: NotRequired[bool]


class RotateKeyOnDemandRequest(TypedDict):
    KeyId: str


class RotateKeyOnDemandResponse(TypedDict):
    KeyId: NotRequired[str | None]


class RotationsListEntry(TypedDict):
    KeyId: NotRequired[str | None]
    KeyMaterialId: NotRequired[str | None]
    KeyMaterialDescription: NotRequired[str | None]
    ImportState: NotRequired[str | None]
    KeyMaterialState: NotRequired[str | None]
    ExpirationModel: NotRequired[str | None]
    ValidTo: NotRequired[datetime | float | None]
    RotationDate: NotRequired[datetime | float | None]
    RotationType: NotRequired[str | None]


class ScheduleKeyDeletionRequest(TypedDict):
    KeyId: str
    PendingWindowInDays: NotRequired[int]


class ScheduleKeyDeletionResponse(TypedDict):
    KeyId: NotRequired[str | None]
    DeletionDate: NotRequired[datetime | float | None]
    KeyState: NotRequired[str | None]
    PendingWindowInDays: NotRequired[int | None]


class SignRequest(TypedDict):
    KeyId: str
    Message: bytes
    MessageType: NotRequired[str]
    GrantTokens: NotRequired[list[str]]
    SigningAlgorithm: str
    DryRun: NotRequired[bool]


class SignResponse(TypedDict):
    KeyId: NotRequired[str | None]
    Signature: NotRequired[bytes | None]
    SigningAlgorithm: NotRequired[str | None]


class Tag(TypedDict):
    TagKey: str
    TagValue: str


class TagResourceRequest(TypedDict):
    KeyId: str
    Tags: list[Tag]


class UntagResourceRequest(TypedDict):
    KeyId: str
    TagKeys: list[str]


class UpdateAliasRequest(TypedDict):
    AliasName: str
    TargetKeyId: str


class UpdateKeyDescriptionRequest(TypedDict):
    KeyId: str
    Description: str


class VerifyMacRequest(TypedDict):
    Message: bytes
    KeyId: str
    MacAlgorithm: str
    Mac: bytes
    GrantTokens: NotRequired[list[str]]
    DryRun: NotRequired[bool]


class VerifyMacResponse(TypedDict):
    KeyId: NotRequired[str | None]
    MacValid: NotRequired[bool | None]
    MacAlgorithm: NotRequired[str | None]


class VerifyRequest(TypedDict):
    KeyId: str
    Message: bytes
    MessageType: NotRequired[str]
    Signature: bytes
    SigningAlgorithm: str
    GrantTokens: NotRequired[list[str]]
    DryRun: NotRequired[bool]


class VerifyResponse(TypedDict):
    KeyId: NotRequired[str | None]
    SignatureValid: NotRequired[bool | None]
    SigningAlgorithm: NotRequired[str | None]


class XksKeyConfigurationType(TypedDict):
    Id: NotRequired[str | None]

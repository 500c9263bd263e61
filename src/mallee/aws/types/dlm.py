"""Requests and results of dlm's actions, by shape.

Written by `tools/generate_types.py` from the action table and the service model; edit neither this
file nor the members' names, run the tool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NotRequired, TypedDict

from mallee.aws.codec.fragment import Fragment


class Action(TypedDict):
    Name: str
    CrossRegionCopy: list[CrossRegionCopyAction]


class ArchiveRetainRule(TypedDict):
    RetentionArchiveTier: RetentionArchiveTier


class ArchiveRule(TypedDict):
    RetainRule: ArchiveRetainRule


class CreateLifecyclePolicyRequest(TypedDict):
    ExecutionRoleArn: str
    Description: str
    State: str
    PolicyDetails: NotRequired[PolicyDetails]
    Tags: NotRequired[dict[str, str]]
    DefaultPolicy: NotRequired[str]
    CreateInterval: NotRequired[int]
    RetainInterval: NotRequired[int]
    CopyTags: NotRequired[bool]
    ExtendDeletion: NotRequired[bool]
    CrossRegionCopyTargets: NotRequired[list[CrossRegionCopyTarget]]
    Exclusions: NotRequired[Exclusions]


class CreateLifecyclePolicyResponse(TypedDict):
    PolicyId: NotRequired[str | None]


class CreateRule(TypedDict):
    Location: NotRequired[str]
    Interval: NotRequired[int]
    IntervalUnit: NotRequired[str]
    Times: NotRequired[list[str]]
    CronExpression: NotRequired[str]
    Scripts: NotRequired[list[Script]]


class CrossRegionCopyAction(TypedDict):
    Target: str
    EncryptionConfiguration: EncryptionConfiguration
    RetainRule: NotRequired[CrossRegionCopyRetainRule]


class CrossRegionCopyDeprecateRule(TypedDict):
    Interval: NotRequired[int]
    IntervalUnit: NotRequired[str]


class CrossRegionCopyRetainRule(TypedDict):
    Interval: NotRequired[int]
    IntervalUnit: NotRequired[str]


class CrossRegionCopyRule(TypedDict):
    TargetRegion: NotRequired[str]
    Target: NotRequired[str]
    Encrypted: bool
    CmkArn: NotRequired[str]
    CopyTags: NotRequired[bool]
    RetainRule: NotRequired[CrossRegionCopyRetainRule]
    DeprecateRule: NotRequired[CrossRegionCopyDeprecateRule]


class CrossRegionCopyTarget(TypedDict):
    TargetRegion: NotRequired[str]


class DeleteLifecyclePolicyRequest(TypedDict):
    PolicyId: str


class DeleteLifecyclePolicyResponse(TypedDict):
    pass


class DeprecateRule(TypedDict):
    Count: NotRequired[int]
    Interval: NotRequired[int]
    IntervalUnit: NotRequired[str]


class EncryptionConfiguration(TypedDict):
    Encrypted: bool
    CmkArn: NotRequired[str]


class EventParameters(TypedDict):
    EventType: str
    SnapshotOwner: list[str]
    DescriptionRegex: str


class EventSource(TypedDict):
    Type: str
    Parameters: NotRequired[EventParameters]


class Exclusions(TypedDict):
    ExcludeBootVolumes: NotRequired[bool]
    ExcludeVolumeTypes: NotRequired[list[str]]
    ExcludeTags: NotRequired[list[Tag]]


class FastRestoreRule(TypedDict):
    Count: NotRequired[int]
    Interval: NotRequired[int]
    IntervalUnit: NotRequired[str]
    AvailabilityZones: NotRequired[list[str]]
    AvailabilityZoneIds: NotRequired[list[str]]


class GetLifecyclePoliciesRequest(TypedDict):
    PolicyIds: NotRequired[list[str]]
    State: NotRequired[str]
    ResourceTypes: NotRequired[list[str]]
    TargetTags: NotRequired[list[str]]
    TagsToAdd: NotRequired[list[str]]
    DefaultPolicyType: NotRequired[str]


class GetLifecyclePoliciesResponse(TypedDict):
    Policies: NotRequired[Sequence[LifecyclePolicySummary | Fragment] | Fragment | None]


class GetLifecyclePolicyRequest(TypedDict):
    PolicyId: str


class GetLifecyclePolicyResponse(TypedDict):
    Policy: NotRequired[LifecyclePolicy | Fragment | None]


class LifecyclePolicy(TypedDict):
    PolicyId: NotRequired[str | None]
    Description: NotRequired[str | None]
    State: NotRequired[str | None]
    StatusMessage: NotRequired[str | None]
    ExecutionRoleArn: NotRequired[str | None]
    DateCreated: NotRequired[datetime | float | None]
    DateModified: NotRequired[datetime | float | None]
    PolicyDetails: NotRequired[PolicyDetails | Fragment | None]
    Tags: NotRequired[Mapping[str, str] | Fragment | None]
    PolicyArn: NotRequired[str | None]
    DefaultPolicy: NotRequired[bool | None]


class LifecyclePolicySummary(TypedDict):
    PolicyId: NotRequired[str | None]
    Description: NotRequired[str | None]
    State: NotRequired[str | None]
    Tags: NotRequired[Mapping[str, str] | Fragment | None]
    PolicyType: NotRequired[str | None]
    DefaultPolicy: NotRequired[bool | None]


class ListTagsForResourceRequest(TypedDict):
    ResourceArn: str


class ListTagsForResourceResponse(TypedDict):
    Tags: NotRequired[Mapping[str, str] | Fragment | None]


class Parameters(TypedDict):
    ExcludeBootVolume: NotRequired[bool]
    NoReboot: NotRequired[bool]
    ExcludeDataVolumeTags: NotRequired[list[Tag]]


class PolicyDetails(TypedDict):
    PolicyType: NotRequired[str]
    ResourceTypes: NotRequired[list[str]]
    ResourceLocations: NotRequired[list[str]]
    TargetTags: NotRequired[list[Tag]]
    Schedules: NotRequired[list[Schedule]]
    Parameters: NotRequired[Parameters]
    EventSource: NotRequired[EventSource]
    Actions: NotRequired[list[Action]]
    PolicyLanguage: NotRequired[str]
    ResourceType: NotRequired[str]
    CreateInterval: NotRequired[int]
    RetainInterval: NotRequired[int]
    CopyTags: NotRequired[bool]
    CrossRegionCopyTargets: NotRequired[list[CrossRegionCopyTarget]]
    ExtendDeletion: NotRequired[bool]
    Exclusions: NotRequired[Exclusions]


class RetainRule(TypedDict):
    Count: NotRequired[int]
    Interval: NotRequired[int]
    IntervalUnit: NotRequired[str]


class RetentionArchiveTier(TypedDict):
    Count: NotRequired[int]
    Interval: NotRequired[int]
    IntervalUnit: NotRequired[str]


class Schedule(TypedDict):
    Name: NotRequired[str]
    CopyTags: NotRequired[bool]
    TagsToAdd: NotRequired[list[Tag]]
    VariableTags: NotRequired[list[Tag]]
    CreateRule: NotRequired[CreateRule]
    RetainRule: NotRequired[RetainRule]
    FastRestoreRule: NotRequired[FastRestoreRule]
    CrossRegionCopyRules: NotRequired[list[CrossRegionCopyRule]]
    ShareRules: NotRequired[list[ShareRule]]
    DeprecateRule: NotRequired[DeprecateRule]
    ArchiveRule: NotRequired[ArchiveRule]


class Script(TypedDict):
    Stages: NotRequired[list[str]]
    ExecutionHandlerService: NotRequired[str]
    ExecutionHandler: str
    ExecuteOperationOnScriptFailure: NotRequired[bool]
    ExecutionTimeout: NotRequired[int]
    MaximumRetryCount: NotRequired[int]


class ShareRule(TypedDict):
    TargetAccounts: list[str]
    UnshareInterval: NotRequired[int]
    UnshareIntervalUnit: NotRequired[str]


class Tag(TypedDict):
    Key: str
    Value: str


class TagResourceRequest(TypedDict):
    ResourceArn: str
    Tags: dict[str, str]


class TagResourceResponse(TypedDict):
    pass


class UntagResourceRequest(TypedDict):
    ResourceArn: str
    TagKeys: list[str]


class UntagResourceResponse(TypedDict):
    pass


class UpdateLifecyclePolicyRequest(TypedDict):
    PolicyId: str
    ExecutionRoleArn: NotRequired[str]
    State: NotRequired[str]
    Description: NotRequired[str]
    PolicyDetails: NotRequired[PolicyDetails]
    CreateInterval: NotRequired[int]
    RetainInterval: NotRequired[int]
    CopyTags: NotRequired[bool]
    ExtendDeletion: NotRequired[bool]
    CrossRegionCopyTargets: NotRequired[list[CrossRegionCopyTarget]]
    Exclusions: NotRequired[Exclusions]


class UpdateLifecyclePolicyResponse(TypedDict):
    pass

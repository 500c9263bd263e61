"""Requests and results of rbin's actions, by shape.

Written by `tools/generate_types.py` from the action table and the service model; edit neither this
file nor the members' names, run the tool.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NotRequired, TypedDict

from mallee.aws.codec.fragment import Fragment


class CreateRuleRequest(TypedDict):
    RetentionPeriod: RetentionPeriod
    Description: NotRequired[str]
    Tags: NotRequired[list[Tag]]
    ResourceType: str
    ResourceTags: NotRequired[list[ResourceTag]]
    LockConfiguration: NotRequired[LockConfiguration]
    ExcludeResourceTags: NotRequired[list[ResourceTag]]


class CreateRuleResponse(TypedDict):
    Identifier: NotRequired[str | None]
    RetentionPeriod: NotRequired[RetentionPeriod | Fragment | None]
    Description: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    ResourceType: NotRequired[str | None]
    ResourceTags: NotRequired[Sequence[ResourceTag | Fragment] | Fragment | None]
    Status: NotRequired[str | None]
    LockConfiguration: NotRequired[LockConfiguration | Fragment | None]
    LockState: NotRequired[str | None]
    RuleArn: NotRequired[str | None]
    ExcludeResourceTags: NotRequired[Sequence[ResourceTag | Fragment] | Fragment | None]


class DeleteRuleRequest(TypedDict):
    Identifier: str


class DeleteRuleResponse(TypedDict):
    pass


class GetRuleRequest(TypedDict):
    Identifier: str


class GetRuleResponse(TypedDict):
    Identifier: NotRequired[str | None]
    Description: NotRequired[str | None]
    ResourceType: NotRequired[str | None]
    RetentionPeriod: NotRequired[RetentionPeriod | Fragment | None]
    ResourceTags: NotRequired[Sequence[ResourceTag | Fragment] | Fragment | None]
    Status: NotRequired[str | None]
    LockConfiguration: NotRequired[LockConfiguration | Fragment | None]
    LockState: NotRequired[str | None]
    LockEndTime: NotRequired[datetime | float | None]
    RuleArn: NotRequired[str | None]
    ExcludeResourceTags: NotRequired[Sequence[ResourceTag | Fragment] | Fragment | None]


class ListRulesRequest(TypedDict):
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    ResourceType: str
    ResourceTags: NotRequired[list[ResourceTag]]
    LockState: NotRequired[str]
    ExcludeResourceTags: NotRequired[list[ResourceTag]]


class ListRulesResponse(TypedDict):
    Rules: NotRequired[Sequence[RuleSummary | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class ListTagsForResourceRequest(TypedDict):
    ResourceArn: str


class ListTagsForResourceResponse(TypedDict):
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class LockConfiguration(TypedDict):
    UnlockDelay: UnlockDelay


class LockRuleRequest(TypedDict):
    Identifier: str
    LockConfiguration: LockConfiguration


class LockRuleResponse(TypedDict):
    Identifier: NotRequired[str | None]
    Description: NotRequired[str | None]
    ResourceType: NotRequired[str | None]
    RetentionPeriod: NotRequired[RetentionPeriod | Fragment | None]
    ResourceTags: NotRequired[Sequence[ResourceTag | Fragment] | Fragment | None]
    Status: NotRequired[str | None]
    LockConfiguration: NotRequired[LockConfiguration | Fragment | None]
    LockState: NotRequired[str | None]
    RuleArn: NotRequired[str | None]
    ExcludeResourceTags: NotRequired[Sequence[ResourceTag | Fragment] | Fragment | None]


class ResourceTag(TypedDict):
    ResourceTagKey: str
    ResourceTagValue: NotRequired[str]


class RetentionPeriod(TypedDict):
    RetentionPeriodValue: int
    RetentionPeriodUnit: str


class RuleSummary(TypedDict):
    Identifier: NotRequired[str | None]
    Description: NotRequired[str | None]
    RetentionPeriod: NotRequired[RetentionPeriod | Fragment | None]
    LockState: NotRequired[str | None]
    RuleArn: NotRequired[str | None]


class Tag(TypedDict):
    Key: str
    Value: str


class TagResourceRequest(TypedDict):
    ResourceArn: str
    Tags: list[Tag]


class TagResourceResponse(TypedDict):
    pass


class UnlockDelay(TypedDict):
    UnlockDelayValue: int
    UnlockDelayUnit: str


class UnlockRuleRequest(TypedDict):
    Identifier: str


class UnlockRuleResponse(TypedDict):
    Identifier: NotRequired[str | None]
    Description: NotRequired[str | None]
    ResourceType: NotRequired[str | None]
    RetentionPeriod: NotRequired[RetentionPeriod | Fragment | None]
    ResourceTags: NotRequired[Sequence[ResourceTag | Fragment] | Fragment | None]
    Status: NotRequired[str | None]
    LockConfiguration: NotRequired[LockConfiguration | Fragment | None]
    LockState: NotRequired[str | None]
    LockEndTime: NotRequired[datetime | float | None]
    RuleArn: NotRequired[str | None]
    ExcludeResourceTags: NotRequired[Sequence[ResourceTag | Fragment] | Fragment | None]


class UntagResourceRequest(TypedDict):
    ResourceArn: str
    TagKeys: list[str]


class UntagResourceResponse(TypedDict):
    pass


class UpdateRuleRequest(TypedDict):
    Identifier: str
    RetentionPeriod: NotRequired[RetentionPeriod]
    Description: NotRequired[str]
    ResourceType: NotRequired[str]
    ResourceTags: NotRequired[list[ResourceTag]]
    ExcludeResourceTags: NotRequired[list[ResourceTag]]


class UpdateRuleResponse(TypedDict):
    Identifier: NotRequired[str | None]
    RetentionPeriod: NotRequired[RetentionPeriod | Fragment | None]
    Description: NotRequired[str | None]
    ResourceType: NotRequired[str | None]
    ResourceTags: NotRequired[Sequence[ResourceTag | Fragment] | Fragment | None]
    Status: NotRequired[str | None]
    LockState: NotRequired[str | None]
    LockEndTime: NotRequired[datetime | float | None]
    RuleArn: NotRequired[str | None]
    ExcludeResourceTags: NotRequired[Sequence[ResourceTag | Fragment] | Fragment | None]

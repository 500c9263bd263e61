"""Requests and results of cloudtrail's actions, by shape.

Written by `tools/generate_types.py` from the action table and the service model; edit neither this
file nor the members' names, run the tool.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NotRequired, TypedDict

from mallee.aws.codec.fragment import Fragment


class AdvancedEventSelector(TypedDict):
    Name: NotRequired[str | None]
    FieldSelectors: Sequence[AdvancedFieldSelector | Fragment] | Fragment


class AdvancedFieldSelector(TypedDict):
    Field: str
    Equals: NotRequired[Sequence[str] | Fragment | None]
    StartsWith: NotRequired[Sequence[str] | Fragment | None]
    EndsWith: NotRequired[Sequence[str] | Fragment | None]
    NotEquals: NotRequired[Sequence[str] | Fragment | None]
    NotStartsWith: NotRequired[Sequence[str] | Fragment | None]
    NotEndsWith: NotRequired[Sequence[str] | Fragment | None]


class DataResource(TypedDict):
    Type: NotRequired[str | None]
    Values: NotRequired[Sequence[str] | Fragment | None]


class DescribeTrailsRequest(TypedDict):
    trailNameList: NotRequired[list[str]]
    includeShadowTrails: NotRequired[bool]


class DescribeTrailsResponse(TypedDict):
    trailList: NotRequired[Sequence[Trail | Fragment] | Fragment | None]


class Event(TypedDict):
    EventId: NotRequired[str | None]
    EventName: NotRequired[str | None]
    ReadOnly: NotRequired[str | None]
    AccessKeyId: NotRequired[str | None]
    EventTime: NotRequired[datetime | float | None]
    EventSource: NotRequired[str | None]
    Username: NotRequired[str | None]
    Resources: NotRequired[Sequence[Resource | Fragment] | Fragment | None]
    CloudTrailEvent: NotRequired[str | None]


class EventSelector(TypedDict):
    ReadWriteType: NotRequired[str | None]
    IncludeManagementEvents: NotRequired[bool | None]
    DataResources: NotRequired[Sequence[DataResource | Fragment] | Fragment | None]
    ExcludeManagementEventSources: NotRequired[Sequence[str] | Fragment | None]


class GetEventSelectorsRequest(TypedDict):
    TrailName: str


class GetEventSelectorsResponse(TypedDict):
    TrailARN: NotRequired[str | None]
    EventSelectors: NotRequired[Sequence[EventSelector | Fragment] | Fragment | None]
    AdvancedEventSelectors: NotRequired[
        Sequence[AdvancedEventSelector | Fragment] | Fragment | None
    ]


class GetTrailRequest(TypedDict):
    Name: str


class GetTrailResponse(TypedDict):
    Trail: NotRequired[Trail | Fragment | None]


class GetTrailStatusRequest(TypedDict):
    Name: str


class GetTrailStatusResponse(TypedDict):
    IsLogging: NotRequired[bool | None]
    LatestDeliveryError: NotRequired[str | None]
    LatestNotificationError: NotRequired[str | None]
    LatestDeliveryTime: NotRequired[datetime | float | None]
    LatestNotificationTime: NotRequired[datetime | float | None]
    StartLoggingTime: NotRequired[datetime | float | None]
    StopLoggingTime: NotRequired[datetime | float | None]
    LatestCloudWatchLogsDeliveryError: NotRequired[str | None]
    LatestCloudWatchLogsDeliveryTime: NotRequired[datetime | float | None]
    LatestDigestDeliveryTime: NotRequired[datetime | float | None]
    LatestDigestDeliveryError: NotRequired[str | None]
    LatestDeliveryAttemptTime: NotRequired[str | None]
    LatestNotificationAttemptTime: NotRequired[str | None]
    LatestNotificationAttemptSucceeded: NotRequired[str | None]
    LatestDeliveryAttemptSucceeded: NotRequired[str | None]
    TimeLoggingStarted: NotRequired[str | None]
    TimeLoggingStopped: NotRequired[str | None]


class ListTrailsRequest(TypedDict):
    NextToken: NotRequired[str]


class ListTrailsResponse(TypedDict):
    Trails: NotRequired[Sequence[TrailInfo | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class LookupAttribute(TypedDict):
    AttributeKey: str
    AttributeValue: str


class LookupEventsRequest(TypedDict):
    LookupAttributes: NotRequired[list[LookupAttribute]]
    StartTime: NotRequired[datetime]
    EndTime: NotRequired[datetime]
    EventCategory: NotRequired[str]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class LookupEventsResponse(TypedDict):
    Events: NotRequired[Sequence[Event | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class Resource(TypedDict):
    ResourceType: NotRequired[str | None]
    ResourceName: NotRequired[str | None]


class Trail(TypedDict):
    Name: NotRequired[str | None]
    S3BucketName: NotRequired[str | None]
    S3KeyPrefix: NotRequired[str | None]
    SnsTopicName: NotRequired[str | None]
    SnsTopicARN: NotRequired[str | None]
    IncludeGlobalServiceEvents: NotRequired[bool | None]
    IsMultiRegionTrail: NotRequired[bool | None]
    HomeRegion: NotRequired[str | None]
    TrailARN: NotRequired[str | None]
    LogFileValidationEnabled: NotRequired[bool | None]
    CloudWatchLogsLogGroupArn: NotRequired[str | None]
    CloudWatchLogsRoleArn: NotRequired[str | None]
    KmsKeyId: NotRequired[str | None]
    HasCustomEventSelectors: NotRequired[bool | None]
    HasInsightSelectors: NotRequired[bool | None]
    IsOrganizationTrail: NotRequired[bool | None]
    RecursiveLogging: NotRequired[bool | None]


class TrailInfo(TypedDict):
    TrailARN: NotRequired[str | None]
    Name: NotRequired[str | None]
    HomeRegion: NotRequired[str | None]

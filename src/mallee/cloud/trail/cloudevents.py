"""An event of the trail in CloudTrail's form: the record that auditing tools read.

Pure. Called by `cloudtrail`. Answers of calls are not kept, so a record has no `responseElements`;
the ids that a call made are among its resources.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec

from mallee.cloud.trail.events import INTERNAL, Event

_VERSION = "1.11"

_TYPES = {
    "i": "AWS::EC2::Instance",
    "ami": "AWS::EC2::Ami",
    "eni": "AWS::EC2::NetworkInterface",
    "eipalloc": "AWS::EC2::EIP",
    "key": "AWS::EC2::KeyPair",
    "sg": "AWS::EC2::SecurityGroup",
    "snap": "AWS::EC2::Snapshot",
    "subnet": "AWS::EC2::Subnet",
    "vol": "AWS::EC2::Volume",
    "vpc": "AWS::EC2::VPC",
}
"""By the part of an id before its hyphen."""
_NAMED = {
    "AccessKeyId": "AWS::IAM::AccessKey",
    "DestinationKeyId": "AWS::KMS::Key",
    "GroupName": "AWS::IAM::Group",
    "InstanceProfileName": "AWS::IAM::InstanceProfile",
    "KeyId": "AWS::KMS::Key",
    "KeyName": "AWS::EC2::KeyPair",
    "PolicyArn": "AWS::IAM::Policy",
    "PolicyName": "AWS::IAM::Policy",
    "RoleArn": "AWS::IAM::Role",
    "RoleName": "AWS::IAM::Role",
    "SourceKeyId": "AWS::KMS::Key",
    "TargetKeyId": "AWS::KMS::Key",
    "UserName": "AWS::IAM::User",
}
"""By the name of the parameter that names the thing."""
_ID = re.compile(r"([a-z]+)-[0-9a-f]{8}(?:[0-9a-f]{9})?")


def render(event: Event, account: str, region: str) -> dict[str, Any]:
    """Return an event as LookupEvents shows it to an account."""
    return {
        "EventId": event.request_id,
        "EventName": event.action,
        "ReadOnly": "true" if event.is_read else "false",
        "AccessKeyId": event.access_key or None,
        "EventTime": event.at,
        "EventSource": source(event),
        "Username": user_name(event) or None,
        "Resources": [
            {"ResourceType": kind, "ResourceName": name} for kind, name in resources(event)
        ],
        "CloudTrailEvent": msgspec.json.encode(_record(event, account, region)).decode(),
    }


def source(event: Event) -> str:
    """Return the service as events name it: `ec2.amazonaws.com`."""
    return f"{event.service}.amazonaws.com"


def user_name(event: Event) -> str:
    """Return the user's name; of a session its name."""
    return event.user.rpartition("/")[2]


def resources(event: Event) -> tuple[tuple[str, str], ...]:
    """Return type and name of each thing that the call named or made, each once."""
    found = dict.fromkeys(
        (kind, name) for member, name in _texts("", event.asked) if (kind := _type(member, name))
    )
    for id in event.made:
        is_key = id.startswith("ASIA")
        kind = _TYPES.get(id.rpartition("-")[0], "AWS::EC2::Resource")
        found["AWS::IAM::AccessKey" if is_key else kind, id] = None
    return tuple(found)


def _texts(member: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield each text of the parameters with the name of its member."""
    if isinstance(value, str):
        yield member, value
    elif isinstance(value, Mapping):
        for name, inner in cast(Mapping[str, Any], value).items():
            yield from _texts(name, inner)
    elif isinstance(value, list):
        for inner in cast(list[Any], value):
            yield from _texts(member, inner)


def _type(member: str, text: str) -> str:
    found = _ID.fullmatch(text)
    if found is not None and found.group(1) in _TYPES:
        return _TYPES[found.group(1)]
    return _NAMED.get(member, "")


def _record(event: Event, account: str, region: str) -> dict[str, Any]:
    record: dict[str, Any] = {
        "eventVersion": _VERSION,
        "userIdentity": _identity(event),
        "eventTime": event.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": source(event),
        "eventName": event.action,
        "awsRegion": region,
        "sourceIPAddress": event.peer,
        "userAgent": event.agent,
    }
    if event.endpoint:
        record["vpcEndpointId"] = event.endpoint
    if event.error:
        record["errorCode"] = _error(event)
        record["errorMessage"] = event.message
    record["requestParameters"] = _lowered(event.asked) if event.asked else None
    record["responseElements"] = None
    record["requestID"] = record["eventID"] = event.request_id
    record["readOnly"] = event.is_read
    record["eventType"] = "AwsApiCall"
    record["managementEvent"] = True
    record["recipientAccountId"] = account
    record["eventCategory"] = "Management"
    return record


def _error(event: Event) -> str:
    if event.service != "ec2":
        return event.error
    return f"{'Server' if event.status >= 500 else 'Client'}.{event.error}"


_KINDS = {"": "IAMUser", "role": "AssumedRole", "federated": "FederatedUser"}


def _identity(event: Event) -> dict[str, Any]:
    if event.kind == "service":
        return {"type": "AWSService", "invokedBy": event.user}
    identity: dict[str, Any] = {
        "type": _KINDS.get(event.kind, "Unknown"),
        "principalId": event.user_id,
        "arn": event.user,
        "accountId": event.account,
        "accessKeyId": event.access_key,
    }
    if not event.kind:
        identity["userName"] = user_name(event)
    if event.peer == INTERNAL:
        identity["invokedBy"] = INTERNAL
    if event.issuer or event.mfa:
        session: dict[str, Any] = {
            "attributes": {"mfaAuthenticated": "true" if event.mfa else "false"}
        }
        if event.issuer:
            session["sessionIssuer"] = {
                "type": "Role" if event.kind == "role" else "IAMUser",
                "principalId": event.user_id.partition(":")[0],
                "arn": event.issuer,
                "accountId": event.account,
                "userName": event.issuer.rpartition("/")[2],
            }
        if event.source_identity:
            session["sourceIdentity"] = event.source_identity
        identity["sessionContext"] = session
    return identity


def _lowered(value: Any) -> Any:
    """Return parameters with their names as CloudTrail writes them: `instanceId`."""
    if isinstance(value, Mapping):
        members = cast(Mapping[str, Any], value)
        return {name[:1].lower() + name[1:]: _lowered(inner) for name, inner in members.items()}
    if isinstance(value, list):
        return [_lowered(inner) for inner in cast(list[Any], value)]
    return value

"""ARNs of IAM: under which names policies know the users, groups, roles and policies of a request.

A request is about the thing that it changes: putting a user into a group is about the group,
attaching a policy about its new holder. Lists are about all things of their kind, as AWS has it
(`arn:aws:iam::ACCOUNT:user/`); a request that names nobody about the caller. Called by
`authorize` through the rows.
"""

from collections.abc import Callable, Mapping
from typing import Any

from mallee.cloud import accounts
from mallee.cloud.action import Action
from mallee.cloud.call import Call, Request
from mallee.cloud.iam import servicelinkedroles
from mallee.cloud.state import records
from mallee.cloud.state.records import Kind
from mallee.model.identity import identities

NAMING: Mapping[str, Kind[Any, None]] = {
    "InstanceProfileName": records.INSTANCE_PROFILE,
    "GroupName": records.GROUP,
    "RoleName": records.ROLE,
    "UserName": records.USER,
    "VirtualMFADeviceName": records.MFA_DEVICE,
    "ServerCertificateName": records.SERVER_CERTIFICATE,
}
"""Members that name a thing; of several in a request, the first is what it is about."""

_RENAMING: Mapping[str, Kind[Any, None]] = {
    "NewGroupName": records.GROUP,
    "NewServerCertificateName": records.SERVER_CERTIFICATE,
    "NewUserName": records.USER,
}
_LISTS: Mapping[str, str] = {
    "ListGroups": "group",
    "ListInstanceProfiles": "instance-profile",
    "ListPolicies": "policy",
    "ListRoles": "role",
    "ListUsers": "user",
}


_ABOUT_THE_CALLER = frozenset({"ChangePassword"})


def finder(row: Action) -> Callable[[Call, Request], tuple[str, ...]]:
    """Return what finds the ARNs of the row's requests."""
    listed = _LISTS.get(row.name)
    if row.name in servicelinkedroles.NAMING:
        return servicelinkedroles.find_arns

    def find(call: Call, asked: Request) -> tuple[str, ...]:
        if listed is not None:
            prefix: str = asked.get("PathPrefix") or "/"
            return (identities.arn(call.account, listed, prefix, ""),)
        for member, kind in NAMING.items():
            if member in asked:
                return (_of(call, kind, asked[member], asked), *_renamed(call, asked))
        if "UserName" in row.honours or row.name in _ABOUT_THE_CALLER:
            return (call.principal.arn,)
        if "SerialNumber" in asked:
            return (asked["SerialNumber"],)
        return _policy(call, asked)

    return find


def _of(call: Call, kind: Kind[Any, None], name: str, asked: Request) -> str:
    """Return the ARN of what has the name; of what is not there, with the path asked for."""
    id = call.view.owner_of(accounts.names_of(kind, call.account), name.lower())
    record = call.view.get(kind, id) if id else None
    path: str = record.doc.path if record else asked.get("Path") or "/"
    return identities.arn(call.account, kind.name, path, record.doc.name if record else name)


def _renamed(call: Call, asked: Request) -> tuple[str, ...]:
    """Return the ARN that a thing would get: who may not make it may not rename to it."""
    for member, kind in _RENAMING.items():
        old: str = asked.get(member.removeprefix("New")) or ""
        if old and (member in asked or "NewPath" in asked):
            id = call.view.owner_of(accounts.names_of(kind, call.account), old.lower())
            record = call.view.get(kind, id) if id else None
            path: str = asked.get("NewPath") or (record.doc.path if record else "/")
            return (identities.arn(call.account, kind.name, path, asked.get(member, old)),)
    return ()


def _policy(call: Call, asked: Request) -> tuple[str, ...]:
    if "PolicyArn" in asked:
        return (asked["PolicyArn"],)
    if "PolicyName" in asked:
        path: str = asked.get("Path") or "/"
        return (identities.arn(call.account, "policy", path, asked["PolicyName"]),)
    return ("*",)

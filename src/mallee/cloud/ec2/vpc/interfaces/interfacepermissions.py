"""Permissions on interfaces: another account may associate its elastic addresses with one.

Called through the action table, and by `addresses`, which asks for leave here. That another account
attaches an interface to its instances is refused: an instance's interfaces are in one VPC here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.networks import Interface, Permission

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

PREFIX = "eni-perm"
ASSOCIATE = "EIP-ASSOCIATE"
GRANTED = "granted"
MAX_PER_INTERFACE = 50
_ACCOUNT = re.compile(r"[0-9]{12}")

InterfaceRecord = Record[Interface, None]


@dataclass(frozen=True, slots=True)
class Granted:
    """A permission, and the interface that it is on."""

    interface: InterfaceRecord
    permission: Permission

    @property
    def id(self) -> str:
        """The permission's."""
        return self.permission.id


def may_associate(interface: InterfaceRecord, account: str) -> bool:
    """Tell whether an account may give the interface its elastic addresses."""
    granted = (one.account for one in interface.doc.permissions)
    return interface.account == account or account in granted


def create_permission(
    call: WriteCall, request: shapes.CreateNetworkInterfacePermissionRequest
) -> shapes.CreateNetworkInterfacePermissionResult:
    """Let another account give an interface its elastic addresses; a second time is the first."""
    interface = resources.one(call, records.INTERFACE, request["NetworkInterfaceId"])
    _check_grantable(call, interface, request)
    account: str = request.get("AwsAccountId", "")
    for one in interface.doc.permissions:
        if one.account == account:
            return {"InterfacePermission": _render(call, Granted(interface, one))}
    if len(interface.doc.permissions) >= MAX_PER_INTERFACE:
        raise errors.InvalidParameterValue(
            f"An interface has at most {MAX_PER_INTERFACE} permissions."
        )
    made = Permission(id=ids.make(PREFIX, call.entropy(ids.ID_BYTES)), account=account)
    granted = (*interface.doc.permissions, made)
    interface = call.tx.write(interface, replace(interface.doc, permissions=granted))
    return {"InterfacePermission": _render(call, Granted(interface, made))}


def _check_grantable(
    call: WriteCall,
    interface: InterfaceRecord,
    request: shapes.CreateNetworkInterfacePermissionRequest,
) -> None:
    if request["Permission"] != ASSOCIATE:
        raise errors.UnsupportedOperation(
            "INSTANCE-ATTACH is not supported: the interfaces of an instance are in one VPC here, "
            "and no VPC is shared between accounts."
        )
    if interface.doc.requester:
        raise errors.OperationNotPermitted(
            f"The network interface {interface.id} is requester-managed."
        )
    account: str = request.get("AwsAccountId", "")
    if not _ACCOUNT.fullmatch(account) or account == call.account:
        raise errors.InvalidParameterValue(
            f"Value ({account}) for parameter awsAccountId is invalid. It is another account's id."
        )


def delete_permission(
    call: WriteCall, request: shapes.DeleteNetworkInterfacePermissionRequest
) -> shapes.DeleteNetworkInterfacePermissionResult:
    """Take a permission back; addresses that are associated stay until somebody takes them."""
    found = _named(call, request["NetworkInterfacePermissionId"])
    left = tuple(one for one in found.interface.doc.permissions if one.id != found.id)
    call.tx.write(found.interface, replace(found.interface.doc, permissions=left))
    return {"Return": True}


def _named(call: Call, id: str) -> Granted:
    view: store.View | store.Tx = resources.reader(call)
    for interface in view.by(records.INTERFACE, "permission", id):
        for one in interface.doc.permissions:
            if one.id == id and interface.account == call.account:
                return Granted(interface, one)
    raise errors.InvalidPermissionIDNotFound(id)


def _find(
    call: Call, request: shapes.DescribeNetworkInterfacePermissionsRequest
) -> Iterable[Granted]:
    asked: list[str] = request.get("NetworkInterfacePermissionIds") or []
    if asked:
        return [_named(call, id) for id in dict.fromkeys(asked)]
    own = call.view.list(records.INTERFACE, call.account)
    found = (Granted(interface, one) for interface in own for one in interface.doc.permissions)
    return sorted(found, key=lambda it: it.id)


def _render(call: Call, it: Granted) -> shapes.NetworkInterfacePermission:
    return {
        "NetworkInterfacePermissionId": it.id,
        "NetworkInterfaceId": it.interface.id,
        "AwsAccountId": it.permission.account,
        "Permission": ASSOCIATE,
        "PermissionState": {"State": GRANTED},
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateNetworkInterfacePermission",
        does=Write(handle=create_permission),
        honours=frozenset({"NetworkInterfaceId", "AwsAccountId", "Permission"}),
    ),
    Action(
        service="ec2",
        name="DeleteNetworkInterfacePermission",
        does=Write(handle=delete_permission),
        honours=frozenset({"NetworkInterfacePermissionId", "Force"}),
    ),
    Action(
        service="ec2",
        name="DescribeNetworkInterfacePermissions",
        does=Listing(
            find=_find,
            render=_render,
            member="NetworkInterfacePermissions",
            filters={
                "network-interface-permission.network-interface-permission-id": lambda call, it: (
                    it.id,
                ),
                "network-interface-permission.network-interface-id": lambda call, it: (
                    it.interface.id,
                ),
                "network-interface-permission.aws-account-id": lambda call, it: (
                    it.permission.account,
                ),
                "network-interface-permission.aws-service": lambda call, it: (),
                "network-interface-permission.permission": lambda call, it: (ASSOCIATE,),
            },
            max_results=(5, 255),
        ),
        honours=frozenset({"NetworkInterfacePermissionIds"}),
    ),
)

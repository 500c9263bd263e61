"""Everything that an account has, of every kind of record that there is.

Shown before an account is deleted, and read by the reconciler that deletes it: what is not found
here would be left behind, so nothing is listed by hand. Pure reading; called by `admin.accounts`,
`admin.closing` and `reconcile.accounts`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.identity.accounts import Account
from mallee.model.identity.kmskeys import OF_SERVICES, Manager

_BOOKKEEPING = frozenset(
    {records.CLIENT_TOKEN.name, records.USES.name, records.ACCESS_REPORT.name, records.MAIL.name}
)
"""What the cloud notes about an account, and nobody would miss."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing of an account."""

    kind: str
    id: str
    name: str
    is_of_every_account: bool
    """Whether it came with the account, or is only kept about it."""


def of(view: store.View, account: Record[Account, None]) -> list[Item]:
    """Return everything that the account has, by kind and id."""
    default_vpcs = {vpc.id for vpc in view.list(records.VPC, account.id) if vpc.doc.is_default}
    return [
        Item(
            kind=record.kind.name,
            id=record.id,
            name=_name(record.doc),
            is_of_every_account=_is_of_every_account(record, account.doc, default_vpcs),
        )
        for record in everything(view, account.id)
    ]


def everything(view: store.View | store.Tx, account: str) -> Iterator[Record[Any, Any]]:
    """Yield every record of the account but its own, by kind and id."""
    for name in sorted(records.KINDS):
        if name != records.ACCOUNT.name:
            yield from sorted(view.list(records.KINDS[name], account), key=lambda one: one.id)


def waits(view: store.View, account: Record[Account, None]) -> list[str]:
    """Return what the end of an account that is being deleted waits for, a sentence each."""
    if account.doc.is_active:
        return []
    return [
        f"{instance.id} is not gone yet: {_where(view, instance.doc.host_id)}"
        for instance in sorted(
            view.list(records.INSTANCE, account.id), key=lambda instance: instance.id
        )
        if instance.doc.gone_at is None
    ]


def _where(view: store.View, host_id: str) -> str:
    host = view.get(records.HOST, host_id)
    if host is None:
        return f"its host {host_id} is no longer part of this cloud."
    is_silent = host.seen is not None and host.seen.is_silent
    return f"its host {host.doc.name} {'says nothing' if is_silent else 'is at it'}."


def _name(doc: Any) -> str:
    for member in ("name", "public_ip", "private_ip", "image_id", "email", "user_id"):
        value = getattr(doc, member, None)
        if isinstance(value, str):
            return value
    return ""


def _is_of_every_account(
    record: Record[Any, Any], account: Account, default_vpcs: set[str]
) -> bool:
    doc = record.doc
    match record.kind.name:
        case "user":
            return record.id == account.admin_user_id
        case "access-key" | "login-profile":
            return doc.user_id == account.admin_user_id
        case "vpc":
            return doc.is_default
        case "subnet":
            return doc.is_default
        case "security-group":
            return doc.name == "default" and doc.vpc_id in default_vpcs
        case "route-table" | "internet-gateway":
            return doc.vpc_id in default_vpcs
        case "network-acl":
            return doc.is_default and doc.vpc_id in default_vpcs
        case "dhcp-options":
            return doc.is_default
        case "key":
            return doc.manager is Manager.AWS
        case "alias":
            return doc.name.startswith(OF_SERVICES)
        case name:
            return name in _BOOKKEEPING

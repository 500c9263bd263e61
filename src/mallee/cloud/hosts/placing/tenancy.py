"""Whose a host is: which launches a Dedicated Host, or one with dedicated instances, takes.

While a host is allocated (`dedicated-host`, key its id) it takes instances with tenancy `host` of
that account alone. While it carries something of tenancy `dedicated` (`host/H/dedicated`) it takes
that account's alone. Called by `placement`, and by the nouns that allocate and describe.
Invariant: who is placed on a host was asked here in the same transaction.
"""

from dataclasses import dataclass

from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.compute.dedicatedhosts import DedicatedHost

DEFAULT, DEDICATED, HOST = "default", "dedicated", "host"
ALLOCATED = "dedicated-host"

Reader = store.View | store.Tx
DedicatedRecord = Record[DedicatedHost, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """For whom room is wanted, and how far from others."""

    account: str = ""
    type_name: str = ""
    tenancy: str = DEFAULT
    dedicated_host_id: str = ""
    """The Dedicated Host that it shall be on; empty: any of the account's that takes all."""


ANYBODY = Tenant()
"""Who asks for nothing in particular."""


def closed(view: Reader, host_id: str, tenant: Tenant) -> str:
    """Return why the host takes none of the tenant's instances, as words after its name."""
    allocated = allocated_as(view, host_id)
    if tenant.tenancy == HOST:
        return _closed_as_dedicated(allocated, tenant)
    if allocated is not None:
        whose = f"is the Dedicated Host {allocated.id}, which takes only tenancy host"
        return whose if allocated.account == tenant.account else _OTHERS
    if tenant.tenancy == DEDICATED:
        return "" if owners(view, host_id) <= {tenant.account} else _SHARED
    if view.total(space(host_id)) and not _dedicated(view, host_id) <= {tenant.account}:
        return _OTHERS
    return ""


_OTHERS = "is another account's alone at present"
_SHARED = "carries things of other accounts, beside which dedicated ones may not be"


def _closed_as_dedicated(allocated: DedicatedRecord | None, tenant: Tenant) -> str:
    if allocated is None or allocated.account != tenant.account:
        return "is no Dedicated Host of this account"
    if tenant.dedicated_host_id not in ("", allocated.id):
        return f"is {allocated.id}, not {tenant.dedicated_host_id}"
    if not tenant.dedicated_host_id and not allocated.doc.auto_placement:
        return f"is {allocated.id}, which takes only instances that name it"
    if not takes_type(allocated.doc, tenant.type_name):
        kinds = allocated.doc.type_name or f"the family {allocated.doc.family}"
        return f"is {allocated.id}, which is for {kinds}"
    return ""


def takes_type(host: DedicatedHost, type_name: str) -> bool:
    """Tell whether a Dedicated Host takes instances of the type."""
    if host.type_name:
        return type_name == host.type_name
    return type_name.partition(".")[0] == host.family


def allocated_as(view: Reader, host_id: str) -> DedicatedRecord | None:
    """Return what the host is allocated as; None: it is everybody's."""
    id = view.owner_of(ALLOCATED, host_id)
    return view.get(records.DEDICATED_HOST, id) if id else None


def owners(view: Reader, host_id: str) -> set[str]:
    """Return the accounts that have instances or volumes on the host, or hold room for some."""
    carried = view.by(records.INSTANCE, "host", host_id)
    held = view.by(records.CAPACITY_RESERVATION, "host", host_id)
    kept = view.by(records.VOLUME, "host", host_id)
    found = {record.account for record in carried if record.doc.gone_at is None}
    return found | {record.account for record in held} | {record.account for record in kept}


def closed_to_disk(view: Reader, host_id: str, account: str) -> bool:
    """Tell whether the account's volumes may not be kept on the host: it is another's alone."""
    allocated = allocated_as(view, host_id)
    if allocated is not None:
        return allocated.account != account
    return bool(closed(view, host_id, Tenant(account=account)))


def _dedicated(view: Reader, host_id: str) -> set[str]:
    """Return the accounts that are alone on the host: one, or none."""
    found: set[str] = set()
    for key in view.held(space(host_id)):
        record = view.get(records.INSTANCE, key) or view.get(records.CAPACITY_RESERVATION, key)
        if record is not None:
            found.add(record.account)
    return found


def space(host_id: str) -> str:
    """Return the claim space of what has tenancy `dedicated` on the host, by its id."""
    return f"host/{host_id}/dedicated"

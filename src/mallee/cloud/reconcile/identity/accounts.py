"""Ends accounts that are being deleted: guests first, then all that they had, last their name.

Whatever is interrupted goes on from what is left, because nothing is remembered but the account's
standing: as long as one record of it is there, it is found and removed. An image that other
accounts' instances came from is left to the cloud's own account, deregistered, until they are gone.
Not its business: who may ask for the end of an account (`admin.closing`).
"""

from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from mallee.cloud import inventory
from mallee.cloud.blocks import turns
from mallee.cloud.ec2.instances import power
from mallee.cloud.ec2.ipam import given
from mallee.cloud.reconcile.images import images
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.compute.instances import Instance, InstanceSeen, Power, Reason
from mallee.model.identity.accounts import Account, Standing
from mallee.model.images.images import Image

REMOVED_AT_ONCE = 500
"""Records per transaction: others wait for the writer no longer than these take."""

WHY = power.Why(Reason("Server.AccountDeleted", "The account is being deleted"), "Account deleted")

_LAST = (
    records.IMAGE.name,
    records.SECURITY_GROUP.name,
    records.SUBNET.name,
    records.VPC.name,
)
"""What others hang on goes after everything else, in this order."""

InstanceRecord = Record[Instance, InstanceSeen]


@dataclass(frozen=True, slots=True)
class Terminate:
    """Want these instances gone."""

    instances: tuple[InstanceRecord, ...]


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove these records with everything that they hold."""

    records: tuple[Record[Any, Any], ...]


@dataclass(frozen=True, slots=True)
class End:
    """Nothing is left: the account itself goes, and its name is free."""


Step = Terminate | Remove | End


def reconciler(store: store.Store) -> Reconciler:
    """Return the reconciler of all accounts."""

    def keys() -> tuple[str, ...]:
        return tuple(
            account.id
            for account in store.view.list(records.ACCOUNT)
            if account.doc.standing is Standing.CLOSING
        )

    async def settle(id: str) -> None:
        while await store.run(lambda tx: settle_one(tx, id)):
            continue

    return Reconciler(name="accounts", keys=keys, settle=settle)


def settle_one(tx: store.Tx, id: str) -> bool:
    """Do the next step for one account; tell whether there may be another one at once."""
    account = tx.get(records.ACCOUNT, id)
    step = plan(tx, account) if account is not None else None
    if account is None or step is None:
        return False
    apply(tx, account, step)
    return not isinstance(step, End)


def plan(tx: store.Tx, account: Record[Account, None]) -> Step | None:
    """Decide what to do next; None: its guests are not gone yet, or it is not being deleted."""
    if account.doc.standing is not Standing.CLOSING:
        return None
    instances = tx.list(records.INSTANCE, account.id)
    running = tuple(one for one in instances if one.doc.power is not Power.TERMINATED)
    if running:
        return Terminate(running)
    if any(one.doc.gone_at is None for one in instances):
        return None
    found = sorted(inventory.everything(tx, account.id), key=_rank)
    return Remove(tuple(found[:REMOVED_AT_ONCE])) if found else End()


def apply(tx: store.Tx, account: Record[Account, None], step: Step) -> None:
    """Do one step; each is safe to do twice, because the plan after it no longer asks for it."""
    match step:
        case Terminate(instances):
            for instance in instances:
                power.want_terminated(tx, instance, WHY)
        case Remove(found):
            for record in found:
                _remove(tx, record)
        case End():
            _forget_registrations(tx, account.id)
            given.forget_account(tx, account.id)
            tx.release_owner(account.id)
            turns.note_garbage(tx, account.id)
            tx.delete(account)


def _rank(record: Record[Any, Any]) -> tuple[int, str, str]:
    name = record.kind.name
    return (_LAST.index(name) + 1 if name in _LAST else 0, name, record.id)


def _remove(tx: store.Tx, record: Record[Any, Any]) -> None:
    if record.kind.name == records.IMAGE.name:
        record = _deregistered(tx, record)
        owner = _cloud_account(tx)
        if owner is not None and not images.is_unused(tx, record):
            tx.delete(record)
            tx.insert(records.IMAGE, owner, record.id, record.doc)
            return
    # What is one to an account has its id; what the account holds is its own to the end.
    if record.id != record.account:
        tx.release_owner(record.id)
    given.forget(tx, record)
    tx.delete(record)


def _deregistered(tx: store.Tx, image: Record[Image, None]) -> Record[Image, None]:
    return tx.write(image, replace(image.doc, state=images.DEREGISTERED, is_public=False))


def _cloud_account(tx: store.Tx) -> str | None:
    own = [account for account in tx.list(records.ACCOUNT) if account.doc.is_cloud_admin]
    return min(own, key=lambda account: account.doc.created_at).id if own else None


def _forget_registrations(tx: store.Tx, account_id: str) -> None:
    """Nothing is kept of the person either who had asked for the account."""
    for registration in tx.list(records.REGISTRATION, ""):
        if registration.doc.account_id == account_id:
            tx.delete(registration)

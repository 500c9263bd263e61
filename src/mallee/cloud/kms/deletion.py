"""The end of a key: asked for, waited for, and until then taken back.

What only the key opens is lost with it, so it can be used by nobody from the moment that its end
is asked for, and it goes days later (`reconcile.kmskeys`). Called through the action table.
"""

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Write
from mallee.cloud.call import Request, Result, WriteCall
from mallee.cloud.kms import keys, naming, rows
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.identity.kmskeys import DAY_S, Key, State

DAYS = range(7, 31)
DAYS_USUAL = 30


def schedule(call: WriteCall, asked: Request) -> Result:
    """Have a key deleted when the days are over."""
    record = keys.changed(call, asked)
    days: int = asked.get("PendingWindowInDays", DAYS_USUAL)
    if days not in DAYS:
        raise errors.ValidationException(
            f"PendingWindowInDays is from {DAYS[0]} to {DAYS[-1]} days."
        )
    at = call.tx.now + days * DAY_S
    # Who takes it back finds the key switched off, and looks twice before it is used again.
    call.tx.write(record, replace(record.doc, deletion_at=at, is_enabled=False))
    return {
        "KeyId": naming.arn_of(call, record),
        "DeletionDate": at,
        "KeyState": State.PENDING_DELETION.value,
        "PendingWindowInDays": days,
    }


def cancel(call: WriteCall, asked: Request) -> Result:
    """Let a key stay, switched off."""
    record = naming.own(call, asked["KeyId"])
    rows.check_own_to_change(call, record)
    arn = naming.arn_of(call, record)
    if record.doc.state is not State.PENDING_DELETION:
        raise errors.kms.KMSInvalidStateException(f"{arn} is not pending deletion.")
    call.tx.write(record, replace(record.doc, deletion_at=None))
    return {"KeyId": arn}


def remove(tx: store.Tx, record: Record[Key, None]) -> None:
    """Take a key out of the store, with its names and grants."""
    for alias in tx.by(records.KEY_ALIAS, "key", record.id):
        tx.delete(alias)
    for grant in tx.by(records.GRANT, "key", record.id):
        tx.delete(grant)
    tx.delete(record)


ACTIONS = (
    rows.of_key("ScheduleKeyDeletion", Write(handle=schedule), "PendingWindowInDays"),
    rows.of_key("CancelKeyDeletion", Write(handle=cancel)),
)

"""The end of an account: asked for here, done by `reconcile.accounts` while nobody waits.

From the moment it is asked for, no key, password or session of the account is good for anything.
Its guests end first, then everything else goes, last the account and its name; there is no way
back, so what it has is shown before (`DescribeAccount`), and `Recursive` must be said.
"""

from collections import Counter

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud import inventory
from mallee.cloud.action import Action, Write
from mallee.cloud.admin import rows
from mallee.cloud.admin.people import accounts
from mallee.cloud.call import Request, Result, WriteCall
from mallee.model.identity.accounts import Standing


def delete_account(call: WriteCall, request: Request) -> Result:
    """Begin the end of an account; twice is once."""
    record = accounts.tenant(call, request["AccountName"])
    if record.doc.standing is Standing.CLOSING:
        return {}
    if not request.get("Recursive"):
        own = Counter(
            item.kind for item in inventory.of(call.view, record) if not item.is_of_every_account
        )
        if own:
            has = ", ".join(f"{count} {kind}" for kind, count in sorted(own.items()))
            raise errors.DeleteConflict(
                f"The account {record.doc.name} has {has}. DescribeAccount names them all; "
                "with Recursive they are deleted too."
            )
    closing = replace(record.doc, standing=Standing.CLOSING, standing_since=call.tx.now)
    call.tx.write(record, closing)
    return {}


ACTIONS: tuple[Action, ...] = (
    rows.of_administrators(
        "DeleteAccount", Write(handle=delete_account), "AccountName", "Recursive"
    ),
)

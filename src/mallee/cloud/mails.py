"""Mails to people, written in the transaction that is their cause.

`reconcile.mails` puts them into the outbox directory, one file each, where any mail program takes
them from. Their text is sealed until then: it may hold a token. Called by `admin`.
"""

from dataclasses import dataclass

from mallee.cloud.call import WriteCall
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.identity import mails


@dataclass(frozen=True, slots=True, repr=False)
class Letter:
    """What to write to whom."""

    recipient: str
    subject: str
    paragraphs: tuple[str, ...]


def send(call: WriteCall, letter: Letter) -> None:
    """Send a letter when the transaction is on disk."""
    id = ids.make("mail", call.entropy(ids.ID_BYTES))
    body = "\n\n".join(letter.paragraphs) + "\n"
    mail = mails.Mail(
        id=id,
        recipient=letter.recipient,
        subject=letter.subject,
        sealed_body=call.box.seal(body.encode()),
        created_at=call.tx.now,
    )
    call.tx.insert(records.MAIL, "", id, mail)

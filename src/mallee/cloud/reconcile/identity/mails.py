"""Puts mails into the outbox directory, one file each, and forgets them.

A file is there whole or not at all; its name follows from the mail, so a mail that was written when
the process was killed is not there twice. The directory is the administrator's to empty: a mail
program on the same machine reads it. Not its business: what mails say (`cloud.mails`).
"""

import asyncio
import datetime
import email.message
import email.policy
import email.utils
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.kit import clock, files, logs, secretbox
from mallee.model.configuration.settings import Settings
from mallee.model.identity.mails import Mail
from mallee.model.layout import Layout

TRIED_AGAIN_AFTER_S = 60.0
"""After the outbox could not be written."""

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Outbox:
    """Where mails go, and from whom they are."""

    directory: Path
    sender: str
    box: secretbox.SecretBox


def outbox(layout: Layout, settings: Settings, box: secretbox.SecretBox) -> Outbox:
    """Return the outbox that the settings name."""
    directory = Path(settings.mail.outbox) if settings.mail.outbox else layout.outbox
    return Outbox(directory, settings.mail.sender, box)


def reconciler(store: store.Store, outbox: Outbox, clock: clock.Clock) -> Reconciler:
    """Return the reconciler; each mail is a key."""
    rests_until = 0.0

    def keys() -> tuple[str, ...]:
        if clock.monotonic() < rests_until:
            return ()
        return tuple(mail.id for mail in store.view.list(records.MAIL))

    async def settle(id: str) -> None:
        nonlocal rests_until
        mail = store.view.get(records.MAIL, id)
        if mail is None:
            return
        try:
            await asyncio.to_thread(write, outbox, mail.doc)
        except OSError as error:
            rests_until = clock.monotonic() + TRIED_AGAIN_AFTER_S
            _log.error("mail not written", mail=id, why=str(error))
            return
        await store.run(_forget(id))

    return Reconciler(name="mails", keys=keys, settle=settle)


def write(outbox: Outbox, mail: Mail) -> None:
    """Write one mail into the outbox; twice is once."""
    outbox.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    at = datetime.datetime.fromtimestamp(mail.created_at, datetime.UTC)
    path = outbox.directory / f"{at:%Y%m%dT%H%M%S.%fZ}-{mail.id}.eml"
    files.write_atomically(path, compose(outbox, mail).as_bytes())


def compose(outbox: Outbox, mail: Mail) -> email.message.EmailMessage:
    """Return the mail as RFC 5322 has it."""
    message = email.message.EmailMessage(email.policy.SMTP.clone(linesep="\n"))
    message["From"] = outbox.sender
    message["To"] = mail.recipient
    message["Subject"] = mail.subject
    message["Date"] = email.utils.format_datetime(
        datetime.datetime.fromtimestamp(mail.created_at, datetime.UTC)
    )
    message["Message-ID"] = f"<{mail.id}@mallee>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(outbox.box.open(mail.sealed_body).decode())
    return message


def _forget(id: str) -> Callable[[store.Tx], None]:
    def forget(tx: store.Tx) -> None:
        mail = tx.get(records.MAIL, id)
        if mail is not None:
            tx.delete(mail)

    return forget

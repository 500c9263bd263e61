"""A mail lies in the outbox once and whole, or is still in the store."""

import email
import email.policy
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.cloud.reconcile import runner
from mallee.cloud.reconcile.identity import mails
from mallee.cloud.state import records, store
from mallee.kit import secretbox
from mallee.model.identity.mails import Mail
from tests.cloud import clouds, journal
from tests.handclock import NOW, HandClock

BOX = secretbox.SecretBox(b"k" * 32)
TEXT = "Grüße,\n\nthe token is secret-token.\n"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def opened(tmp_path: Path, clock: HandClock) -> Iterator[store.Store]:
    yield from clouds.open_store(tmp_path, clock)


@pytest.fixture
def outbox(tmp_path: Path) -> mails.Outbox:
    return mails.Outbox(tmp_path / "outbox", "cloud@example.org", BOX)


def _send(opened: store.Store, id: str = "mail-1") -> Mail:
    mail = Mail(
        id=id,
        recipient="ann@example.org",
        subject="Einladung für Ann",
        sealed_body=BOX.seal(TEXT.encode()),
        created_at=NOW,
    )
    opened.transact(lambda tx: tx.insert(records.MAIL, "", id, mail))
    return mail


async def test_mail_is_written_and_forgotten(
    opened: store.Store, outbox: mails.Outbox, clock: HandClock
) -> None:
    _send(opened)
    await runner.settle_all(mails.reconciler(opened, outbox, clock))
    assert opened.view.list(records.MAIL) == []
    (path,) = outbox.directory.iterdir()
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert (message["To"], message["From"]) == ("ann@example.org", "cloud@example.org")
    assert message["Subject"] == "Einladung für Ann"
    assert message.get_content() == TEXT
    assert path.stat().st_mode & 0o777 == 0o600


async def test_writing_twice_is_writing_once(
    opened: store.Store, outbox: mails.Outbox, clock: HandClock
) -> None:
    mails.write(outbox, _send(opened))
    await runner.settle_all(mails.reconciler(opened, outbox, clock))
    assert len(list(outbox.directory.iterdir())) == 1


async def test_what_cannot_be_written_is_kept_and_said_without_its_text(
    opened: store.Store,
    outbox: mails.Outbox,
    clock: HandClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = journal.of(monkeypatch, mails)
    outbox.directory.write_text("in the way")
    _send(opened)
    reconciler = mails.reconciler(opened, outbox, clock)
    await runner.settle_all(reconciler)
    assert len(opened.view.list(records.MAIL)) == 1
    assert "mail not written" in said.text
    assert "secret-token" not in said.text
    assert reconciler.keys() == ()
    outbox.directory.unlink()
    clock.time += mails.TRIED_AGAIN_AFTER_S
    await runner.settle_all(reconciler)
    assert opened.view.list(records.MAIL) == []


def test_nothing_in_a_mail_makes_another_header(outbox: mails.Outbox) -> None:
    mail = Mail(
        id="mail-1",
        recipient="a@example.org\nBcc: all@example.org",
        subject="x",
        sealed_body=BOX.seal(b"y"),
        created_at=NOW,
    )
    with pytest.raises(ValueError, match=r"(?i)header|linefeed|newline|carriage"):
        mails.compose(outbox, mail)

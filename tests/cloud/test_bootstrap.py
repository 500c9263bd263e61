"""A first start that was killed anywhere is finished by the next; the way back in is a restart."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from mallee.cloud import bootstrap
from mallee.cloud.state import records, store
from mallee.kit import clock, files, pki
from mallee.model.configuration.settings import InvalidSettings, Settings
from mallee.model.layout import Layout
from tests.cloud import written
from tests.cloud.running import RunningCloud


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def start(layout: Layout) -> store.Store:
    secrets = bootstrap.prepare_secrets(layout, time.time())
    return bootstrap.open_store(layout, Settings(), secrets, clock.SYSTEM)


def credentials(layout: Layout) -> Any:
    return json.loads(layout.admin_credentials.read_text())


def test_second_start_changes_nothing(layout: Layout) -> None:
    first = start(layout)
    said, rev = credentials(layout), first.view.rev
    authority = (layout.cloud_pki / "authority.pem").read_bytes()
    first.close()
    second = start(layout)
    assert (credentials(layout), second.view.rev) == (said, rev)
    assert (layout.cloud_pki / "authority.pem").read_bytes() == authority
    second.close()


def test_first_account_administers_and_has_a_network(layout: Layout) -> None:
    opened = start(layout)
    (account,) = opened.view.list(records.ACCOUNT)
    assert account.doc.is_cloud_admin
    assert len(account.id) == 12
    assert account.id.isdigit()
    assert [vpc.doc.is_default for vpc in opened.view.list(records.VPC, account.id)] == [True]
    assert len(opened.view.list(records.SUBNET, account.id)) == 1
    opened.close()


def test_start_killed_at_any_write_is_finished_by_the_next(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Exception):
        pass

    def dying(after: int) -> Any:
        left = [after]

        def write(path: Path, *arguments: Any) -> Any:
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return original(path, *arguments)

        return write

    original = files._write_aside
    for after in (0, 1, 1):
        with monkeypatch.context() as patch:
            patch.setattr(files, "_write_aside", dying(after))
            with pytest.raises(Killed):
                start(layout)
    opened = start(layout)
    assert len(opened.view.list(records.ACCOUNT)) == 1
    assert len(opened.view.list(records.ACCESS_KEY)) == 1
    assert credentials(layout)["access_key_id"] == opened.view.list(records.ACCESS_KEY)[0].id
    opened.close()


def test_lost_credentials_are_written_again(layout: Layout) -> None:
    start(layout).close()
    said = credentials(layout)
    layout.admin_credentials.unlink()
    start(layout).close()
    assert credentials(layout) == said


def test_administrator_without_a_key_gets_one(layout: Layout) -> None:
    opened = start(layout)
    before = credentials(layout)
    opened.transact(lambda tx: [tx.delete(key) for key in tx.list(records.ACCESS_KEY)])
    opened.close()
    start(layout).close()
    assert credentials(layout)["account_id"] == before["account_id"]
    assert credentials(layout)["access_key_id"] != before["access_key_id"]


def test_secrets_are_for_their_owner_alone(cloud: RunningCloud) -> None:
    layout = cloud.layout
    for path in (
        layout.admin_credentials,
        layout.master_key,
        layout.cloud_pki / "authority.pem",
        layout.cloud_pki / "server.pem",
    ):
        assert path.stat().st_mode & 0o077 == 0, path
    assert layout.cloud_pki.stat().st_mode & 0o077 == 0


def test_secret_keys_are_not_in_the_database(cloud: RunningCloud) -> None:
    secret = cloud.admin["secret_access_key"].encode()
    for path, data in written.contents(cloud.layout.cloud).items():
        assert secret not in data, path


def test_server_certificate_is_new_at_each_start(layout: Layout) -> None:
    secrets = bootstrap.prepare_secrets(layout, time.time())
    serials: set[str] = set()
    for _ in range(2):
        bootstrap.prepare_tls(layout, secrets, Settings())
        serials.add(pki.read_certificate((layout.cloud_pki / "server.pem").read_bytes()).serial)
    assert len(serials) == 2


def test_wrong_settings_are_refused_by_name(layout: Layout) -> None:
    layout.settings.write_text("[ports]\nservices = 'many'\n")
    with pytest.raises(InvalidSettings, match="ports"):
        bootstrap.read_settings(layout)


def test_accounts_from_before_there_were_users_get_their_first(layout: Layout) -> None:
    first = start(layout)
    said = credentials(layout)
    (user,) = first.view.list(records.USER)

    def forget(tx: store.Tx) -> None:
        tx.release_owner(user.id)
        record = tx.get(records.USER, user.id)
        assert record is not None
        tx.delete(record)

    first.transact(forget)
    first.close()
    second = start(layout)
    (found,) = second.view.list(records.USER)
    assert (found.id, found.doc, credentials(layout)) == (user.id, user.doc, said)
    second.close()

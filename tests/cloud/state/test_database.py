"""What the store does when the database cannot: nothing half done, and a message that says why."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from mallee.cloud.state import database, records, schema, sqlite, statements, store, tables
from mallee.kit import clock
from tests.cloud.state import samples

OpenStore = Callable[[], store.Store]

_TAKER = """
import sys
from mallee.cloud.state import store
from mallee.kit import clock
opened = store.Store.open(sys.argv[1], clock=clock.SYSTEM)
for key in range(40):
    try:
        opened.transact(lambda tx: tx.claim("space", str(key), sys.argv[2]))
        print(key)
    except store.Taken:
        continue
opened.close()
"""

_LEAN = """
import sys
from mallee.cloud.state import store
from mallee.kit import clock
store.Store.open(sys.argv[1], clock=clock.SYSTEM).close()
assert not {"sqlalchemy", "alembic", "psycopg"} & sys.modules.keys()
"""


def test_processes_never_take_one_key_twice(url: str, open_store: OpenStore) -> None:
    open_store().close()
    commands = [[sys.executable, "-c", _TAKER, url, f"owner-{n}"] for n in range(3)]
    takers = [subprocess.Popen(one, stdout=subprocess.PIPE, text=True) for one in commands]
    taken = [key for taker in takers for key in taker.communicate(timeout=240)[0].split()]
    assert [taker.returncode for taker in takers] == [0, 0, 0]
    assert sorted(map(int, taken)) == list(range(40))
    assert len(open_store().view.held("space")) == 40


def test_the_migrations_make_the_tables_that_we_use(url: str) -> None:
    database.Database(url).migrate()
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        found = sa.inspect(connection)
        for table in tables.METADATA.tables.values():
            columns = {one["name"]: one["nullable"] for one in found.get_columns(table.name)}
            assert columns == {one.name: one.nullable for one in table.columns}
            keys = found.get_pk_constraint(table.name)["constrained_columns"]
            assert set(keys) == {one.name for one in table.primary_key}
    engine.dispose()


def test_an_error_of_the_database_does_not_tell_what_was_to_be_written(url: str) -> None:
    opened = database.Database(url)
    opened.migrate()
    opened.lock()
    with pytest.raises(opened.failures) as caught:
        opened._locked().change("INSERT INTO nowhere VALUES (:secret)", {"secret": "user data"})
    opened.disconnect()
    assert "user data" not in str(caught.value)
    assert "user data" not in str(opened.unavailable(caught.value))


def test_migrating_twice_is_migrating_once(url: str) -> None:
    database.Database(url).migrate()
    database.Database(url).migrate()


def test_the_newest_step_is_the_version_we_name() -> None:
    steps = Path(schema.__file__).parent / "migrations" / "versions"
    newest = max(path.name for path in steps.glob("0*.py"))
    assert newest.split("_")[0] == statements.SCHEMA_VERSION


def test_a_new_file_is_made_as_all_steps_would_make_it(root_dir: Path) -> None:
    database.Database(f"sqlite:///{root_dir}/new.db").migrate()
    schema.step(f"{root_dir}/stepped.db")
    assert _schema(root_dir / "new.db") == _schema(root_dir / "stepped.db")


def test_a_file_of_an_older_version_goes_on_from_there(root_dir: Path) -> None:
    path = root_dir / "state.db"
    opened = store.Store.open(f"sqlite:///{path}", clock=clock.SYSTEM)
    opened.transact(lambda tx: samples.insert(tx, "vpc-1"))
    opened.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE signature")
        connection.execute("UPDATE alembic_version SET version_num = '0002'")
    connection.close()
    again = store.Store.open(f"sqlite:///{path}", clock=clock.SYSTEM)
    assert [one.id for one in again.view.list(records.VPC)] == ["vpc-1"]
    again.close()
    database.Database(f"sqlite:///{root_dir}/new.db").migrate()
    assert _schema(path) == _schema(root_dir / "new.db")


def test_a_store_on_sqlite_loads_nothing_that_only_servers_need(root_dir: Path) -> None:
    subprocess.run([sys.executable, "-c", _LEAN, f"sqlite:///{root_dir}/state.db"], check=True)


def test_a_database_of_a_newer_version_is_refused(url: str) -> None:
    database.Database(url).migrate()
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(store.Unavailable, match="start the version of Mallee that wrote it"):
        database.Database(url).migrate()


def test_a_database_that_is_not_there_is_named(root_dir: Path) -> None:
    with pytest.raises(store.Unavailable, match="make its directory"):
        store.Store.open(f"sqlite:///{root_dir}/no/such/state.db", clock=clock.SYSTEM)
    with pytest.raises(store.Unavailable, match="see whether the server runs"):
        store.Store.open(f"postgresql+psycopg://x@/x?host={root_dir}", clock=clock.SYSTEM)
    with pytest.raises(store.Unavailable, match="give sqlite:///PATH"):
        store.Store.open("mysql://x@/x", clock=clock.SYSTEM)


def test_a_damaged_file_is_said_to_be_damaged(root_dir: Path) -> None:
    path = root_dir / "state.db"
    path.write_bytes(b"this is not a database, and long enough to be looked at " * 100)
    with pytest.raises(store.Unavailable, match="restore it from a backup"):
        store.Store.open(f"sqlite:///{path}", clock=clock.SYSTEM)


def test_a_document_that_cannot_be_read_names_its_record(root_dir: Path) -> None:
    path = root_dir / "state.db"
    opened = store.Store.open(f"sqlite:///{path}", clock=clock.SYSTEM)
    opened.transact(lambda tx: samples.insert(tx, "vpc-1"))
    opened.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE object SET doc = '{}'")
    connection.close()
    with pytest.raises(store.Unavailable, match="vpc vpc-1 cannot be read"):
        store.Store.open(f"sqlite:///{path}", clock=clock.SYSTEM)


def test_the_file_is_its_owners_alone(root_dir: Path) -> None:
    store.Store.open(f"sqlite:///{root_dir}/state.db", clock=clock.SYSTEM).close()
    assert (root_dir / "state.db").stat().st_mode & 0o077 == 0


def test_a_full_disk_takes_nothing_half(root_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # SQLite treats its own limit of pages as it treats a full disk.
    monkeypatch.setattr(sqlite, "PRAGMAS", (*sqlite.PRAGMAS, "max_page_count = 40"))
    url = f"sqlite:///{root_dir}/state.db"
    opened = store.Store.open(url, clock=clock.SYSTEM)
    kept: list[str] = []

    def fill() -> None:
        for number in range(2000):
            kept.append(opened.transact(lambda tx, id=f"vpc-{number}": samples.insert(tx, id)).id)

    with pytest.raises(store.Unavailable, match="free some space"):
        fill()
    rev = opened.view.rev
    assert {one.id for one in opened.view.list(records.VPC)} == set(kept)
    with pytest.raises(store.Unavailable):
        opened.transact(lambda tx: samples.insert(tx, "vpc-more"))
    opened.close()
    again = store.Store.open(url, clock=clock.SYSTEM)
    assert {one.id for one in again.view.list(records.VPC)} == set(kept)
    assert again.view.rev == rev
    again.close()


def test_a_database_held_by_another_says_so(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "PRAGMAS", (*sqlite.PRAGMAS, "busy_timeout = 1"))
    monkeypatch.setattr("mallee.cloud.state.writer.RETRY_FOR_S", 0.0)
    opened = store.Store.open(f"sqlite:///{root_dir}/state.db", clock=clock.SYSTEM)
    other = sqlite3.connect(root_dir / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(store.Unavailable, match="another process holds it"):
        opened.transact(lambda tx: samples.insert(tx, "vpc-1"))
    other.execute("ROLLBACK")
    other.close()
    opened.transact(lambda tx: samples.insert(tx, "vpc-1"))
    opened.close()


@pytest.mark.postgres
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_lost_connection_is_made_again(url: str, opened: store.Store) -> None:
    opened.transact(lambda tx: samples.insert(tx, "vpc-1"))
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        ours = " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        assert len(connection.execute(sa.text(ended + ours)).all()) >= 1
    engine.dispose()
    opened.transact(lambda tx: samples.insert(tx, "vpc-2"))
    assert len(opened.view.list(records.VPC)) == 2


@pytest.mark.postgres
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_commit_that_was_cut_off_is_neither_lost_nor_done_twice(
    opened: store.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = sa.Connection.commit
    cuts = iter(["after", "before", None])

    def cut(self: sa.Connection) -> None:
        match next(cuts):
            case "after":
                commit(self)
                raise _disconnected()
            case "before":
                raise _disconnected()
            case _:
                commit(self)

    monkeypatch.setattr(sa.Connection, "commit", cut)
    calls: list[str] = []

    def make(tx: store.Tx, id: str) -> str:
        calls.append(id)
        return samples.insert(tx, id).id

    assert opened.transact(lambda tx: make(tx, "vpc-1")) == "vpc-1"
    assert opened.transact(lambda tx: make(tx, "vpc-2")) == "vpc-2"
    assert calls == ["vpc-1", "vpc-2", "vpc-2"]
    assert {one.id for one in opened.view.list(records.VPC)} == {"vpc-1", "vpc-2"}


def _schema(path: Path) -> set[tuple[str, str, str]]:
    """What the file is made of, whatever the white space between."""
    with sqlite3.connect(path) as connection:
        found = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        version = connection.execute("SELECT * FROM alembic_version").fetchall()
        revision = connection.execute("SELECT count(*) FROM revision").fetchall()
    connection.close()
    made = {(kind, name, "".join((sql or "").split())) for kind, name, sql in found}
    return {*made, ("version", *version[0], ""), ("revision", str(revision[0][0]), "")}


def _disconnected() -> sa.exc.OperationalError:
    import psycopg

    lost = psycopg.OperationalError("the connection is lost")
    return sa.exc.OperationalError("COMMIT", {}, lost, connection_invalidated=True)

"""A cloud's memory moves from SQLite to PostgreSQL: all of it, or nothing has changed."""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from mallee.box import databasemove, owners, settingshistory, steps
from mallee.cloud.state import database, moving, tables
from mallee.model.configuration import settings
from mallee.model.layout import Layout
from tests.cloud.frontends import standing
from tests.cloud.frontends.standing import FrontEnd

pytestmark = pytest.mark.postgres

STEPS = 4


class Watcher:
    """Sees steps, and says nothing."""

    def begin(self, step: steps.Step) -> None:
        """It begins."""

    def say(self, line: str) -> None:
        """It goes on."""

    def finish(self, step: steps.Step, result: str, took_s: float) -> None:
        """It ends."""


@pytest.fixture(scope="module")
def used(postgresql_socket: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The root of a cloud on SQLite that was used, and is down."""
    owners.ensure_user()
    # The program that copies runs as the cloud's user.
    postgresql_socket.chmod(0o755)
    home = Path("/tmp") / f"m-moved-{os.getpid()}"
    one = standing.found(home, "")
    try:
        one.start()
        one.wait_ready()
        ec2 = one.client()
        for number in range(5):
            ec2.create_key_pair(KeyName=f"key-{number}")
        ec2.delete_key_pair(KeyName="key-0")
        ec2.create_tags(
            Resources=[ec2.describe_vpcs()["Vpcs"][0]["VpcId"]],
            Tags=[{"Key": "wörter", "Value": "\u00e4\u4e2d\U0001f600 'quoted' \\ \" \t"}],
        )
        one.kill(15)
        yield home
    finally:
        one.kill()
        shutil.rmtree(home)


@pytest.fixture
def layout(used: Path, root_dir: Path) -> Layout:
    """That cloud, for one test."""
    made = Layout(root_dir / "cloud")
    shutil.copytree(used, made.root)
    owner = pwd.getpwnam(owners.CLOUD_USER)
    for path in (made.cloud, *made.cloud.rglob("*")):
        os.chown(path, owner.pw_uid, owner.pw_gid)
    for path in (*root_dir.parents, root_dir, made.root):
        if path.stat().st_mode & 0o011 != 0o011 and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o011)
    return made


def move(layout: Layout, url: str) -> None:
    steps.run(databasemove.plan(layout, url), Watcher())


def url_in_settings(layout: Layout) -> str:
    return settings.parse(layout.settings.read_text()).database_url


def start(layout: Layout) -> FrontEnd:
    configured = settings.parse(layout.settings.read_text())
    one = FrontEnd(layout.root, configured)
    one.start()
    one.wait_ready()
    return one


def keys(one: FrontEnd) -> list[str]:
    return [key["KeyName"] for key in one.client().describe_key_pairs()["KeyPairs"]]


def test_everything_is_there_afterwards_and_the_cloud_goes_on(
    layout: Layout, postgresql_url: str
) -> None:
    before = database.Database(f"sqlite:///{layout.database}").load()
    move(layout, postgresql_url)
    assert url_in_settings(layout) == postgresql_url
    assert settingshistory.entries(layout)[-1].what == databasemove.WHAT
    after = database.Database(postgresql_url).load()
    assert after.rev == before.rev
    one = start(layout)
    try:
        assert keys(one) == [f"key-{number}" for number in range(1, 5)]
        [vpc] = one.client().describe_vpcs()["Vpcs"]
        assert vpc["Tags"][0]["Value"] == "\u00e4\u4e2d\U0001f600 'quoted' \\ \" \t"
        one.client().create_key_pair(KeyName="later")
        assert one.sender().ask("mallee", "CreateFrontEndToken").status == 200
    finally:
        one.kill()
    # Done twice it is done once: nothing copies over what came later.
    move(layout, postgresql_url)
    one = start(layout)
    try:
        assert "later" in keys(one)
    finally:
        one.kill()


def test_a_database_with_another_s_memory_is_left_alone(
    layout: Layout, postgresql_url: str
) -> None:
    other = database.Database(postgresql_url)
    other.migrate()
    engine = sa.create_engine(postgresql_url)
    with engine.begin() as to:
        row = {"space": "s", "key": "k", "owner": "o", "amount": 1}
        to.execute(sa.insert(tables.CLAIM), [row])
    engine.dispose()
    with pytest.raises(steps.Failed, match="not empty"):
        move(layout, postgresql_url)
    assert url_in_settings(layout) == ""
    assert other.load().claim("s", "k") is not None


@pytest.mark.parametrize("done", range(STEPS))
def test_killed_after_any_step_it_is_done_again(
    layout: Layout, postgresql_url: str, done: int
) -> None:
    list_ = databasemove.plan(layout, postgresql_url)
    assert len(list_) == STEPS
    steps.run(list_[:done], Watcher())
    assert url_in_settings(layout) in ("", postgresql_url)
    assert (url_in_settings(layout) == "") == (done < 3)
    move(layout, postgresql_url)
    assert url_in_settings(layout) == postgresql_url


def test_killed_while_it_copies_nothing_is_kept(layout: Layout, postgresql_url: str) -> None:
    """The program ends without a word after each table: the target has nothing, the source all."""
    program = (
        "import sys, os; from mallee.cloud.state import moving; from mallee.model.layout import "
        "Layout; left = iter(range(int(sys.argv[2]))); copy = moving._copy\n"
        "def dying(*a):\n copy(*a)\n if next(left, None) is None: os._exit(9)\n"
        "moving._copy = dying; moving.move(Layout(__import__('pathlib').Path(sys.argv[1])), "
        "sys.argv[3])"
    )
    before = database.Database(f"sqlite:///{layout.database}").load()
    for count in range(len(moving.MOVED)):
        command = [sys.executable, "-c", program, str(layout.root), str(count), postgresql_url]
        assert subprocess.run(command, check=False).returncode == 9
        with psycopg.connect(postgresql_url.replace("+psycopg", "")) as to:
            found = to.execute("SELECT to_regclass('object')").fetchone()
            assert found == (None,)
    assert database.Database(f"sqlite:///{layout.database}").load().rev == before.rev
    move(layout, postgresql_url)


def test_a_copy_that_is_not_the_same_is_undone(
    layout: Layout, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = moving._copy  # pyright: ignore[reportPrivateUsage]

    def losing(source: sa.Connection, to: sa.Connection, table: sa.Table) -> None:
        copy(source, to, table)
        if table is tables.OBJECT:
            to.execute(sa.text("UPDATE object SET doc = doc || ' ' WHERE kind = 'account'"))

    monkeypatch.setattr(moving, "_copy", losing)
    with pytest.raises(moving.CannotMove, match="not what it is a copy of"):
        moving.move(layout, postgresql_url)
    with psycopg.connect(postgresql_url.replace("+psycopg", "")) as to:
        assert to.execute("SELECT to_regclass('object')").fetchone() == (None,)


def test_what_cannot_be_is_refused_with_words(layout: Layout, postgresql_url: str) -> None:
    for url, words in (
        ("mysql://x", "only PostgreSQL"),
        ("nonsense", "no URL"),
        (postgresql_url.replace("/test_", "/none_"), "does not exist"),
    ):
        with pytest.raises(steps.Failed, match=words):
            move(layout, url)
    assert url_in_settings(layout) == ""
    held = settings.parse(layout.settings.read_text())
    layout.settings.write_text(settings.encode(replace(held, database_url="postgresql://other")))
    with pytest.raises(steps.Failed, match="not in SQLite"):
        move(layout, postgresql_url)

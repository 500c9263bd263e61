"""Objects of a machine that is lost, from a copy of its directory, at another front end; the one
that was lost answers nothing any more, should it live after all."""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import botocore.exceptions
import pytest

from mallee.box import objectsrestore, owners, status, steps
from mallee.box.objectsrestore import Wish
from mallee.model.configuration import settings
from tests import postgresql, wholecloud
from tests.cloud.frontends import standing
from tests.cloud.frontends.standing import FrontEnd, wait_until
from tests.cloud.frontends.test_failover import insist

pytestmark = pytest.mark.postgres

LARGE = bytes(300_000)


@pytest.fixture
def two(postgresql_socket: Path) -> Iterator[list[FrontEnd]]:
    """The front end that has the objects, and one that has not, with their processes of S3."""
    owners.ensure_user()
    with (
        tempfile.TemporaryDirectory(prefix="m-") as home,
        postgresql.database(postgresql_socket) as url,
        standing.two(Path(home), url) as all,
    ):
        # Programs of the cloud's user look below it, and at the database.
        Path(home).chmod(0o755)
        postgresql_socket.chmod(0o755)
        for one in all:
            one.start_s3()
        for one in all:
            one.wait_s3()
        insist(lambda: all[0].client("s3").create_bucket(Bucket="kept"))
        for key, body in (("small", b"words"), ("large", LARGE)):
            client = all[1].client("s3")
            insist(lambda k=key, b=body, c=client: c.put_object(Bucket="kept", Key=k, Body=b))
        yield all


def remove_server(at: FrontEnd) -> bool:
    """Have the one with the objects removed; False while it is there."""
    text = at.sender().ask("mallee", "DescribeFrontEnds").text
    [one] = [part for part in text.split("<member>")[1:] if "<ServesObjects>true" in part]
    id = one.partition("<FrontEndId>")[2].partition("<")[0]
    return at.sender().ask("mallee", "RemoveFrontEnd", FrontEndId=id).status == 200


def note(one: FrontEnd) -> None:
    """Write down who runs, as its supervisor does."""
    assert one.process is not None
    born = status.read_birth(one.process.pid)
    assert born is not None
    one.layout.run.mkdir(exist_ok=True)
    status.write_pid(one.layout, "cloud", status.Process(one.process.pid, born))


def do(here: FrontEnd, copy: Path, *names: str) -> None:
    """Do some of the steps: those that take daemons down and up are a machine's own."""
    all = objectsrestore.plan(here.layout, Wish(copy, repairs=True))
    chosen = [one for one in all if one.name in names]
    assert len(chosen) == len(names)
    steps.run(chosen, wholecloud.Silent())


def test_another_front_end_serves_the_copy_and_the_lost_one_nothing(two: list[FrontEnd]) -> None:
    lost, here = two
    alone, copies = "See that nobody else has the objects", "Copy it beside what is here"
    copy = here.layout.root.parent / "copy"
    shutil.copytree(lost.layout.objects, copy)
    with pytest.raises(steps.Failed, match="cannot say who"):
        do(here, copy, alone)
    note(here)
    with pytest.raises(steps.Failed, match="has the objects, and may live"):
        do(here, copy, alone)
    lost.stop()
    wait_until(lambda: remove_server(here), "it to be taken for gone")
    do(here, copy, alone, "Look at the copy", copies)
    here.kill_s3()
    here.kill()
    do(here, copy, "Have the objects be here", "Compare index and files")
    assert owners.read_settings(here.layout).objects.engine == "local"
    here.configured = settings.parse(here.layout.settings.read_text())
    here.start()
    here.wait_ready()
    here.start_s3()
    here.wait_s3()
    client = here.client("s3")
    for key, body in (("small", b"words"), ("large", LARGE)):
        found = insist(lambda k=key: client.get_object(Bucket="kept", Key=k))
        assert found["Body"].read() == body
    # It lives after all: it acknowledges nothing, and its cloud ends.
    former = lost.client("s3")
    lost.go_on()
    deadline = time.monotonic() + standing.SETTLED_S
    while lost.process is not None and lost.process.poll() is None:
        assert time.monotonic() < deadline, "what was removed goes on"
        with (
            contextlib.suppress(botocore.exceptions.BotoCoreError),
            pytest.raises(botocore.exceptions.ClientError),
        ):
            former.put_object(Bucket="kept", Key="late", Body=b"late")
    lost.start()
    assert lost.process is not None
    assert lost.process.wait(standing.START_S) == 1
    assert "was removed from this cloud" in (lost.layout.root / "out").read_text()

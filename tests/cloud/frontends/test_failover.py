"""S3 of front ends that share the objects' directory: one leads, and when it is killed, stopped or
cut off another does. What was acknowledged is there; who was stopped changes nothing later."""

import contextlib
import itertools
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest

from mallee.model.configuration.settings import Objects
from mallee.walrus import terms
from tests import postgresql
from tests.cloud.frontends import standing
from tests.cloud.frontends.standing import FrontEnd

pytestmark = pytest.mark.postgres

SETTLED_S = standing.SETTLED_S
FAILURES = (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, OSError)
BUCKET = "shared"


@pytest.fixture(scope="module")
def sharing(postgresql_socket: Path) -> Iterator[list[FrontEnd]]:
    """Two front ends that have one directory for objects, with their processes of S3."""
    with (
        tempfile.TemporaryDirectory(prefix="m-") as home,
        postgresql.database(postgresql_socket) as url,
    ):
        kept = Path(home, "objects")
        kept.mkdir()
        objects = Objects(engine="shared", directory=str(kept), processes=2)
        with standing.two(Path(home), url, objects) as all:
            for one in all:
                one.start_s3()
            insist(lambda: all[0].client("s3").create_bucket(Bucket=BUCKET))
            yield all


def insist(ask: Callable[[], Any]) -> Any:
    """Ask until it is answered."""
    deadline = time.monotonic() + SETTLED_S
    while time.monotonic() < deadline:
        with contextlib.suppress(*FAILURES):
            return ask()
        time.sleep(0.1)
    return ask()


def leader(all: list[FrontEnd]) -> FrontEnd:
    """Who serves S3, as one that answers says."""
    with_children = [one for one in all if one.s3_process and len(one.processes()) > 2]
    assert len(with_children) == 1, with_children
    return with_children[0]


class Writer(threading.Thread):
    """Puts objects at all front ends in turn, and remembers what it was told is kept."""

    def __init__(self, all: list[FrontEnd], name: str) -> None:
        super().__init__()
        self.kept: dict[str, bytes] = {}
        self.is_over = threading.Event()
        self._name = name
        self._clients = itertools.cycle([one.client("s3") for one in all])

    def run(self) -> None:
        for number in itertools.count():
            if self.is_over.is_set():
                return
            key, body = f"{self._name}-{number % 50}", f"{number}".encode() * 100
            with contextlib.suppress(*FAILURES):
                # In doubt until the next of this key.
                self.kept.pop(key, None)
                next(self._clients).put_object(Bucket=BUCKET, Key=key, Body=body)
                self.kept[key] = body

    def wait_more(self, count: int) -> None:
        """Wait until so many more are kept."""
        deadline, before = time.monotonic() + SETTLED_S, dict(self.kept)
        # A copy is made at once: the writer goes on meanwhile.
        while len(set(dict(self.kept).items()) - set(before.items())) < count:
            assert time.monotonic() < deadline, "nothing more is kept"
            time.sleep(0.05)

    def finish(self, all: list[FrontEnd]) -> None:
        """End, and see that all of it is there, whoever is asked."""
        self.is_over.set()
        self.join()
        clients = [one.client("s3") for one in all]
        for (key, body), client in zip(self.kept.items(), itertools.cycle(clients), strict=False):
            found = insist(lambda key=key, client=client: client.get_object(Bucket=BUCKET, Key=key))
            assert found["Body"].read() == body, key


def test_killed_it_is_led_by_the_other_and_nothing_is_lost(sharing: list[FrontEnd]) -> None:
    former = leader(sharing)
    [other] = [one for one in sharing if one is not former]
    writer = Writer(sharing, "killed")
    writer.start()
    writer.wait_more(5)
    former.kill_s3()
    former.kill()
    writer.wait_more(5)
    former.start()
    former.wait_ready()
    former.start_s3()
    former.wait_s3()
    assert leader(sharing) is other
    writer.finish(sharing)


def test_who_was_stopped_changes_nothing_later(sharing: list[FrontEnd]) -> None:
    former = leader(sharing)
    [other] = [one for one in sharing if one is not former]
    writer = Writer(sharing, "stopped")
    writer.start()
    writer.wait_more(5)
    former.stop()
    client = other.client("s3")
    insist(lambda: client.put_object(Bucket=BUCKET, Key="truth", Body=b"new"))
    former.go_on()
    # It says nothing of what it remembers: it brings everybody to the one that knows.
    asked = former.client("s3")
    found = insist(lambda: asked.get_object(Bucket=BUCKET, Key="truth"))
    assert found["Body"].read() == b"new"
    writer.wait_more(5)
    writer.finish(sharing)
    assert leader(sharing) is other


def test_children_that_stand_still_are_replaced(sharing: list[FrontEnd]) -> None:
    former = leader(sharing)
    client = former.client("s3")
    insist(lambda: client.put_object(Bucket=BUCKET, Key="before", Body=b"1"))
    number = terms.read_number(Path(former.configured.objects.directory))
    assert former.process is not None
    assert former.s3_process is not None
    standing.stop(set(former.processes()) - {former.process.pid, former.s3_process.pid})
    found = insist(lambda: client.get_object(Bucket=BUCKET, Key="before"))
    assert found["Body"].read() == b"1"
    assert terms.read_number(Path(former.configured.objects.directory)) > number

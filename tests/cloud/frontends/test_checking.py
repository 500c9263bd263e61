"""The check of a directory of objects that front ends share: it leads them for as long as it looks,
and nobody who serves is disturbed."""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mallee.box import objects, steps
from mallee.model.configuration.settings import Objects
from mallee.walrus import places, terms
from tests import postgresql
from tests.cloud.frontends import standing
from tests.cloud.frontends.standing import FrontEnd
from tests.cloud.frontends.test_failover import FAILURES

pytestmark = pytest.mark.postgres

SETTLED_S = standing.SETTLED_S
LARGE = bytes(300_000)


def insist(ask: Callable[[], Any]) -> Any:
    """Ask until it is answered."""
    deadline = time.monotonic() + SETTLED_S
    while time.monotonic() < deadline:
        with contextlib.suppress(*FAILURES):
            return ask()
        time.sleep(0.2)
    return ask()


@pytest.fixture(scope="module")
def sharing(postgresql_socket: Path) -> Iterator[list[FrontEnd]]:
    """Two front ends that have one directory for objects, with their processes of S3."""
    with (
        tempfile.TemporaryDirectory(prefix="m-") as home,
        postgresql.database(postgresql_socket) as url,
    ):
        kept = Path(home, "objects")
        kept.mkdir()
        shared = Objects(engine="shared", directory=str(kept), processes=2)
        with standing.two(Path(home), url, shared) as all:
            for one in all:
                one.start_s3()
            insist(lambda: all[0].client("s3").create_bucket(Bucket="checked"))
            insist(lambda: all[1].client("s3").put_object(Bucket="checked", Key="k", Body=LARGE))
            yield all


def test_while_somebody_serves_it_is_refused_and_says_who(sharing: list[FrontEnd]) -> None:
    kept = Path(sharing[0].configured.objects.directory)
    number = terms.read_number(kept)
    with pytest.raises(steps.Failed, match="serves S3 of this directory: mallee down on all"):
        objects.check(sharing[0].layout, repairs=False)
    assert terms.read_number(kept) == number
    found = insist(lambda: sharing[0].client("s3").get_object(Bucket="checked", Key="k"))
    assert found["Body"].read() == LARGE


def test_it_is_a_term_in_which_nobody_else_serves(sharing: list[FrontEnd]) -> None:
    kept = Path(sharing[0].configured.objects.directory)
    for one in sharing:
        one.kill_s3()
    number = terms.read_number(kept)
    stray = places.Places(kept).file(0xFF)
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"nobody's")
    found = objects.check(sharing[1].layout, repairs=True)
    assert found.are_harmless
    assert len(found.orphans) == 1
    assert not stray.exists()
    assert terms.read_number(kept) == number + 1
    # The next one goes on from there.
    for one in sharing:
        one.start_s3()
    again = insist(lambda: sharing[0].client("s3").get_object(Bucket="checked", Key="k"))
    assert again["Body"].read() == LARGE
    assert terms.read_number(kept) >= number + 2


def test_a_directory_that_is_not_mounted_is_refused(sharing: list[FrontEnd]) -> None:
    kept = Path(sharing[0].configured.objects.directory)
    moved = kept.rename(kept.with_name("elsewhere"))
    kept.mkdir()
    try:
        with pytest.raises(steps.Failed, match="mount it"):
            objects.check(sharing[0].layout, repairs=False)
        assert list(kept.iterdir()) == []
    finally:
        kept.rmdir()
        moved.rename(kept)

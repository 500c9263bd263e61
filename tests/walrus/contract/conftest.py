"""Every engine that can serve, each fresh: the tests here hold for all of them."""

from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

import pytest

from mallee.walrus import engine as local
from mallee.walrus import packs
from mallee.walrus.foreign import ForeignDisk
from mallee.walrus.seam import Engine
from tests.walrus import otherstore


@pytest.fixture(params=["local", "s3"])
def engine(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Generator[Engine]:
    """An open engine, closed at the end."""
    if request.param == "local":
        with closing(local.Engine(tmp_path / "walrus")) as opened:
            yield opened
        return
    # Each pack is full at once, so that small objects too lie elsewhere.
    monkeypatch.setattr(packs, "PACK_MAX", 1)
    root = tmp_path / "walrus"
    with otherstore.running() as other:
        disk = ForeignDisk(root, other.bucket)
        with closing(local.Engine(root, disk=disk)) as opened:
            yield opened


@pytest.fixture
def settle(engine: Engine) -> Callable[[], None]:
    """Have the engine do what it does in the background sooner or later."""
    assert isinstance(engine, local.Engine)
    return engine.collect

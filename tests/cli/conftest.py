"""The command line in this process, against a running cloud of its own."""

import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from mallee.cli import main
from tests.cloud.running import RunningCloud, fresh


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended and what it said."""

    status: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture(scope="module", autouse=True)
def _log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A file for what the cloud logs, whenever it does: it runs in this process, and its lines are
    none of what a command says."""
    with (tmp_path_factory.mktemp("log") / "cloud.log").open("w") as file:
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(file))
        yield
        structlog.reset_defaults()


@pytest.fixture(scope="module")
def cloud() -> Iterator[RunningCloud]:
    with fresh() as running:
        yield running


@pytest.fixture
def run(
    cloud: RunningCloud, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Run one command line, with some lines to read."""
    monkeypatch.setenv("MALLEE_ROOT", str(cloud.layout.root))
    monkeypatch.setenv("COLUMNS", "400")

    def one(*words: str | Path, lines: str = "") -> Said:
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
        capsys.readouterr()
        try:
            status = main.run([str(word) for word in words])
        except SystemExit as end:
            status = int(end.code or 0)
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return one

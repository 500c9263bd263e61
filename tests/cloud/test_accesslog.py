"""The access log gathers lines, loses none at a clean end, and never gets in the way."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mallee.cloud import accesslog
from tests.cloud.journal import of


def line(action: str) -> accesslog.Line:
    at = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
    return accesslog.Line(
        at=at, request_id="1", peer="127.0.0.1", action=action, status=200, ms=1.5
    )


async def test_lines_are_written_together_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "log" / "access.log"
    with accesslog.AccessLog(path) as log:
        log.add(line("First"))
        log.add(line("Second"))
        assert path.read_bytes() == b""
        while not path.read_bytes():
            await asyncio.sleep(0.01)
        lines = [json.loads(text) for text in path.read_text().splitlines()]
    assert [each["action"] for each in lines] == ["First", "Second"]
    assert lines[0] == {
        "at": "2026-11-21T08:00:00Z",
        "request_id": "1",
        "peer": "127.0.0.1",
        "action": "First",
        "status": 200,
        "ms": 1.5,
    }


async def test_clean_end_loses_no_line(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    for action in ("First", "Second"):
        with accesslog.AccessLog(path) as log:
            log.add(line(action))
    assert path.read_text().count("\n") == 2
    assert path.stat().st_mode & 0o007 == 0


async def test_full_disk_does_not_get_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = of(monkeypatch, accesslog)
    path = tmp_path / "access.log"
    path.touch()
    with accesslog.AccessLog(path) as log:
        log._file.close()
        log._file = open("/dev/full", "ab", buffering=0)  # noqa: SIM115 - the log closes it
        log.add(line("Lost"))
    assert journal.lines[0]["lines"] == 1

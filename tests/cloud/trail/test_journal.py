"""The trail is written when it was promised, whatever happens to the process and its disk."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mallee.cloud.trail import journal
from mallee.cloud.trail.events import Event
from mallee.kit.chain import segments, verify
from mallee.model.configuration.settings import Settings
from tests.cloud.journal import of

KEY = bytes(range(32))
AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def event(number: int = 0, **more: Any) -> Event:
    told: dict[str, Any] = {"account": "123456789012", "status": 200, **more}
    return Event(at=AT, request_id=str(number), peer="192.0.2.1", ms=1.5, **told)


def opened(directory: Path) -> journal.Journal:
    return journal.Journal(directory, KEY, Settings())


def told(directory: Path) -> list[dict[str, Any]]:
    """The calls in the files, oldest first."""
    found = [one.path.read_text() for one in segments.find_all(directory)]
    lines = [json.loads(line) for line in "".join(found).splitlines()]
    return [line for line in lines if "chain" not in line]


async def wait_until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not is_so():
            await asyncio.sleep(0.01)


async def test_a_change_is_in_the_file_before_its_answer_leaves(tmp_path: Path) -> None:
    with opened(tmp_path) as trail:
        trail.add(event(1), at_once=False)
        assert told(tmp_path) == []
        trail.add(event(2), at_once=True)
        assert [line["request_id"] for line in told(tmp_path)] == ["1", "2"]


async def test_what_only_looked_follows_soon(tmp_path: Path) -> None:
    with opened(tmp_path) as trail:
        trail.add(event(1), at_once=False)
        await wait_until(lambda: len(told(tmp_path)) == 1)


async def test_what_is_written_reaches_the_disk_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "SYNC_S", 0.01)
    with opened(tmp_path) as trail:
        trail.add(event(1), at_once=True)
        head = tmp_path / "head"
        await wait_until(lambda: head.exists() and head.read_text().startswith("2:"))
        trail.add(event(2), at_once=False)
        await wait_until(lambda: head.read_text().startswith("3:"))


async def test_a_clean_end_loses_nothing(tmp_path: Path) -> None:
    for number in range(3):
        with opened(tmp_path) as trail:
            trail.add(event(number), at_once=False)
    assert [line["request_id"] for line in told(tmp_path)] == ["0", "1", "2"]
    report = verify.verify(tmp_path, KEY)
    assert (report.is_whole, report.lines) == (True, 6)


async def test_a_full_disk_keeps_nobody_from_his_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaints = of(monkeypatch, journal)
    trail = opened(tmp_path)
    room, trail._writer._file = trail._writer._file, os.open("/dev/full", os.O_WRONLY)
    trail.add(event(1), at_once=True)
    assert complaints.lines[0]["event"] == "trail not written"
    os.close(trail._writer._file)
    trail._writer._file = room
    trail.add(event(2), at_once=True)
    trail.__exit__(None, None, None)
    assert [line["request_id"] for line in told(tmp_path)] == ["1", "2"]
    assert verify.verify(tmp_path, KEY).is_whole


async def test_a_stranger_cannot_drive_out_what_others_did(tmp_path: Path) -> None:
    with opened(tmp_path) as trail:
        for number in range(10_000):
            trail.add(event(number, account="", status=403, error="AuthFailure"), at_once=False)
        trail.add(event(99, account="", status=403, error="AuthFailure"), at_once=False)
        trail.add(event(1), at_once=False)
    lines = told(tmp_path)
    assert len(lines) < 60
    assert sum(line.get("more", 1) for line in lines) == 10_002
    assert {line["peer"] for line in lines} == {"192.0.2.1"}


async def test_strangers_without_number_take_bounded_room(tmp_path: Path) -> None:
    with opened(tmp_path) as trail:
        for peer in range(3000):
            for _ in range(42):
                one = Event(
                    at=AT, request_id="1", peer=f"10.0.{peer >> 8}.{peer & 255}", status=403,
                    error="AuthFailure", ms=1.0,
                )  # fmt: skip
                trail.add(one, at_once=False)
        assert len(trail._uncounted.last) <= journal.PEERS_MAX + 1


def test_a_killed_process_owes_no_line_of_a_change(tmp_path: Path) -> None:
    """Changes are answered by printing their number; whatever was printed must be in the trail."""
    program = textwrap.dedent(
        """
        import asyncio, sys
        from pathlib import Path
        from tests.cloud.trail.test_journal import event, opened

        async def main():
            with opened(Path(sys.argv[1])) as trail:
                number = 0
                while True:
                    trail.add(event(number), at_once=number % 3 == 0)
                    if number % 3 == 0:
                        print(number, flush=True)
                    number += 1
                    if number % 50 == 0:
                        await asyncio.sleep(0)

        asyncio.run(main())
        """
    )
    seen: list[int] = []
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        assert process.stdout is not None
        answered = [int(process.stdout.readline()) for _ in range(200)]
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split(b"\n")[:-1]
        process.wait()
        seen.append(max([*answered, *map(int, rest)]))
    ids = [int(line["request_id"]) for line in told(tmp_path)]
    starts = [place for place, number in enumerate(ids) if number == 0]
    for start, end, last in zip(starts, [*starts[1:], len(ids)], seen, strict=True):
        assert ids[start:end] == list(range(end - start))
        assert ids[end - 1] >= last
    report = verify.verify(tmp_path, KEY)
    assert report.is_whole, report.faults


async def test_what_cannot_be_written_is_left_out_and_the_rest_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaints = of(monkeypatch, journal)
    with opened(tmp_path) as trail:
        trail.add(event(1, message="\udcff", asked={"a": object()}), at_once=True)
    assert told(tmp_path)[0]["asked"] == {"omitted": "cannot be written"}
    assert complaints.lines[0]["event"] == "call not told whole"

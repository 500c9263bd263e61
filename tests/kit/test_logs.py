import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mallee.kit import logs

PROGRAM = """
import sys, threading
from pathlib import Path
from mallee.kit import logs
log = logs.get("mallee.cloud.pipeline")
logs.configure("cloud", Path(sys.argv[1]))
threading.Thread(target=lambda: log.info("Answered", code=200, at_path=Path("/"))).start()
try:
    1 / 0
except ZeroDivisionError:
    log.exception("Broke")
log.debug("Unseen")
"""


def test_a_line_says_when_how_bad_who_where_and_what(tmp_path: Path) -> None:
    path = tmp_path / "log" / "cloud.log"
    subprocess.run([sys.executable, "-c", PROGRAM, str(path)], check=True)
    first, second = sorted(
        (json.loads(line) for line in path.read_text().splitlines()), key=lambda line: line["event"]
    )
    assert (
        first.items()
        >= {
            "level": "info",
            "daemon": "cloud",
            "of": "cloud.pipeline",
            "event": "Answered",
            "code": 200,
        }.items()
    )
    assert first["at"].endswith("Z")
    assert "ZeroDivisionError" in second["exception"]


class SmallDisk:
    """A file on a disk that has room for so many bytes."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.kept = b""

    def write(self, data: bytes, /) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = data[: self.room]
        self.kept += taken
        self.room -= len(taken)
        return len(taken)


@pytest.mark.parametrize("room", range(20))
def test_a_full_disk_stops_nobody_who_logs(room: int) -> None:
    disk = SmallDisk(room)
    lines = logs.Lines(disk, "s3")
    for number in range(3):
        lines.write(f'{{"n": {number}}}\n')
    disk.room = 1000
    lines.write('{"n": 3}\n')
    lines.write('{"n": 4}\n')
    *_, told, last, after = map(json.loads, disk.kept.decode().splitlines()[-3:])
    assert (last, after) == ({"n": 3}, {"n": 4})
    assert told["event"] == "lines could not be written"
    assert told["lines"] == 3 - room // len('{"n": 0}\n')


def test_a_log_on_a_full_disk_stops_no_daemon() -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        assert logs.Lines(full, "s3").write("lost\n") == len("lost\n")

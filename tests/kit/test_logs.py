import json
import subprocess
import sys
from pathlib import Path

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

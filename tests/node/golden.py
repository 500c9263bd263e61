"""Golden texts of the node: compared byte for byte, written anew when `GOLDEN=write` is set."""

import os
from pathlib import Path

_DIRECTORY = Path(__file__).parent.parent / "golden" / "node"


def assert_golden(name: str, text: str) -> None:
    """Compare `text` with the golden file of that name."""
    path = _DIRECTORY / name
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()

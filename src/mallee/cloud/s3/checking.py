"""Compares index and files of objects: `python -m mallee.cloud.s3.checking --root DIR`.

Nothing else may have the store open, so it is run while the cloud is down, as the cloud's user: by
`box.objects`, to which its last line says in JSON what it found. With `--repair` it sets right
what can be set right without loss. Not its business: whether the bytes are right (`scrubbing`).
"""

import argparse
import contextlib
import sys
from pathlib import Path

import msgspec

from mallee.model.layout import Layout
from mallee.walrus import engine
from mallee.walrus.errors import BrokenIndex, NoSpace


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser("mallee-s3-check")
    parser.add_argument("--root", type=Path, required=True, help="the cloud's root directory")
    parser.add_argument("--repair", action="store_true", help="set right what can be")
    asked = parser.parse_args()
    try:
        opened = engine.Engine(Layout(asked.root).objects)
        with contextlib.closing(opened):
            findings = opened.check(repairs=asked.repair)
    except (BrokenIndex, NoSpace) as error:
        raise SystemExit(str(error)) from error
    sys.stdout.buffer.write(msgspec.json.encode(findings))


if __name__ == "__main__":
    main()

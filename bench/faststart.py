"""How long `./faststart` takes until SSH answers, where packages and images are cached.

Each run starts from nothing but the image: a new root directory, a new cloud, a new instance. No
network is there, so Python's packages must be: run `./faststart` once where there is one.
"""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from bench import report, sealed
from mallee.box import destroy, steps
from mallee.model.layout import Layout
from tests import tinyimages, wholecloud

PROGRAM = Path(__file__).parent.parent / "faststart"


def measure(runs: int) -> list[report.Finding]:
    """Start from nothing so often."""
    return [
        report.Finding(
            promise="faststart with packages and image cached, to SSH",
            unit="s",
            ours=tuple(_run() for _ in range(runs)),
            bar_max=25,
        )
    ]


def _run() -> float:
    root = Path(tempfile.mkdtemp(prefix="m-"))
    root.chmod(0o755)
    layout = Layout(root)
    tinyimages.copy_into(layout)
    try:
        began = time.monotonic()
        argv = [PROGRAM, "--yes", "--root", str(root)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        took = time.monotonic() - began
        if done.returncode != 0:
            # Most likely packages are not cached: run it once where the network is.
            raise SystemExit(f"{done.stdout}{done.stderr}")
        return took
    finally:
        if layout.settings.exists():
            steps.run(destroy.plan(layout), wholecloud.Silent())
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)

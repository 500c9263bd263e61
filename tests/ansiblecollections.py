"""Ansible's collection `amazon.aws`, unpacked once into `build/ansible` of the working tree.

It comes out of the `ansible` package, which is fetched the first time ever (by `./test`, before
tests lose sight of the network) and is not installed: it brings a hundred other collections.
"""

import functools
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

_TOP = Path(__file__).parent.parent
_ROOT = _TOP / "build" / "ansible"
_REQUIREMENTS = _TOP / "requirements" / "ansible.txt"
_COLLECTION = "ansible_collections/amazon/aws/"

PLAYBOOK = Path(sys.executable).parent / "ansible-playbook"
"""The program that the tests' Python packages bring."""


class Missing(Exception):
    """The package is not there and cannot be fetched."""


@functools.cache
def collections() -> Path:
    """Return the directory for ANSIBLE_COLLECTIONS_PATH; raise `Missing`."""
    unpacked = _ROOT / _version()
    if not unpacked.exists():
        _ROOT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_ROOT) as place:
            _unpack(_fetch(Path(place)), Path(place) / "collections")
            # Of several that unpack at once, one wins; all have the same.
            if not unpacked.exists():
                (Path(place) / "collections").rename(unpacked)
    return unpacked


def _version() -> str:
    lines = _REQUIREMENTS.read_text().splitlines()
    return next(line.split()[0] for line in lines if line.startswith("ansible=="))


def _fetch(place: Path) -> Path:
    line = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    done = subprocess.run(
        [*line, "--dest", str(place), "-r", str(_REQUIREMENTS)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Missing(done.stderr)
    return next(place.glob("ansible-*.whl"))


def _unpack(wheel: Path, to: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        for name in packed.namelist():
            if name.startswith(_COLLECTION) and "/tests/" not in name:
                packed.extract(name, to)

"""Pages of the documentation as tests read them, and their commands as tests run them in labs.

A *block* is what stands between fences; a block of commands may name before it where they are run
(`**On ash:**`).
"""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mallee.box import steps
from mallee.lab import members, rooms
from mallee.lab import up as making
from mallee.lab.rooms import Place
from mallee.model.layout import Layout
from tests import tinyimages, wholecloud
from tests.labs import Lab
from tests.standby import programs

DOCS = Path(__file__).parents[2] / "docs"
_COMMANDS = re.compile(r"^(?:\*\*([A-Z][a-z ]+):\*\*\n)?```sh\n(.*?)^```$", re.M | re.S)
_COMMAND_S_MAX = 900


def read(name: str) -> str:
    """The text of a page."""
    return (DOCS / name).read_text()


def documents(page: str) -> list[str]:
    """Its blocks of TOML."""
    return re.findall(r"^```toml\n(.*?)^```$", page, re.M | re.S)


def commands(page: str) -> list[tuple[str, str]]:
    """Its commands in order: where they are run, as the page says (empty: it does not), and the
    line."""
    found = _COMMANDS.findall(page)
    return [
        (where.removeprefix("On "), line) for where, block in found for line in block.splitlines()
    ]


@dataclass(frozen=True, slots=True)
class Ran:
    """A line that was run."""

    code: int
    said: str
    """What it printed."""
    complained: str
    """What it printed for people alone."""


def run(lab: Lab, host: str, line: str) -> Ran:
    """Run a line of a page in a host of a lab, as its administrator; in the root directory that
    the host has for itself. Its `mallee` and `aws` stand by."""
    told = members.variables(lab.place, lab.document, host)
    exports = "".join(f"export {name}={shlex.quote(value)}; " for name, value in told.items())
    there = f"cd {lab.place.path}; {exports}{line}"
    done = subprocess.run(
        rooms.inside(lab.place, host, ("env", "bash", "-c", there)),
        capture_output=True,
        text=True,
        check=False,
        timeout=_COMMAND_S_MAX,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"AWS_PAGER": "", "PATH": _path()},
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@contextmanager
def directory(name: str, text: str, hosts: Iterable[str]) -> Generator[Path]:
    """A directory of labs with the document of one, NAME.toml, that is yet to be made: its hosts
    have the proof of KVM, the first of them the image. It is taken down at the end."""
    path = Path(tempfile.mkdtemp(prefix="l-", dir="/tmp"))
    path.chmod(0o755)
    place = Place(path / name)
    try:
        spare(place, *hosts)
        (path / f"{name}.toml").write_text(text)
        yield path
    finally:
        if place.document.exists():
            steps.run(making.down_plan(place), wholecloud.Silent())
        shutil.rmtree(path, ignore_errors=True)


def spare(place: Place, first: str, *others: str) -> None:
    """Spare hosts what takes long and is alike on all; the first the image too."""
    for host in (first, *others):
        wholecloud.spare(Layout(place.root(host)))
    tinyimages.copy_into(Layout(place.root(first)))


def _path() -> str:
    return f"{programs.commands()}:{os.environ['PATH']}"


def run_all(lines: Iterable[str], labs: Path, says: Mapping[str, str]) -> None:
    """Run a page's lines one after the other on this machine, with its labs in that directory; each
    has to work, and to say what it should. `mallee` stands by here; within the labs' hosts it is
    the one that they have."""
    ran: set[str] = set()
    for line in lines:
        done = subprocess.run(
            line,
            shell=True,
            cwd=labs,
            env=os.environ | {"MALLEE_LABS": str(labs), "PATH": _path()},
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_S_MAX,
        )
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        assert says.get(line, "") in done.stdout, f"{line}: {done.stdout}"
        ran.add(line)
    assert says.keys() <= ran

"""Debian packages: fetched once into a cache, unpacked, and searched for files and programs.

Nothing is installed: packages are only unpacked, and their programs run with their own libraries,
so that the result depends on the packages alone. Who says which packages: the recipes (`tiny`).
"""

import collections
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mallee.kit import process

FETCH_TIMEOUT_S = 300
_LOADER = "ld-linux-x86-64.so.2"
_LIBRARIES = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu")
_PROGRAMS = ("bin", "sbin", "usr/bin", "usr/sbin")
_UNFETCHED = re.compile(r"^E: Failed to fetch (\S+)\s+(.*)$", re.MULTILINE)
_COMPLAINT = re.compile(r"^E: (.*)$", re.MULTILINE)


class Missing(Exception):
    """A package or a file of one is not there; the message says which and what to do."""


class Unfetched(Exception):
    """Apt did not bring packages; the message is its reasons, in a line."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """Packages unpacked over each other under one root."""

    root: Path

    def find(self, pattern: str) -> Path:
        """The one file that matches; raises `Missing` when there is none."""
        found = sorted(path for path in self.root.glob(pattern) if path.is_file())
        if not found:
            raise Missing(f"no package brought {pattern}; give all packages of the recipe")
        return found[0]

    def program(self, name: str) -> Path:
        """The program of that name; raises `Missing`."""
        for folder in _PROGRAMS:
            if (path := self.root / folder / name).exists():
                return path
        raise Missing(f"no package brought the program {name}; give all packages of the recipe")

    def loader(self) -> Path:
        """The program that starts every other one with its libraries; raises `Missing`."""
        for folder in _LIBRARIES:
            if (path := self.root / folder / _LOADER).exists():
                return path
        raise Missing(f"no package brought {_LOADER}; give libc6 too")

    def libraries(self, program: Path) -> tuple[Path, ...]:
        """The shared libraries that the program needs, in the unpacked tree; sorted."""
        listed = process.run([*self._loaded(), "--list", str(program)]).text
        found: set[Path] = set()
        for line in listed.splitlines():
            _, arrow, place = line.partition("=> ")
            if arrow and place.startswith(f"{self.root}/"):
                found.add(Path(place.split(" ")[0]))
            elif arrow:
                raise Missing(f"{program.name} needs{line.rstrip()}, which no package brought")
        return tuple(sorted(found))

    def run(self, name: str, arguments: Sequence[str], *, variables: Sequence[str] = ()) -> None:
        """Run a program of the packages with their own libraries; raises `process.Failed`."""
        process.run(self.command(name, arguments, variables=variables), timeout_s=60)

    def command(
        self, name: str, arguments: Sequence[str], *, variables: Sequence[str] = ()
    ) -> list[str]:
        """The words that run a program of the packages with their own libraries."""
        argv = [*self._loaded(), str(self.program(name)), *arguments]
        return ["env", "-i", *variables, *argv]

    def _loaded(self) -> list[str]:
        path = ":".join(str(self.root / folder) for folder in _LIBRARIES)
        return [str(self.loader()), "--library-path", path]


def fetch(names: Sequence[str], cache: Path) -> None:
    """Download the packages of those names into the cache.

    Raises `Unfetched` when apt cannot, with the reasons that it gave, and `process.TimedOut`.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        try:
            process.run(
                ["sh", "-c", 'cd "$0" && exec apt-get download "$@"', scratch, *names],
                timeout_s=FETCH_TIMEOUT_S,
            )
        except process.Failed as error:
            said = error.finished.stderr.decode(errors="replace")
            raise Unfetched(tell_unfetched(len(names), said)) from error
        for path in Path(scratch).glob("*.deb"):
            path.rename(cache / path.name)


def tell_unfetched(wanted: int, said: str) -> str:
    """Return in a line why apt did not bring `wanted` packages, of all that it wrote of them.

    Apt has a line for each package, and mostly one reason for them all: each is told once.
    """
    reasons = collections.Counter(why for _, why in _UNFETCHED.findall(said))
    if reasons:
        of = f"of {wanted} packages"
        return "; ".join(f"{count} {of}: {why}" for why, count in reasons.most_common(3))
    complaints = _COMPLAINT.findall(said) or said.strip().splitlines()[-1:]
    return "; ".join(complaints[:3]) or "apt-get download failed, and did not say why"


def dependencies(names: Sequence[str]) -> tuple[str, ...]:
    """The names and everything that they need, as apt knows it; sorted."""
    never = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
    options = ["--recurse", *(f"--no-{word}" for word in never)]
    listed = process.run(["apt-cache", "depends", *options, *names]).text
    return tuple(sorted({line for line in listed.splitlines() if line[:1] not in ("", " ", "<")}))


def direct_dependency(name: str, prefix: str) -> str:
    """The package with that prefix on which `name` depends; raises `Missing`."""
    for line in process.run(["apt-cache", "depends", name]).text.splitlines():
        _, _, needed = line.partition("Depends: ")
        if needed.startswith(prefix):
            return needed
    raise Missing(f"apt knows no {name}; add Debian's main section to its sources, or give .debs")


def unpack(packages: Sequence[Path], root: Path) -> Unpacked:
    """Unpack .deb files over each other below `root`."""
    for package in packages:
        process.run(["dpkg-deb", "-x", str(package), str(root)], timeout_s=60)
    return Unpacked(root)

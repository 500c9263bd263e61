"""A Debian of this machine's own files, and a mirror of two packages made here: no network needed.

The root has apt and dpkg with all that they need, as this machine has them installed; its list of
packages says so. What is installed into it comes from the mirror.
"""

import hashlib
import os
import subprocess
from pathlib import Path

from mallee.images import packages
from mallee.images.recipes import bases, jail, mirrors

SUITE = "bookworm"
_WANTED = (
    *("apt", "dpkg", "bash", "dash", "coreutils", "sed", "grep", "tar", "gzip", "findutils"),
    *("diffutils", "libc-bin"),
)
_NEEDLESS = ("/usr/share/doc", "/usr/share/man", "/usr/share/locale", "/usr/share/info")
_MERGED = ("bin", "sbin", "lib", "lib64")
_TOOL = """#!/bin/sh
cat /usr/lib/course-words
"""
_AFTER = """#!/bin/sh
set -e
echo configured >/etc/course-tool
[ ! -e /sys/class/net/eth0 ]
invoke-rc.d course-tool start || true
"""


def base(mirror: Path) -> bases.Base:
    """The root as what a recipe begins with."""

    def make(to: Path, terms: mirrors.Terms) -> None:
        _copy(to)

    return bases.Base(
        key="test-debian",
        make=make,
        suite=SUITE,
        mirror=mirrors.choose(f"file://{mirror}"),
        size_bytes=1 << 30,
    )


def _copy(to: Path) -> None:
    known = packages.dependencies(_WANTED)
    listed = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *known],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()
    names = [line.split()[0] for line in listed if line.endswith(" installed")]
    said = subprocess.run(["dpkg-query", "-L", *names], capture_output=True, check=True).stdout
    paths = {
        path
        for path in said.decode().splitlines()
        if path.startswith("/") and not path.startswith(_NEEDLESS) and path != "/."
    }
    files = sorted(p for p in paths if not Path(p).is_dir() or Path(p).is_symlink())
    for name in _MERGED:
        (to / "usr" / name).mkdir(parents=True)
        (to / name).symlink_to(f"usr/{name}")
    for path in paths:
        if Path(path).is_dir() and not Path(path).is_symlink():
            (to / path.lstrip("/")).mkdir(parents=True, exist_ok=True)
    skipped = {f"/{name}" for name in _MERGED}
    chosen = "\n".join(path for path in files if path not in skipped)
    packed = subprocess.run(
        ["tar", "-cf", "-", "--ignore-failed-read", "-C", "/", "-T", "-"],
        input=chosen.replace("\n/", "\n").lstrip("/").encode(),
        capture_output=True,
        check=False,
    ).stdout
    subprocess.run(["tar", "-xf", "-", "-C", to], input=packed, check=True)
    for name in ("etc/passwd", "etc/group", "etc/shadow"):
        (to / name).write_bytes(Path("/", name).read_bytes())
    _write_status(to, names)
    subprocess.run(["ldconfig", "-r", to], check=True)
    for path in (to, *to.rglob("*")):
        os.chown(path, jail.FIRST_USER, jail.FIRST_USER, follow_symlinks=False)


def _write_status(to: Path, names: list[str]) -> None:
    admin = to / "var/lib/dpkg"
    for name in ("info", "updates", "triggers"):
        (admin / name).mkdir(parents=True, exist_ok=True)
    told = subprocess.run(["dpkg-query", "-s", *names], capture_output=True, check=True).stdout
    (admin / "status").write_bytes(told + b"\n")
    for name in ("available", "triggers/File"):
        (admin / name).touch()
    for name in ("lists/partial", "periodic"):
        (to / "var/lib/apt" / name).mkdir(parents=True, exist_ok=True)
    (to / "var/cache/apt/archives/partial").mkdir(parents=True, exist_ok=True)


def make_mirror(root: Path) -> Path:
    """Make a mirror with `course-tool`, which needs `course-words`; return where."""
    pool, dists = root / "pool", root / f"dists/{SUITE}/main/binary-amd64"
    for folder in (pool, dists):
        folder.mkdir(parents=True)
    words = {"usr/lib/course-words": "words of the course\n"}
    made = [
        _package(pool, "course-words", "", words),
        _package(pool, "course-tool", "course-words", {"usr/bin/course-tool": _TOOL}),
    ]
    index = "\n".join(made).encode()
    (dists / "Packages").write_bytes(index)
    told = f" {hashlib.sha256(index).hexdigest()} {len(index)} main/binary-amd64/Packages"
    (root / f"dists/{SUITE}/Release").write_text(
        f"Origin: Test\nSuite: {SUITE}\nCodename: {SUITE}\nArchitectures: amd64\n"
        f"Components: main\nSHA256:\n{told}\n"
    )
    return root


def _package(pool: Path, name: str, needs: str, files: dict[str, str]) -> str:
    work = pool / f"{name}.work"
    (work / "DEBIAN").mkdir(parents=True)
    for path, text in files.items():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_text(text)
        (work / path).chmod(0o755)
    fields = f"Package: {name}\nVersion: 1.0\nArchitecture: amd64\nMaintainer: nobody <n@n>\n"
    fields += f"Depends: {needs}\n" if needs else ""
    fields += "Description: of a test\n"
    (work / "DEBIAN/control").write_text(fields)
    if needs:
        (work / "DEBIAN/postinst").write_text(_AFTER)
        (work / "DEBIAN/postinst").chmod(0o755)
    deb = pool / f"{name}_1.0_amd64.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "--build", work, deb], check=True, capture_output=True
    )
    data = deb.read_bytes()
    found = f"Filename: pool/{deb.name}\nSize: {len(data)}\n"
    return f"{fields}{found}SHA256: {hashlib.sha256(data).hexdigest()}\n"

"""Debian's packages for a recipe: from which mirror, and those fetched that a step installs.

The mirror is the recipe's, or else the one that this machine's own apt uses. apt runs in a jail
that has the host's network and files but nobody's rights, with an empty configuration save the
host's proxy; what it fetches is signed by Debian. Steps that install have no network at all.
"""

import errno
import os
import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mallee.images.recipes import cell, instructions, jail, layers
from mallee.kit import process

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
FETCH_S_MAX = 1800.0
_FORMAT = "$(ORIGIN)|$(LABEL)|$(REPO_URI)"
_PROXIES = ("Acquire::http::Proxy", "Acquire::https::Proxy")

Terms = Callable[[float], jail.Terms]
"""Gives the terms of a command that may take so many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """From where packages come."""

    uri: str
    security_uri: str = ""
    """Empty: the mirror has no security updates of its own (a snapshot's, a course's)."""
    keyring: Path = KEYRING

    def lines(self, suite: str) -> tuple[str, ...]:
        """The sources of a suite, as in `sources.list`."""
        signed = f"deb [{self._trust()}]"
        if not self.security_uri:
            return (f"{signed} {self.uri} {suite} main",)
        return (
            f"{signed} {self.uri} {suite} main",
            f"{signed} {self.uri} {suite}-updates main",
            f"{signed} {self.security_uri} {suite}-security main",
        )

    def _trust(self) -> str:
        if self.uri.startswith("copy:"):
            # A directory of this machine's: who may write there is for its owner to say.
            return "trusted=yes"
        signed = f"signed-by={self.keyring}"
        # What a snapshot was signed for is over, that is what it is for.
        return f"{signed} check-valid-until=no" if "snapshot" in self.uri else signed


def choose(asked: str) -> Mirror:
    """Return the mirror that a recipe names, or this machine's own; raise `jail.Failed`."""
    if asked:
        path = asked.removeprefix("file://").rstrip("/")
        return Mirror(uri=f"copy:{path}" if asked.startswith("file:") else path)
    try:
        words = ["apt-get", "indextargets", "Identifier: Packages", "--format", _FORMAT]
        listed = process.run(words).text
    except (process.Failed, process.TimedOut, FileNotFoundError):
        listed = ""
    found = {
        label: uri.rstrip("/")
        for origin, label, uri in (
            line.split("|") for line in listed.splitlines() if line.count("|") == 2
        )
        if origin == "Debian"
    }
    if "Debian" not in found:
        raise jail.Failed("this machine's apt knows no mirror of Debian's: name one, as `mirror`")
    return Mirror(uri=found["Debian"], security_uri=found.get("Debian-Security", ""))


def host_environment(store: layers.Store) -> dict[str, str]:
    """What apt and mmdebstrap find in their environment: the host's proxy and no other setting."""
    config = store.scratch / "apt.conf"
    lines = ['Dir::Etc::main "/dev/null";', 'Dir::Etc::parts "/dev/null";']
    lines += ['Acquire::Languages "none";', 'Acquire::Retries "3";']
    for name in _PROXIES:
        if proxy := _setting(name):
            lines.append(f'{name} "{proxy}";')
    config.write_text("\n".join(lines) + "\n")
    config.chmod(0o644)
    temporary = store.fresh("temporary")
    return {
        **jail.environment(instructions.EPOCH),
        "APT_CONFIG": str(config),
        "TMPDIR": str(temporary),
        "HOME": str(temporary),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Packages to fetch for a root."""

    packages: tuple[str, ...]
    suite: str
    mirror: Mirror
    status: bytes
    """What the root has already, as dpkg keeps it."""


def fetch(request: Request, store: layers.Store, terms: Terms) -> Path:
    """Fetch the packages and all that they need into a directory, and return it.

    Raises `jail.Failed`. A file named `none` in it says that there was nothing to fetch.
    """
    folder = store.fresh("debs")
    (folder / "partial").mkdir()
    jail.own(folder / "partial")
    state = store.fresh("apt")
    for name in ("lists", "lists/partial"):
        (state / name).mkdir()
        jail.own(state / name)
    (state / "sources").write_text("\n".join(request.mirror.lines(request.suite)) + "\n")
    (state / "status").write_bytes(request.status)
    (state / "extended_states").touch()
    options = [
        f"Dir::State={state}",
        f"Dir::State::status={state}/status",
        f"Dir::State::lists={state}/lists",
        f"Dir::Cache={state}",
        f"Dir::Cache::archives={folder}",
        f"Dir::Etc::sourcelist={state}/sources",
        "Dir::Etc::sourceparts=/dev/null",
        "Dir::Etc::preferencesparts=/dev/null",
        "Dir::Etc::trustedparts=/dev/null",
        "APT::Architecture=amd64",
        "APT::Architectures=amd64",
        "APT::Sandbox::User=root",
        "Debug::NoLocking=true",
        "APT::Install-Recommends=false",
    ]
    said = " ".join(f"-o {shlex.quote(option)}" for option in options)
    wanted = " ".join(map(shlex.quote, request.packages))
    script = (
        f"apt-get -q {said} -o APT::Update::Error-Mode=any update\n"
        f"apt-get -q -y {said} --allow-downgrades --download-only install {wanted}\n"
    )
    environment = host_environment(store)
    _run_outside(("/bin/sh", "-ec", script), environment, terms(FETCH_S_MAX))
    (folder / "partial").rmdir()
    (folder / "lock").unlink(missing_ok=True)
    if not any(folder.glob("*.deb")):
        (folder / "none").touch()
    return folder


def bootstrap(suite: str, mirror: Mirror, packages: Sequence[str], to: Path) -> tuple[str, ...]:
    """Return the command that makes the smallest Debian with those packages in a directory."""
    without = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
    return (
        *("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=directory"),
        "--architectures=amd64",
        f"--include={','.join(packages)}",
        *(f"--dpkgopt=path-exclude={path}" for path in without),
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        *(suite, str(to)),
        *mirror.lines(suite),
    )


def run_bootstrap(words: tuple[str, ...], store: layers.Store, terms: Terms) -> None:
    """Run that command; raises `jail.Failed`, and `FileNotFoundError` when it is not installed."""
    if shutil.which(words[0]) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), words[0])
    _run_outside(words, host_environment(store), terms(FETCH_S_MAX))


def _run_outside(words: tuple[str, ...], environment: dict[str, str], terms: jail.Terms) -> None:
    order = cell.Order(argv=words, environment=environment, is_root=False, has_network=True)
    jail.run(order, terms)


def _setting(name: str) -> str:
    try:
        said = process.run(["apt-config", "shell", "VALUE", name]).text.strip()
    except (process.Failed, process.TimedOut, FileNotFoundError):
        return ""
    return "".join(shlex.split(said.partition("=")[2]))

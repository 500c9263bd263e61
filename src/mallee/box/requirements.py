"""What a cloud on this machine stands on: rights, programs, users that packages bring.

Found by looking only; `up` stops at the first that is missing, `doctor` shows all.
Not its business: installing them (`faststart` does).
"""

import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path

import mallee
from mallee.box import owners, steps

PACKAGES = {
    "libvirtd": "libvirt-daemon-system",
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "ip": "iproute2",
    "nft": "nftables",
    "dnsmasq": "dnsmasq-base",
    "nsenter": "util-linux",
    "useradd": "passwd",
}
"""Programs, and the Debian package that brings each."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that is not as it must be."""

    cause: str
    cure: str


def fetch_missing() -> list[Missing]:
    """Return what is missing on this machine, the most basic first."""
    missing: list[Missing] = []
    if os.geteuid() != 0:
        missing.append(Missing("this needs root", "run it again with sudo"))
    packages = [package for name, package in PACKAGES.items() if not shutil.which(name)]
    if packages:
        missing.append(
            Missing(
                f"programs are missing that come with {', '.join(packages)}",
                f"apt-get install {' '.join(packages)}  (./faststart does it)",
            )
        )
    else:
        missing.extend(_missing_users())
    missing.extend(_unreadable_code())
    return missing


def check() -> None:
    """Raise `steps.Failed` for the first thing that is missing."""
    for first in fetch_missing()[:1]:
        raise steps.Failed(first.cause, first.cure)


def _missing_users() -> list[Missing]:
    try:
        pwd.getpwnam(owners.QEMU_USER)
    except KeyError:
        return [
            Missing(
                f"there is no user {owners.QEMU_USER}, though libvirtd is installed",
                "apt-get install --reinstall libvirt-daemon-system",
            )
        ]
    return []


def _unreadable_code() -> list[Missing]:
    """The cloud runs as a user of its own, who must be able to read this program."""
    code = Path(mallee.__file__).resolve()
    blocked = owners.first_impassable(code)
    if blocked is None:
        return []
    return [
        Missing(
            f"the user {owners.CLOUD_USER} cannot read the program: {blocked} is closed to others",
            "install it where everyone may read it (./faststart does: /opt/mallee)",
        )
    ]

"""What libvirt finds out about QEMU, which takes it seconds: found out once, and given to all hosts
of tests. libvirt itself sees whether it holds, and finds it out again where it does not.

`give` comes before a host's libvirtd starts, `keep` when it has answered.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from mallee.kit import files
from mallee.model.layout import Layout

_KEPT = Path(__file__).parent.parent / "build" / "libvirt"
_PROGRAMS = ("/usr/bin/qemu-system-x86_64", "/usr/sbin/libvirtd")


def give(layout: Layout) -> None:
    """Give a host what was found out, if anything was."""
    found, there = _kept(layout), layout.libvirt / "cache"
    if found.is_dir() and not there.exists():
        shutil.copytree(found, there)


def keep(layout: Layout) -> None:
    """Keep what a host found out, if anything and unless that was kept."""
    kept, found = _kept(layout), layout.libvirt / "cache"
    if kept.is_dir() or not list(found.glob("qemu/capabilities/*.xml")):
        return
    _KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_KEPT) as place:
        aside = Path(place) / "cache"
        shutil.copytree(found, aside)
        # Another run of tests may have kept it meanwhile.
        with contextlib.suppress(OSError):
            aside.rename(kept)


def _kept(layout: Layout) -> Path:
    """Where what such a host finds out is kept: by the programs, the kernel, and what KVM is."""
    changed = [Path(name).stat().st_ctime_ns for name in _PROGRAMS if os.path.exists(name)]
    verdict: dict[str, str] = files.read_json(layout.kvm_verdict) or {}
    about = (changed, os.uname().release, os.uname().version, verdict.get("acceleration"))
    return _KEPT / hashlib.sha256(repr(about).encode()).hexdigest()[:16]

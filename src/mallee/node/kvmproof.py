"""Proves that KVM runs guests on this host, or that it does not: `python -m mallee.node.kvmproof`.

That `/dev/kvm` exists and opens proves nothing: on some machines (nested or software KVM) stock
guests hang under it. So the tiny guest is booted under KVM with a deadline, as the user who runs
guests, and the *verdict* is remembered for as long as kernel, processor and QEMU stay the same.

The supervisor calls this before it starts libvirtd, which is then given `/dev/kvm` or not: when it
opens for root but not for QEMU, libvirt asks every binary anew at each start (44 s).
"""

import argparse
import fcntl
import grp
import os
import pwd
import select
import stat
import subprocess
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import msgspec

from mallee.kit import files, process
from mallee.model.images import catalogue
from mallee.model.images.images import DirectBoot
from mallee.model.layout import Layout
from mallee.node.do.storage.disks import QEMU_USER

DEADLINE_S = 10.0
DEVICE = Path("/dev/kvm")
QEMU = "qemu-system-x86_64"


class Verdict(msgspec.Struct, frozen=True):
    """How guests run on this host, and why."""

    acceleration: str
    """`kvm` or `tcg`."""
    reason: str
    proved_for: str
    """Kernel, processor and QEMU that this was found with; with others it is found anew."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What is booted, and where the devices and programs for it are."""

    boot: DirectBoot
    kernel: Path
    ramdisk: Path | None
    device: Path = DEVICE
    deadline_s: float = DEADLINE_S


def prove(layout: Layout) -> Verdict:
    """Return the verdict for this host, found now or remembered; it is on disk then."""
    layout.node.mkdir(parents=True, exist_ok=True, mode=0o711)
    # Whoever asks meanwhile waits for the verdict and finds it.
    with (layout.node / "kvm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _prove(layout, fetch_subject())


def lacks_guest(layout: Layout) -> bool:
    """Tell whether KVM could be proved here, and nothing is there to boot."""
    known = read_verdict(layout)
    if known is not None and known.proved_for == fetch_subject():
        return False
    return DEVICE.exists() and _find_trial(layout) is None


def _prove(layout: Layout, subject: str) -> Verdict:
    known = read_verdict(layout)
    if known is not None and known.proved_for == subject:
        return known
    trial = _find_trial(layout)
    if not DEVICE.exists():
        verdict = Verdict("tcg", _NO_DEVICE, subject)
    elif trial is None:
        # Not remembered: the tiny guest may be there at the next start.
        return Verdict("tcg", f"KVM was not proved: {layout.catalogue} has no tiny guest yet.", "")
    else:
        with _device_for_qemu(layout) as device:
            try:
                process.run((*_as_qemu(device), QEMU, "--version"))
            except process.Failed as error:
                # Not remembered: this says nothing about KVM, and is tried again at each start.
                return Verdict("tcg", f"KVM was not proved, so guests are emulated: {error}", "")
            verdict = judge(replace(trial, device=device), subject)
    files.write_atomically(layout.kvm_verdict, encode(verdict), files.READABLE)
    return verdict


def read_verdict(layout: Layout) -> Verdict | None:
    """Return what was found last; None when nothing was."""
    try:
        return msgspec.json.decode(layout.kvm_verdict.read_bytes(), type=Verdict)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def encode(verdict: Verdict) -> bytes:
    """Return the verdict as it is kept on disk."""
    return msgspec.json.encode(verdict)


def fetch_subject() -> str:
    """Return what a verdict holds for: kernel, processor, QEMU, and whether there is a device."""
    version = process.run((QEMU, "--version")).text.splitlines()[0]
    device = "with /dev/kvm" if DEVICE.exists() else "without /dev/kvm"
    return "; ".join((os.uname().release, _processor(), version, device))


_NO_DEVICE = (
    "This host has no /dev/kvm: its processor's virtualisation is off (see the firmware's settings,"
    " or nested virtualisation of the hypervisor below), so guests are emulated."
)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return "unknown processor"


def _find_trial(layout: Layout) -> Trial | None:
    path = catalogue.document_path(layout, catalogue.TINY)
    if not path.exists():
        return None
    try:
        boot = catalogue.proof_boot(catalogue.decode(path.read_bytes()))
    except catalogue.InvalidCatalogue:
        return None
    ramdisk = None if boot.ramdisk is None else catalogue.blob_path(layout, boot.ramdisk)
    return Trial(boot, catalogue.blob_path(layout, boot.kernel), ramdisk)


def judge(trial: Trial, subject: str) -> Verdict:
    """Boot the guest under KVM and see whether it reaches its first line."""
    began_at = time.monotonic()
    said = _boot(trial)
    took_s = time.monotonic() - began_at
    if catalogue.FIRST_LINE.encode() in said:
        words = f"The tiny guest reached its userspace under KVM in {took_s:.1f} s."
        return Verdict("kvm", words, subject)
    last = said.decode(errors="replace").strip().rpartition("\n")[2][-200:]
    how = "hung" if took_s >= trial.deadline_s else "ended"
    words = (
        f"The tiny guest {how} under KVM and did not reach its userspace ({took_s:.1f} s; its last "
        f"line: {last!r}), so guests are emulated: slower and fully working."
    )
    return Verdict("tcg", words, subject)


def _boot(trial: Trial) -> bytes:
    """Return what the guest and QEMU said until the first line, the end, or the deadline."""
    as_qemu = _as_qemu(trial.device)
    devices = ("-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio")
    machine = ("-machine", "q35,accel=kvm", "-cpu", "host", "-m", "256")
    with ExitStack() as stack:
        # Passed open, because the cloud's directories are not QEMU's to walk through.
        paths = (trial.kernel, *(() if trial.ramdisk is None else (trial.ramdisk,)))
        opened = [stack.enter_context(_open_own(path)).fileno() for path in paths]
        options = zip(("-kernel", "-initrd"), opened, strict=False)
        boot = [word for name, number in options for word in (name, f"/dev/fd/{number}")]
        guest = subprocess.Popen(
            (*as_qemu, QEMU, *machine, *devices, *boot, "-append", trial.boot.command_line),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=opened,
            start_new_session=True,
        )
        stack.enter_context(guest)
        stack.callback(guest.kill)
        return _read_until_first_line(guest, trial.deadline_s)


def _open_own(path: Path) -> BinaryIO:
    """Open a file that the cloud's user may have put there, but no link of his to another's."""
    return open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW))


def _as_qemu(device: Path) -> tuple[str, ...]:
    """Return the words before a command that let QEMU's user run it with `device` as its KVM.

    The same that guests get: a device that user may open, over the machine's own for nobody else.
    """
    mount = 'mount --bind "$1" /dev/kvm && shift && exec "$@"'
    group = grp.getgrgid(pwd.getpwnam(QEMU_USER).pw_gid).gr_name
    rights = ("setpriv", "--reuid", QEMU_USER, "--regid", group, "--init-groups", "--")
    apart = ("unshare", "--mount", "--propagation", "private", "--")
    return (*apart, "sh", "-c", mount, "sh", str(device), *rights)


@contextmanager
def _device_for_qemu(layout: Layout) -> Generator[Path]:
    """Make a device node of our own that only QEMU's user may open."""
    path = layout.node / "kvm-device"
    path.unlink(missing_ok=True)
    user = pwd.getpwnam(QEMU_USER)
    os.mknod(path, stat.S_IFCHR | 0o600, DEVICE.stat().st_rdev)
    try:
        os.chown(path, user.pw_uid, user.pw_gid)
        yield path
    finally:
        path.unlink()


def _read_until_first_line(guest: subprocess.Popen[bytes], deadline_s: float) -> bytes:
    assert guest.stdout is not None
    ends_at = time.monotonic() + deadline_s
    said = b""
    while catalogue.FIRST_LINE.encode() not in said:
        left_s = ends_at - time.monotonic()
        if left_s <= 0 or not select.select((guest.stdout,), (), (), left_s)[0]:
            break
        chunk = os.read(guest.stdout.fileno(), 65536)
        if not chunk:
            break
        said += chunk
    return said


def main() -> None:
    """Find the verdict of the cloud under `--root` and print it."""
    parser = argparse.ArgumentParser(prog="mallee-kvmproof", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="the cloud's root directory")
    verdict = prove(Layout(parser.parse_args().root.resolve()))
    print(f"{verdict.acceleration}: {verdict.reason}")


if __name__ == "__main__":
    main()

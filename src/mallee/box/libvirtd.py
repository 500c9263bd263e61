"""The cloud's own libvirtd: its directories, its configuration, and how it is started.

`python -m mallee.box.libvirtd --root DIR` becomes libvirtd inside the hypervisor's network
namespace and a mount namespace in which libvirt's well-known directories are ours. So the libvirt
of the machine is never touched, and two clouds cannot meet.
KVM is seen by both, libvirt and QEMU, or by neither: where it was not proved, as QEMU's user, a
file that nobody may open lies over `/dev/kvm`.
Called by the supervisor. Not its business: the proof (`node.kvmproof`) and domains (`node.do`).
"""

import argparse
import os
import re
import subprocess
from pathlib import Path

from mallee.kit import files
from mallee.model.layout import Layout

KVM_DEVICE = Path("/dev/kvm")

# Our directory -> where libvirt looks for it.
BINDS = {
    "run": "/run/libvirt",
    "lib": "/var/lib/libvirt",
    "etc": "/etc/libvirt",
    "log": "/var/log/libvirt",
    "cache": "/var/cache/libvirt",
}

QEMU_CONF = """\
# Written by Mallee at every start of its libvirtd.
user = "libvirt-qemu"
group = "kvm"
# Nothing that guests share changes hands: the agent gives each disk to QEMU's user, and no more.
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
seccomp_sandbox = 1
# The machine's control groups and /dev may not be ours to change (containers, no systemd).
cgroup_controllers = []
namespaces = []
# Console logs are written by QEMU itself: there is no virtlogd, whose end would end them.
stdio_handler = "file"
# Ask QEMU once which features its CPU lacks, not once per feature: 0.28 s -> 0.06 s per start.
capability_filters = [ "cpu-unavailable-features" ]
"""

LIBVIRTD_CONF = """\
# Written by Mallee at every start of its libvirtd.
unix_sock_rw_perms = "0700"
unix_sock_ro_perms = "0700"
unix_sock_admin_perms = "0700"
auth_unix_ro = "none"
auth_unix_rw = "none"
# A QEMU that does not answer keeps whoever speaks to it: a few of all guests of a large host.
max_workers = 512
log_filters = "1:none"
log_outputs = "3:stderr"
"""

NOBODY = 1 << 22
"""No process has this number: it is above all that the kernel gives."""
_NOTED = re.compile(r"(<domstatus [^>]*pid=')(\d+)'")

_SCRIPT = """\
set -e
for pair in {pairs}; do
    mkdir -p "${{pair#*:}}"
    mount --bind "${{pair%%:*}}" "${{pair#*:}}"
done
{cover}exec libvirtd --pid /run/libvirt/libvirtd.pid
"""


def write_configuration(layout: Layout) -> None:
    """Make libvirt's directories and write its configuration, the same every time."""
    for name in BINDS:
        (layout.libvirt / name).mkdir(mode=0o755, parents=True, exist_ok=True)
    etc = layout.libvirt / "etc"
    files.write_atomically(etc / "qemu.conf", QEMU_CONF.encode(), files.READABLE)
    files.write_atomically(etc / "libvirtd.conf", LIBVIRTD_CONF.encode(), files.READABLE)


def argv(layout: Layout, cover: Path | None) -> tuple[str, ...]:
    """Return the command that becomes libvirtd; `cover` is what lies over `/dev/kvm`."""
    pairs = " ".join(f"{layout.libvirt / name}:{path}" for name, path in BINDS.items())
    bind = f"mount --bind {cover} {KVM_DEVICE}\n" if cover is not None else ""
    namespace = f"/run/netns/{layout.hypervisor_namespace}"
    return (
        *("nsenter", f"--net={namespace}", "--"),
        *("unshare", "--mount", "--propagation", "slave", "--"),
        *("sh", "-c", _SCRIPT.format(pairs=pairs, cover=bind)),
    )


def place_cover(layout: Layout) -> Path | None:
    """Make what must lie over `/dev/kvm` when KVM was not proved, and return it."""
    if not KVM_DEVICE.exists():
        return None
    verdict: dict[str, str] = files.read_json(layout.kvm_verdict) or {}
    if verdict.get("acceleration") == "kvm":
        return None
    cover = layout.libvirt / "no-kvm"
    cover.unlink(missing_ok=True)
    cover.touch(0)
    return cover


def correct_notes(layout: Layout) -> None:
    """Correct what an earlier libvirtd noted of guests, where it would lead this one astray.

    One that was killed while it started a guest noted a guest without a process; libvirt would
    hold that guest's lock for ever. One whose machine lost its power noted numbers that are other
    processes' now; libvirt would kill these.
    """
    for path in sorted((layout.libvirt / "run" / "qemu").glob("*.xml")):
        text = path.read_text()
        found = _NOTED.search(text)
        if found is None:
            continue
        if found[2] == "0":
            path.unlink()
        elif not _may_be_guest(int(found[2]), path.stem):
            files.write_atomically(
                path, _NOTED.sub(rf"\g<1>{NOBODY}'", text, count=1).encode(), files.PRIVATE
            )


def _may_be_guest(pid: int, name: str) -> bool:
    """Tell whether a process is the guest's QEMU, or has ended: that libvirt sees by itself."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return f"guest={name},".encode() in words


def main() -> None:
    """Become libvirtd; only a failure returns."""
    parser = argparse.ArgumentParser(prog="mallee-libvirtd")
    parser.add_argument("--root", type=Path, required=True, help="the cloud's root directory")
    layout = Layout(parser.parse_args().root)
    write_configuration(layout)
    correct_notes(layout)
    if not Path("/run/netns", layout.hypervisor_namespace).exists():
        # A machine that was started anew has none of our namespaces; an agent may make it first.
        subprocess.run(["ip", "netns", "add", layout.hypervisor_namespace], check=False)
    command = argv(layout, place_cover(layout))
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()

"""The cloud's own libvirtd: its directories, its configuration, and how it is started.

`python -m mallee.box.libvirtd --root DIR` becomes libvirtd inside the hypervisor's network
namespace and a mount namespace in which libvirt's well-known directories are ours. So the libvirt
of the machine is never touched, and two clouds cannot meet.
KVM is seen by both, libvirt and QEMU, or by neither: where it was not proved, a file that nobody
may open lies over `/dev/kvm`; where QEMU's user cannot open the device, one of our own does.
Called by the supervisor. Not its business: the proof (`node.kvmproof`) and domains (`node.do`).
"""

import argparse
import grp
import os
import pwd
import stat
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
dynamic_ownership = 1
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
log_filters = "1:none"
log_outputs = "3:stderr"
"""

_SCRIPT = """\
set -e
for pair in {pairs}; do
    mkdir -p "${{pair#*:}}"
    mount --bind "${{pair%%:*}}" "${{pair#*:}}"
done
{device}exec libvirtd --pid /run/libvirt/libvirtd.pid
"""


def write_configuration(layout: Layout) -> None:
    """Make libvirt's directories and write its configuration, the same every time."""
    for name in BINDS:
        (layout.libvirt / name).mkdir(mode=0o755, parents=True, exist_ok=True)
    etc = layout.libvirt / "etc"
    files.write_atomically(etc / "qemu.conf", QEMU_CONF.encode(), files.READABLE)
    files.write_atomically(etc / "libvirtd.conf", LIBVIRTD_CONF.encode(), files.READABLE)


def argv(layout: Layout, device: Path | None) -> tuple[str, ...]:
    """Return the command that becomes libvirtd; `device` is what lies over `/dev/kvm`."""
    pairs = " ".join(f"{layout.libvirt / name}:{path}" for name, path in BINDS.items())
    bind = f"mount --bind {device} {KVM_DEVICE}\n" if device is not None else ""
    namespace = f"/run/netns/{layout.hypervisor_namespace}"
    return (
        *("nsenter", f"--net={namespace}", "--"),
        *("unshare", "--mount", "--propagation", "slave", "--"),
        *("sh", "-c", _SCRIPT.format(pairs=pairs, device=bind)),
    )


def place_device(layout: Layout) -> Path | None:
    """Make what must lie over `/dev/kvm`, if anything, and return it."""
    if not KVM_DEVICE.exists():
        return None
    verdict: dict[str, str] = files.read_json(layout.kvm_verdict) or {}
    cover = layout.libvirt / "kvm"
    cover.unlink(missing_ok=True)
    if verdict.get("acceleration") != "kvm":
        cover.touch()
        cover.chmod(0)
        return cover
    if may_qemu_open(KVM_DEVICE):
        return None
    device = KVM_DEVICE.stat().st_rdev
    os.mknod(cover, stat.S_IFCHR | 0o660, device)
    os.chown(cover, 0, grp.getgrnam("kvm").gr_gid)
    cover.chmod(0o660)
    return cover


def may_qemu_open(path: Path) -> bool:
    """Tell whether QEMU's user may read and write the device, by its mode and owner."""
    is_now = path.stat()
    user = pwd.getpwnam("libvirt-qemu")
    group = grp.getgrnam("kvm").gr_gid
    mode = is_now.st_mode
    if is_now.st_uid == user.pw_uid:
        return mode & 0o600 == 0o600
    if is_now.st_gid in (group, user.pw_gid):
        return mode & 0o060 == 0o060
    return mode & 0o006 == 0o006


def main() -> None:
    """Become libvirtd; only a failure returns."""
    parser = argparse.ArgumentParser(prog="mallee-libvirtd")
    parser.add_argument("--root", type=Path, required=True, help="the cloud's root directory")
    layout = Layout(parser.parse_args().root)
    write_configuration(layout)
    if not Path("/run/netns", layout.hypervisor_namespace).exists():
        # A machine that was started anew has none of our namespaces; an agent may make it first.
        subprocess.run(["ip", "netns", "add", layout.hypervisor_namespace], check=False)
    command = argv(layout, place_device(layout))
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()

"""Runs one dnsmasq per VPC inside the VPC's namespace, and keeps its files what they should be.

dnsmasq outlives the agent; it is found again by its pid file, or failing that by its command line.
It notices new files by itself; files that change or go need a SIGHUP; a changed configuration and
an address that passed from one guest to another need a restart (some 20 ms).
Called by `network`. The texts are `plan/dhcp`'s.
"""

import os
import pwd
import select
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

from mallee.kit import process
from mallee.model.hosts.hosts import VpcWanted
from mallee.model.layout import Layout
from mallee.node.do.network import namespaces
from mallee.node.plan.network import dhcp

_STOP_TIMEOUT_S = 2.0
_SEARCHABLE = 0o755


def unprivileged_user() -> str:
    """Return the user that dnsmasq becomes: its package's own, or nobody."""
    try:
        return pwd.getpwnam("dnsmasq").pw_name
    except KeyError:
        return "nobody"


def apply(layout: Layout, vpc: VpcWanted, served: dhcp.Served) -> tuple[str, ...]:
    """Make the VPC's dnsmasq run with what is wanted; return what was wrong, in words."""
    paths = _files(layout, vpc.id)
    for directory in (paths.hosts_directory, paths.names_directory):
        _make_searchable(layout, Path(directory))
    text = dhcp.configuration_text(vpc, paths, served)
    for_s = dhcp.lease_s(served)
    changed = _sync_directory(
        Path(paths.hosts_directory), {one.id: dhcp.host_text(one, for_s) for one in vpc.interfaces}
    )
    names = {one.id: dhcp.name_text(one, served.region) for one in vpc.interfaces}
    names |= {one.id: dhcp.peer_text(one.peer_names) for one in vpc.peerings if one.peer_names}
    names |= {one.id: dhcp.peer_text(one.names) for one in vpc.attachments if one.names}
    names |= {one.host_id: dhcp.far_text(one, served.region) for one in vpc.far if one.interfaces}
    changed = _sync_directory(Path(paths.names_directory), names) or changed
    pid = _find(paths)
    is_same = _read(Path(paths.configuration)) == text
    namespace = layout.vpc_namespace(vpc.id)
    leases = _read(Path(paths.leases)) or ""
    valid = dhcp.drop_outlived_leases(leases, vpc)
    if pid is not None and is_same and valid == leases and _is_inside(pid, namespace):
        if changed:
            os.kill(pid, signal.SIGHUP)
        return ()
    died = pid is None and Path(paths.pid).exists()
    if pid is not None:
        _stop(pid)
    Path(paths.configuration).write_text(text)
    Path(paths.leases).write_text(valid)
    argv = ("dnsmasq", f"--conf-file={paths.configuration}")
    namespaces.run_inside(namespace, lambda: process.run(argv))
    return (f"dnsmasq of {vpc.id} had ended; it runs again",) if died else ()


def remove(layout: Layout, vpc_id: str) -> None:
    """Stop the VPC's dnsmasq and remove its files."""
    pid = _find(_files(layout, vpc_id))
    if pid is not None:
        _stop(pid)
    shutil.rmtree(_directory(layout) / vpc_id, ignore_errors=True)
    Path(_files(layout, vpc_id).pid).unlink(missing_ok=True)


def stop_all(layout: Layout) -> int:
    """Stop every dnsmasq of this root and return how many ran; the agent starts them again.

    Their files stay. Twice is once: what does not run is not stopped.
    """
    stopped = 0
    for vpc_id in fetch_served(layout):
        paths = _files(layout, vpc_id)
        pid = _find(paths)
        if pid is not None:
            _stop(pid)
            stopped += 1
        # Not one that had ended, when it is started next.
        Path(paths.pid).unlink(missing_ok=True)
    return stopped


def fetch_served(layout: Layout) -> frozenset[str]:
    """Return the ids of the VPCs that have, or had, a dnsmasq."""
    try:
        return frozenset(os.listdir(_directory(layout)))
    except FileNotFoundError:
        return frozenset()


def _directory(layout: Layout) -> Path:
    return layout.node / "dhcp"


def _files(layout: Layout, vpc_id: str) -> dhcp.Files:
    directory = _directory(layout) / vpc_id
    return dhcp.Files(
        configuration=str(directory / "dnsmasq.conf"),
        leases=str(directory / "leases"),
        pid=str(layout.run / f"dnsmasq-{vpc_id}.pid"),
        log=str(layout.log / f"dnsmasq-{vpc_id}.log"),
        hosts_directory=str(directory / "hosts"),
        names_directory=str(directory / "names"),
    )


def _make_searchable(layout: Layout, directory: Path) -> None:
    """Make a directory that dnsmasq's user can find, with what is between it and the root."""
    layout.run.mkdir(parents=True, exist_ok=True)
    layout.log.mkdir(parents=True, exist_ok=True)
    layout.node.mkdir(parents=True, exist_ok=True)
    layout.node.chmod(layout.node.stat().st_mode | 0o011)
    directory.mkdir(parents=True, exist_ok=True)
    for one in (directory, directory.parent, directory.parent.parent):
        one.chmod(_SEARCHABLE)


def _sync_directory(directory: Path, wanted: Mapping[str, str]) -> bool:
    """Make the directory hold exactly these files; tell whether any changed or went."""
    changed = False
    for name in os.listdir(directory):
        if name not in wanted:
            (directory / name).unlink()
            changed = True
    for name, text in wanted.items():
        path = directory / name
        before = _read(path)
        if before == text:
            continue
        changed = changed or before is not None
        # dnsmasq reads a file when it is renamed into place, and never one named so.
        aside = directory / f".{name}"
        aside.write_text(text)
        aside.rename(path)
    return changed


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def _find(paths: dhcp.Files) -> int | None:
    """Return the process id of the dnsmasq with this configuration, None when there is none."""
    text = _read(Path(paths.pid))
    if text is not None and text.strip().isdigit() and _is_ours(int(text), paths):
        return int(text)
    others = (int(name) for name in os.listdir("/proc") if name.isdigit())
    return next((pid for pid in others if _is_ours(pid, paths)), None)


def _is_ours(pid: int, paths: dhcp.Files) -> bool:
    try:
        argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return f"--conf-file={paths.configuration}".encode() in argv and process.is_alive(pid)


def _is_inside(pid: int, namespace: str) -> bool:
    try:
        return os.path.samefile(f"/proc/{pid}/ns/net", f"/run/netns/{namespace}")
    except FileNotFoundError:
        return False


def _stop(pid: int) -> None:
    """End the process and wait until it has ended; one that does not listen is killed."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        for kind in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(descriptor, kind)
            if select.select([descriptor], [], [], _STOP_TIMEOUT_S)[0]:
                return
    except ProcessLookupError:
        return
    finally:
        os.close(descriptor)

"""Looks at what of a machine runs short or is changed by others: memory, directories, volumes.

Judgements of the kernel's own texts, and functions that fetch these; a check returns a few words,
or raises `Trouble`. The agent does them for who asks the cloud (`checks.host`), `mallee doctor` on
its own machine. Only looks; what can be put right is `mending`'s.
"""

import os
from collections.abc import Callable
from pathlib import Path

from mallee.kit import ownership
from mallee.model.configuration import settings
from mallee.model.hosts.ailments import Code
from mallee.model.layout import Layout
from mallee.node import directories, facts
from mallee.node.checks import troubles
from mallee.node.do.storage import places, shares

FREE_MEMORY_MIB_MIN = 512
"""Of a machine with less than eight times that, an eighth of what it has."""
STALLED_PERCENT_MAX = 10.0
CONNECTIONS_PERCENT_MAX = 90
_MEMORY, _PRESSURE = Path("/proc/meminfo"), Path("/proc/pressure/memory")
_TRACKED = Path("/proc/sys/net/netfilter/nf_conntrack_count")
_TRACKED_MAX = Path("/proc/sys/net/netfilter/nf_conntrack_max")


def find_directories(layout: Layout) -> str:
    """See that owners and modes are as they should be."""
    wrong = [str(one.path) for one in ownership.fetch_wrong(directories.of_host(layout))]
    if wrong:
        cause = f"owner or mode is not as it should be: {', '.join(wrong)}"
        troubles.tell(Code.DIRECTORIES_WRONG, cause, "mallee doctor --fix")
    if os.statvfs(layout.root).f_flag & os.ST_RDONLY:
        cause = f"nothing can be written under {layout.root}: its file system is read-only"
        cure = "its disk may be failing, or full when it was checked: dmesg | tail; then mount "
        cure += f"-o remount,rw $(findmnt -n -o TARGET -T {layout.root})"
        troubles.tell(Code.DISK_READ_ONLY, cause, cure)
    return "owners and modes are right, and files can be written"


def find_volumes(layout: Layout) -> str:
    """See that the place of this host's volumes is there and can be used."""
    try:
        wanted = facts.read_settings(layout).volumes
        placed = places.located(layout)
        if wanted.directory and placed.placed is None:
            return f"in {wanted.directory}, as soon as the agent has used it first"
        places.check(placed, wanted)
    except settings.InvalidSettings as wrong:
        troubles.tell(Code.VOLUMES_UNUSABLE, str(wrong), f"edit {layout.host_settings}")
    except (places.Away, places.Taken) as trouble:
        troubles.tell(Code.VOLUMES_UNUSABLE, str(trouble), "as it says")
    _check_shares(placed)
    return f"in {placed.volumes}"


def _check_shares(layout: Layout) -> None:
    """See that nothing was found against the share when volumes last went between its hosts."""
    for peer, why in sorted(shares.read_causes(layout).items()):
        cause = f"volumes are copied to here from {peer}, on the same share: {why}"
        cure = (
            "mount it as docs/volumes.md says, on both; it is looked at again when it was mounted "
        )
        cure += "anew here, or the next volume comes from there (to forget this: "
        cure += f"rm {shares.notes_of(layout)})"
        troubles.tell(Code.SHARE_UNFIT, cause, cure)


def find_memory(layout: Layout) -> str:
    """See that there is memory, and that the machine does not spend its time waiting for it."""
    try:
        pressure = _PRESSURE.read_text()
    except OSError:
        # A kernel that does not count it (CONFIG_PSI), or was told not to.
        pressure = ""
    return judge_memory(_MEMORY.read_text(), pressure)


def judge_memory(memory: str, pressure: str) -> str:
    """Judge the texts of `/proc/meminfo` and `/proc/pressure/memory`."""
    told = {line.split(":")[0]: int(line.split()[1]) >> 10 for line in memory.splitlines()}
    free, total = told["MemAvailable"], told["MemTotal"]
    if free < min(FREE_MEMORY_MIB_MIN, total // 8):
        cure = "end programs, terminate instances, or move them: mallee hosts drain"
        cause = f"only {free} MiB of {total} MiB of memory are free"
        troubles.tell(Code.MEMORY_SHORT, cause, cure)
    stalled = _stalled_percent(pressure)
    if stalled > STALLED_PERCENT_MAX:
        cause = f"all that runs waits for memory {stalled:.0f} % of the time (it swaps)"
        cure = "fewer or smaller instances here (mallee hosts drain), or reserve more for the "
        cure += "machine itself: [capacity] reserved_memory_mib"
        troubles.tell(Code.MEMORY_PRESSED, cause, cure)
    return f"{free} of {total} MiB free"


def _stalled_percent(pressure: str) -> float:
    """Return how much of the last minute everything stood still for want of memory."""
    for line in pressure.splitlines():
        kind, *told = line.split()
        if kind == "full":
            return float(dict(one.split("=") for one in told)["avg60"])
    return 0.0


def find_connections(layout: Layout) -> str:
    """See that connection tracking has room: what it has no room for is dropped without a word."""
    try:
        used, most = int(_TRACKED.read_text()), int(_TRACKED_MAX.read_text())
    except FileNotFoundError:
        return "the kernel tracks none"
    return judge_connections(used, most)


def judge_connections(used: int, most: int) -> str:
    """Judge how many connections are tracked, of how many that may be."""
    if used * 100 > most * CONNECTIONS_PERCENT_MAX:
        cause = f"{used} of the {most} connections that the kernel tracks are in use: new ones fail"
        cure = "see whose they are: conntrack -L; or let there be more: "
        cure += f"sysctl net.netfilter.nf_conntrack_max={2 * most}"
        troubles.tell(Code.CONNECTIONS_FULL, cause, cure)
    return f"{used} of {most} connections tracked"


CHECKS: tuple[tuple[str, Callable[[Layout], str]], ...] = (
    ("directories", find_directories),
    ("volumes", find_volumes),
    ("memory", find_memory),
    ("connections", find_connections),
)
"""Those that agents do; on the machine it runs on, `mallee doctor` has its own before them."""

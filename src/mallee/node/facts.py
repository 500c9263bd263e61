"""What an agent says of its host: what it can carry, how it runs guests, what is wrong with it.

Capacity is worked out once, at the agent's start, from the machine and the settings under its root
(or a joined host's own document, or the defaults). All functions block for short reads.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec

import mallee
from mallee.kit import files
from mallee.model.configuration import settings
from mallee.model.hosts.cpus import Cpu
from mallee.model.hosts.hosts import Capacity, HostFacts
from mallee.model.layout import Layout
from mallee.model.network.classic import HostClassic
from mallee.node.do.guests.hypervisor import Hypervisor, HypervisorFailed
from mallee.node.volumes.volumeplace import VolumePlace

LIBVIRT, BLOCKS = "libvirt", "blocks"
"""Services of a host besides its agent."""
_SOCKETS = Path("/proc/net/unix")
_LISTENING = "00010000"
_OWN_MEMORY_MIB = 384, 1024


class Acceleration(msgspec.Struct, frozen=True):
    """How guests run here, as it was proved (`kvmproof` writes it)."""

    acceleration: str
    """`kvm` or `tcg`."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What of a host stays as it is while its agent runs."""

    layout: Layout
    capacity: Capacity
    acceleration: Acceleration
    hypervisor: Hypervisor
    place: VolumePlace


def fetch(standing: Standing, problems: tuple[str, ...]) -> HostFacts:
    """Return what is said of the host now."""
    services = {LIBVIRT: "", BLOCKS: _ailing_blocks(standing.layout)}
    try:
        hypervisor = standing.hypervisor.version()
        problems = (*problems, *map(_silent, standing.hypervisor.silent()))
    except HypervisorFailed as error:
        hypervisor, services[LIBVIRT] = "", f"The hypervisor does not answer: {error}."
        problems = (*problems, services[LIBVIRT])
    return HostFacts(
        capacity=standing.place.bounded(standing.capacity),
        acceleration=standing.acceleration.acceleration,
        acceleration_reason=standing.acceleration.reason,
        hypervisor=hypervisor,
        agent_version=mallee.VERSION,
        problems=problems,
        # In whole GiB: nobody decides by less, and every smaller change would be news.
        free_disk_bytes=fetch_free_disk_bytes(standing.layout) >> 30 << 30,
        services=services,
        cpu=_ask_cpu(standing),
        with_cloud=standing.layout.settings.exists(),
    )


def _silent(instance_id: str) -> str:
    return (
        f"The QEMU of {instance_id} does not answer, and nothing is done with its guest until it "
        "does: see what holds it up (a disk that does not answer, a debugger), or stop the "
        "instance by force."
    )


def _ask_cpu(standing: Standing) -> Cpu | None:
    try:
        return standing.hypervisor.cpu(standing.acceleration.acceleration)
    except HypervisorFailed:
        # Guests are shown what their host has: nothing fails for want of it.
        return None


def _ailing_blocks(layout: Layout) -> str:
    """Return what ails the block server of this host; empty: it takes connections.

    It is not asked: an idle one has not even loaded what it would answer with.
    """
    # Where it was bound, before it was put in its place (`nbd.daemon.listen`).
    bound = str(layout.block_socket.with_suffix(".new"))
    lines = (line.split() for line in _SOCKETS.read_text(errors="replace").splitlines())
    if any(fields[3] == _LISTENING and fields[-1] == bound for fields in lines):
        return ""
    return f"The block server does not run; read {layout.log / 'blocks.err'}."


def read_settings(layout: Layout) -> settings.Settings:
    """Return the settings under the root, those of a joined host, or the defaults.

    Raises `settings.InvalidSettings`.
    """
    for path, parse in (
        (layout.settings, settings.parse),
        (layout.host_settings, settings.parse_host),
    ):
        try:
            return parse(path.read_text())
        except FileNotFoundError:
            continue
    return settings.Settings()


def read_classic(layout: Layout) -> HostClassic:
    """Return which interfaces this host's own document names for the classic network modes.

    On the cloud's own machine none: there its settings say it. Raises `settings.InvalidSettings`.
    """
    if layout.settings.exists() or not layout.host_settings.exists():
        return HostClassic()
    return settings.decode_host(layout.host_settings.read_text()).network.classic


def read_acceleration(layout: Layout) -> Acceleration:
    """Return what was proved; without a proof guests are emulated."""
    verdict = files.read_json(layout.kvm_verdict)
    if verdict is None:
        return Acceleration("tcg", "KVM was not proved on this host yet, so guests are emulated.")
    return msgspec.convert(verdict, Acceleration)


def fetch_capacity(layout: Layout, reserved: settings.Capacity) -> Capacity:
    """Return what the machine can carry beyond what is reserved for itself."""
    layout.instances.mkdir(parents=True, exist_ok=True, mode=0o711)
    # Volumes elsewhere have another file system's room.
    kept = (layout.instances,) if layout.placed else (layout.instances, layout.volumes)
    used_bytes = sum(
        file.stat().st_blocks * 512
        for directory in kept
        for file in directory.rglob("*")
        if file.is_file()
    )
    disk_gib = (fetch_free_disk_bytes(layout) + used_bytes) >> 30
    memory_mib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    return Capacity(
        vcpus=len(os.sched_getaffinity(0)) * reserved.vcpus_per_core,
        memory_mib=max(0, memory_mib - reserved_memory_mib(reserved, memory_mib)),
        disk_gib=max(0, disk_gib - reserved.reserved_disk_gib),
    )


def reserved_memory_mib(reserved: settings.Capacity, memory_mib: int) -> int:
    """Return how much of a machine's memory instances never get: what its system and our own
    daemons need (100 MiB on a host, 300 on a front end), so that a small machine carries some."""
    least, most = _OWN_MEMORY_MIB
    return reserved.reserved_memory_mib or min(most, max(least, memory_mib // 4))


def fetch_free_disk_bytes(layout: Layout) -> int:
    """Return how much room is left where instances' disks lie."""
    return shutil.disk_usage(layout.instances).free

"""The old host's part where files of a running guest are handed over: offered, and got back.

Its QEMU lets its locks on them go when the guest stands and the state has left it; the new host's
takes them when the state is whole. A guest that is put back gets them again, by QEMU's own locks
too: while the other machine has them it does not run. So it is written down before that files are
handed over (`book`), and until they are back nobody is told that the guest stays, nor is anything
else done with it here. Called by `going`; calls block.
"""

import contextlib
from collections.abc import Callable, Collection
from pathlib import Path

from msgspec import structs

from mallee.kit import files, logs
from mallee.model.hosts.hosts import InstanceWanted
from mallee.model.layout import Layout
from mallee.node.do.channel import ChannelFailed, Connection
from mallee.node.do.guests.hypervisor import HypervisorFailed
from mallee.node.do.guests.outgoing import Going
from mallee.node.do.storage import imagelocks, volumes
from mallee.node.host import Host
from mallee.node.migrating import book, messages
from mallee.node.migrating.messages import GuestTold
from mallee.node.volumes import handing

Call = Callable[[str], Connection]
"""Returns a connection to the other host, for what is named. Raises `ChannelFailed`."""

log = logs.get(__name__)


def hand_over(host: Host, told: GuestTold, call: Call) -> frozenset[str]:
    """Offer the other host the files of a guest's volumes; return of which it took them.

    Raises `OSError`.
    """
    those = {
        disk.volume_id: (*(layer.number for layer in disk.lower), disk.face)
        for disk in told.disks
        if disk.volume_id and not _is_raw(host.layout, disk.volume_id)
    }
    if host.layout.placed is None or not those:
        return frozenset()
    try:
        with contextlib.closing(call(messages.SHARE)) as connection:
            handed = handing.offer(connection, host.layout, those)
    except ChannelFailed as error:
        # An agent of before knows nothing of it.
        log.info("nothing handed over", why=str(error))
        return frozenset()
    log.info("files handed over", volumes=sorted(handed))
    return handed


def without(told: GuestTold, handed: Collection[str]) -> GuestTold:
    """Return what is told of a guest, some of whose files were handed over."""
    rest = (
        structs.replace(disk, lower=()) if disk.volume_id in handed else disk for disk in told.disks
    )
    return structs.replace(told, disks=tuple(rest), handed=tuple(handed))


def note(host: Host, wanted: InstanceWanted, migration_id: str) -> None:
    """Write down that files are handed over. Raises `OSError`."""
    entry = book.Entry(migration_id=migration_id, is_coming=False, is_handed=True)
    book.write(host.layout, wanted.id, entry)


def is_handed(host: Host, instance_id: str) -> bool:
    """Tell whether files were handed over, and it is not clear yet that they are back.

    Raises `OSError`.
    """
    entry = book.read(host.layout, instance_id)
    return entry is not None and entry.is_handed


def take_back(host: Host, wanted: InstanceWanted, means: tuple[Going | None, Call]) -> None:
    """Have a guest that was not given be as it was, and run, with the files that were handed over;
    without a machine: have them be free for the next one.

    Raises `HypervisorFailed` and `OSError`, also while the other host may have files.
    """
    machine, call = means
    if not is_handed(host, wanted.id):
        if machine is not None:
            machine.put_back()
        return
    if machine is None:
        _have_let_go(host, wanted, call)
    else:
        try:
            machine.put_back()
        except HypervisorFailed as error:
            log.info("the other host is asked to let go", instance=wanted.id, why=str(error))
            _have_let_go(host, wanted, call)
            machine.put_back()
    book.forget(host.layout, wanted.id)


def _have_let_go(host: Host, wanted: InstanceWanted, call: Call) -> None:
    """Have the other host let files go; nobody writes them: nothing. Raises `OSError` else."""
    try:
        with contextlib.closing(call(messages.LET_GO)) as connection:
            messages.expect(connection, messages.Noted)
    except ChannelFailed:
        if any(_is_written(host.layout, disk.volume_id) for disk in wanted.disks):
            raise


def _is_written(layout: Layout, volume_id: str) -> bool:
    if _is_raw(layout, volume_id):
        return False
    path = volumes.path_of(layout, volume_id, is_shared=False)
    with files.open_own(path) as file:
        return imagelocks.is_written(file.fileno())


def _is_raw(layout: Layout, volume_id: str) -> bool:
    """Tell whether a volume is a file that several guests may write: it is copied."""
    return _raw(layout, volume_id).exists()


def _raw(layout: Layout, volume_id: str) -> Path:
    return volumes.shared_path(volumes.directory_of(layout, volume_id))

"""The new host's part where files of a running guest are handed over: taken, and seen to be held.

The old host's QEMU writes them until its guest stands, and QEMU's locks on them pass with the
guest: the new machine opens them while the other one has them, and takes the locks when its state
has come. What its files name was looked at before, and whoever wrote them then could have it name
others since; so what the machine has opened is looked at too, before anybody says that it is whole.
Called by `coming`; calls block.
"""

import contextlib
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path

import msgspec

from mallee.kit import files
from mallee.model.hosts.hosts import InstanceWanted
from mallee.model.layout import Layout
from mallee.model.storage.volumes import VolumeWanted
from mallee.node.do.channel import Connection
from mallee.node.do.guests import qmp
from mallee.node.do.guests.hypervisor import HypervisorFailed
from mallee.node.do.storage import grounds, imagelocks, layers, volumes
from mallee.node.host import Host
from mallee.node.migrating.messages import DiskTold
from mallee.node.plan.guests import domain
from mallee.node.volumes import handing

_FORMS = frozenset({"qcow2", "raw", "luks", "throttle"})


class _Node(msgspec.Struct, frozen=True):
    """Something that QEMU has opened, as it says."""

    drv: str
    file: str


@contextlib.contextmanager
def taking(
    layout: Layout, connection: Connection, those: Iterable[VolumeWanted]
) -> Generator[dict[str, Path]]:
    """Take the files that another host hands over of volumes; it goes on when this ends.

    Gives by volume the file that its guest writes. Raises `OSError`.
    """
    wishes: dict[str, handing.Wish] = {}
    for volume in those:
        if volume.is_shared:
            continue
        volumes.remove(layout, volume.id)
        directory = volumes.directory_of(layout, volume.id)
        directory.parent.mkdir(exist_ok=True, mode=0o711)
        wishes[volume.id] = handing.Wish(volume, directory, is_used=True)
    with handing.taking(connection, layout, wishes) as taken:
        yield {
            id: layers.path_of(wishes[id].directory, numbers[-1]) for id, numbers in taken.items()
        }


def check_told(disk: DiskTold, face: Path) -> None:
    """Raise `HypervisorFailed` unless what is told of a disk is what was handed over."""
    is_so = (int(face.stem), layers.read_file(face).size_bytes) == (disk.face, disk.size_bytes)
    if disk.lower or not is_so:
        raise HypervisorFailed(f"{disk.volume_id} is not what was handed over of it")


def check_opened(host: Host, wanted: InstanceWanted, handed: Mapping[str, Path]) -> None:
    """Raise `HypervisorFailed` unless a machine that has its state has opened what its instance may
    have, and holds what was handed over."""
    machine = qmp.Qemu(host.hypervisor, domain.uuid_of(wanted.id))
    for node in machine.ask_for(list[_Node], "query-named-block-nodes", flat=True):
        if not _may_open(host.layout, wanted, node):
            raise HypervisorFailed(f"the machine has opened {node.file[:200]}")
    for volume_id, face in handed.items():
        with files.open_own(face) as file:
            if not imagelocks.is_written(file.fileno()):
                raise HypervisorFailed(f"the machine does not hold what it has of {volume_id}")


def _may_open(layout: Layout, wanted: InstanceWanted, node: _Node) -> bool:
    own = {disk.volume_id for disk in wanted.disks}
    if node.drv == "nbd":
        return node.file in {grounds.url_of(layout, volume_id) for volume_id in own}
    if node.drv != "file":
        return node.drv in _FORMS
    directories = {volumes.directory_of(layout, volume_id) for volume_id in own}
    directories |= {domain.directory_of(layout, wanted.id), layout.node_images}
    return Path(node.file).parent in directories

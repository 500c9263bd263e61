"""Takes disks out: a content becomes a file of the format that was asked for, and an object.

Called by `transfers` for one transfer at a time. The disk is put together as it is, with holes;
what makes another format of it runs shut in, as all that opens disks of users (`sandbox`).
"""

import asyncio
import hashlib
import io
import tarfile
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import quoteattr

from mallee.model.images.images import Blob
from mallee.model.storage import blocktrees
from mallee.model.storage.passes import PassRequest
from mallee.model.storage.snapshots import Content
from mallee.model.storage.transfers import DiskSeen, FileOut, TransferWanted
from mallee.node.do.storage import disks, sandbox
from mallee.node.do.storage.blockstore import BlockMissing, Blockstore
from mallee.node.transfers.importing import Brought, Means

IN_FLIGHT = 6
_MADE_PERCENT, _CONVERTED_PERCENT = 50, 60
_AT_ONCE = 64
_STREAMED = "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"
_OVF = """<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
  xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">
  <References><File ovf:id="file1" ovf:href="{disk}" ovf:size="{file_bytes}"/></References>
  <DiskSection><Info>Disks</Info>
    <Disk ovf:diskId="disk1" ovf:fileRef="file1" ovf:capacity="{size_bytes}"
      ovf:capacityAllocationUnits="byte" ovf:format="{format}"/>
  </DiskSection>
  <VirtualSystem ovf:id={name}><Info>A machine</Info>
    <OperatingSystemSection ovf:id="102"><Info>Its system</Info></OperatingSystemSection>
    <VirtualHardwareSection><Info>Its hardware</Info>
      <System><vssd:ElementName>Hardware</vssd:ElementName><vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemType>vmx-07</vssd:VirtualSystemType></System>
      <Item><rasd:ElementName>1 CPU</rasd:ElementName><rasd:InstanceID>1</rasd:InstanceID>
        <rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>1</rasd:VirtualQuantity></Item>
      <Item><rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits>
        <rasd:ElementName>1024 MiB</rasd:ElementName><rasd:InstanceID>2</rasd:InstanceID>
        <rasd:ResourceType>4</rasd:ResourceType><rasd:VirtualQuantity>1024</rasd:VirtualQuantity></Item>
      <Item><rasd:Address>0</rasd:Address><rasd:ElementName>SCSI</rasd:ElementName>
        <rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceSubType>lsilogic</rasd:ResourceSubType>
        <rasd:ResourceType>6</rasd:ResourceType></Item>
      <Item><rasd:AddressOnParent>0</rasd:AddressOnParent><rasd:ElementName>Disk</rasd:ElementName>
        <rasd:HostResource>ovf:/disk/disk1</rasd:HostResource><rasd:InstanceID>4</rasd:InstanceID>
        <rasd:Parent>3</rasd:Parent><rasd:ResourceType>17</rasd:ResourceType></Item>
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
"""

Tell = Callable[[int, DiskSeen], None]
ReadBlob = Callable[[Blob, Path], None]
"""Fetches an image's file as it is; blocks."""


async def take_disk(
    means: Means, wanted: TransferWanted, tell: Tell, read_blob: ReadBlob
) -> Brought:
    """Make a file of a disk, and put it into its bucket. Raises as `importing.bring_disks` does."""
    out = wanted.out
    assert out is not None
    seen = DiskSeen(format=out.format, words="converting")
    try:
        await asyncio.to_thread(means.work.make)

        def told(percent: int) -> None:
            means.check()
            tell(0, DiskSeen(format=out.format, words="converting", percent=percent))

        disk = await disk_of(means, out, told, read_blob)
        file = disk if out.format == "raw" else await sandbox.convert(means.work, disk, out.format)
        told(_CONVERTED_PERCENT)
        if out.container == "ova":
            size_bytes = disk.stat().st_size
            file = await asyncio.to_thread(_archive, means, out, file, size_bytes)
        size = file.stat().st_size

        def put(done: int) -> None:
            means.check()
            percent = _CONVERTED_PERCENT + (99 - _CONVERTED_PERCENT) * done // max(1, size)
            tell(0, DiskSeen(format=out.format, words="uploading", percent=percent))

        await asyncio.to_thread(means.objects.put_file, out.object, file, put)
        seen = DiskSeen(format=out.format, file_bytes=size, percent=100)
    finally:
        await asyncio.to_thread(means.work.remove)
    return Brought([seen])


async def disk_of(
    means: Means, out: FileOut, told: Callable[[int], None], read_blob: ReadBlob
) -> Path:
    """Put the disk together as a raw file that the shut in may read."""
    path = means.work.source
    if out.content is not None:
        await asyncio.to_thread(_assemble, means, out.content, path, told)
    else:
        assert out.blob is not None
        await asyncio.to_thread(read_blob, out.blob, path)
        sandbox.give(path)
        if out.blob.format != "raw":
            return await sandbox.convert(means.work, path, "raw", out.blob.format)
    sandbox.give(path)
    return path


def _assemble(means: Means, content: Content, path: Path, told: Callable[[int], None]) -> None:
    """Write a content into a file with holes. Blocks."""
    store = Blockstore(means.access(PassRequest(account=content.account)))
    try:
        root = blocktrees.decode(store.get(bytes.fromhex(content.root)))
        total = max(1, blocktrees.block_count(root.size_bytes))
        with path.open("wb") as file, futures.ThreadPoolExecutor(IN_FLIGHT, "blocks") as threads:
            waiting: list[tuple[int, futures.Future[bytes]]] = []
            for index, name in blocktrees.blocks(root, store.get):
                waiting.append((index, threads.submit(store.get, name)))
                if len(waiting) >= _AT_ONCE:
                    disks.check_room(means.work.directory)
                    told(_MADE_PERCENT * index // total)
                    _write(file, waiting)
            _write(file, waiting)
            file.truncate(root.size_bytes)
    except blocktrees.NotATree as error:
        raise BlockMissing(str(error)) from error
    finally:
        store.close()


def _write(file: BinaryIO, waiting: list[tuple[int, futures.Future[bytes]]]) -> None:
    for index, future in waiting:
        file.seek(index * blocktrees.BLOCK_BYTES)
        file.write(future.result())
    waiting.clear()


def _archive(means: Means, out: FileOut, disk: Path, size_bytes: int) -> Path:
    """Put a disk into an archive, with its description and checksums. Blocks."""
    name = f"{out.name}-disk1.vmdk"
    file_bytes = disk.stat().st_size
    ovf = _OVF.format(
        disk=name,
        file_bytes=file_bytes,
        size_bytes=size_bytes,
        format=_STREAMED,
        name=quoteattr(out.name),
    ).encode()
    with disk.open("rb") as file:
        of_disk = hashlib.file_digest(file, "sha256").hexdigest()
    of_ovf = hashlib.sha256(ovf).hexdigest()
    sums = f"SHA256({out.name}.ovf)= {of_ovf}\nSHA256({name})= {of_disk}\n".encode()
    made = means.work.directory / "machine.ova"
    with tarfile.open(made, "w", format=tarfile.USTAR_FORMAT) as archive:
        for member, data in ((f"{out.name}.ovf", ovf), (f"{out.name}.mf", sums)):
            info = tarfile.TarInfo(member)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        info = tarfile.TarInfo(name)
        info.size = file_bytes
        with disk.open("rb") as file:
            archive.addfile(info, file)
    disk.unlink()
    return made

"""Does one step of an instance's plan on the host: the `apply` of the reconciler.

Why each step may be done twice is said at its class (`plan.steps`); what it raises is turned into a
cause for the user here too, so that a step, its executor and its failure stand in one place.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace

from mallee.kit import process
from mallee.model.compute.instances import Reason
from mallee.model.storage.datakeys import OpenedKey
from mallee.node import guestagents
from mallee.node.do.guests import console
from mallee.node.do.guests.hypervisor import HypervisorFailed
from mallee.node.do.network.network import NotWanted
from mallee.node.do.storage import chains, disks, images
from mallee.node.host import Host
from mallee.node.modes import duplicates
from mallee.node.plan.guests import domain, steps
from mallee.node.volumes.volumekeys import KeyRefused, NoKey

_NO_ADDRESS = "Server.InsufficientFreeAddressesInSubnet"
_KEY_UNUSABLE = "Client.InvalidKMSKey.InvalidState"
FAILURES = (
    HypervisorFailed,
    NotWanted,
    OSError,
    disks.DiskFull,
    duplicates.AddressTaken,
    images.FetchFailed,
    process.Failed,
    process.TimedOut,
    NoKey,
)
"""What a step may raise; anything else is a fault of ours."""


async def apply_step(host: Host, step: steps.Step) -> None:
    """Do the step; raises one of `FAILURES`."""
    if isinstance(step, steps.FetchImage):
        await host.images.ensure(step.blob)
    elif isinstance(step, steps.AttachDisk) and step.disk.is_encrypted:
        key = await host.keys.fetch(step.disk.volume_id)
        await asyncio.to_thread(_attach_encrypted, host, step, key)
    else:
        await asyncio.to_thread(_apply_blocking, host, step)


def reason_of(host: Host, step: steps.Step, error: Exception) -> Reason:
    """Say why the step failed, in words that name host, step and what to do."""
    words = f"Host {host.name} failed while {step.words}: {error}"
    if isinstance(error, (duplicates.AddressTaken, KeyRefused)):
        return Reason(code_of(error), f"{words}.")
    if is_final(error):
        return Reason("Server.InsufficientInstanceCapacity", f"{words}.")
    return Reason("Server.InternalError", f"{words}. If it lasts, see `mallee doctor` there.")


INTERNAL = "Server.InternalError"
"""The code of what may be over when it is tried again."""


def is_final(error: Exception) -> bool:
    """Whether trying again soon is pointless: a full disk does not empty itself."""
    is_full = isinstance(error, OSError) and error.errno in images.FULL
    return is_full or isinstance(error, (disks.DiskFull, duplicates.AddressTaken, KeyRefused))


def code_of(error: Exception) -> str:
    """Return the code of the cause that a failure is."""
    if isinstance(error, KeyRefused):
        return _KEY_UNUSABLE
    if isinstance(error, duplicates.AddressTaken):
        return _NO_ADDRESS
    return "Server.InsufficientInstanceCapacity" if is_final(error) else INTERNAL


def _attach_encrypted(host: Host, step: steps.AttachDisk, key: OpenedKey) -> None:
    # What it lies on is found out now: it may have been merged since it was planned.
    disk = replace(step.disk, chain=chains.of(host.layout, step.disk.path))
    uuid = domain.uuid_of(step.instance_id)
    host.hypervisor.attach_disk(uuid, disk, step.limits, key)
    if disk.is_root:
        # A port into which something was plugged has no power until an operating system gives it
        # some, or the machine is reset: firmware would find no disk there.
        host.hypervisor.reset(uuid)


def _apply_blocking(host: Host, step: steps.Step) -> None:
    match step:
        case steps.CreateTap(interface):
            host.network.create_tap(interface)
        case steps.Plug(interface):
            host.network.forget(interface)
            host.network.plug(interface)
        case steps.RemoveTap(interface_id):
            host.network.unplug(interface_id)
        case steps.MakeDirectory(instance_id):
            disks.make_directory(host.layout, instance_id)
        case steps.CloneDisk(instance_id, image, size_gib):
            disks.clone(host.layout, disks.Clone(instance_id, image, size_gib))
        case steps.RemoveDirectory(instance_id):
            console.keep(host.layout, instance_id)
            disks.remove_directory(host.layout, instance_id)
        case steps.MoveToLost(instance_id):
            disks.move_to_lost(host.layout, instance_id)
        case _:
            _apply_to_domain(host, step)


def _apply_to_domain(host: Host, step: steps.Step) -> None:
    hypervisor = host.hypervisor
    match step:
        case steps.DefineDomain(spec):
            hypervisor.define(domain.encode(spec, host.traits))
        case steps.StartPaused(instance_id):
            hypervisor.start_paused(domain.uuid_of(instance_id))
        case steps.AttachNic(instance_id, nic, device_index):
            xml = domain.encode_hot_nic(nic, device_index)
            hypervisor.attach_nic(domain.uuid_of(instance_id), nic.mac, xml)
        case steps.DetachNic(instance_id, nic):
            hypervisor.detach_nic(domain.uuid_of(instance_id), nic.mac)
        case steps.AttachDisk(instance_id, disk, limits):
            hypervisor.attach_disk(domain.uuid_of(instance_id), disk, limits)
        case steps.DetachDisk(instance_id, disk):
            hypervisor.detach_disk(domain.uuid_of(instance_id), disk)
        case steps.TearOutDisk(instance_id, disk):
            hypervisor.tear_out_disk(domain.uuid_of(instance_id), disk)
        case steps.Resume(instance_id):
            hypervisor.resume(domain.uuid_of(instance_id))
        case steps.ShutDown(instance_id):
            guestagents.shut_down(hypervisor, instance_id)
        case steps.Reboot(instance_id):
            hypervisor.reboot(domain.uuid_of(instance_id))
        case steps.Reset(instance_id):
            hypervisor.reset(domain.uuid_of(instance_id))
        case steps.Destroy(instance_id):
            hypervisor.destroy(domain.uuid_of(instance_id))
        case steps.Undefine(instance_id):
            hypervisor.undefine(domain.uuid_of(instance_id))
        case _:
            raise NotImplementedError(step)


async def unless(event: asyncio.Event, work: Coroutine[None, None, None]) -> None:
    """Do the work, but do not wait for its end any longer when the event comes."""
    working = asyncio.ensure_future(work)
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        working.cancel()
        waiting.cancel()

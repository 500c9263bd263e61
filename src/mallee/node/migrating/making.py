"""Makes the machine into which a guest's state comes: as one that begins, but that it waits.

It is like the one that runs on the other host, device by device, or QEMU refuses the state. What
follows from what the cloud wants is taken from that; where network cards sit does not, because
those that came to a guest while it ran sit elsewhere. The other host says it, and is held to the
places that cards may have. Called by `coming`; calls block.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mallee.model.hosts.hosts import InstanceWanted, InterfaceWanted
from mallee.model.storage.snapshots import LAYER_MAX, LAYERS_MAX
from mallee.model.storage.volumes import VolumeWanted
from mallee.node.do.guests import incoming
from mallee.node.do.guests.hypervisor import HypervisorFailed
from mallee.node.do.storage import chains
from mallee.node.host import Host
from mallee.node.migrating.messages import CardTold, GuestTold
from mallee.node.plan.guests import domain
from mallee.node.plan.guests.disks import Disk
from mallee.node.plan.guests.domain import DomainSpec, Nic, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the machine has, besides what follows from the instance."""

    volumes: Mapping[str, VolumeWanted]
    paths: Mapping[str, Path]
    """Of volumes: the file that is written."""
    interfaces: tuple[InterfaceWanted, ...]
    places: Mapping[str, Place]
    """Of interfaces: where their cards sit; others sit where those of a machine that begins do."""


def check_told(told: GuestTold, wanted: InstanceWanted) -> None:
    """Raise `HypervisorFailed` unless these are the disks and cards that the guest shall have."""
    named = [disk.volume_id for disk in told.disks]
    own = [""] if wanted.disk is not None else []
    if sorted(named) != sorted([*own, *(disk.volume_id for disk in wanted.disks)]):
        raise HypervisorFailed("the guest has other disks than it should have")
    check_cards(told.cards, wanted)
    for disk in told.disks:
        numbers = [layer.number for layer in disk.lower]
        is_ordered = numbers == sorted({*numbers}) and len(numbers) <= LAYERS_MAX
        highest = max(numbers, default=0)
        if not is_ordered or not all(it > 0 for it in numbers) or highest >= disk.face:
            raise HypervisorFailed("the guest's disks have no such layers")
        most = 64 << 40 if disk.volume_id else wanted.disk_gib << 30
        if disk.face > LAYER_MAX or not 0 < disk.size_bytes <= most:
            raise HypervisorFailed("the guest's disks are of no such size")


def check_cards(cards: Sequence[CardTold], wanted: InstanceWanted) -> None:
    """Raise `HypervisorFailed` unless a guest that shall have these interfaces may have its cards
    so. An older agent tells of none: its cards are where those of a machine that begins are."""
    if not cards:
        return
    if sorted(card.interface_id for card in cards) != sorted(wanted.interface_ids):
        raise HypervisorFailed("the guest has other network cards than it should have")
    places = {Place(card.bus, card.slot) for card in cards}
    if len(places) < len(cards) or not all(map(domain.is_place_of_nic, places)):
        raise HypervisorFailed("the guest's network cards are where none can be")


def places_of(cards: Sequence[CardTold]) -> dict[str, Place]:
    """Return by interface where its card sits."""
    return {card.interface_id: Place(card.bus, card.slot) for card in cards}


def plan_spec(host: Host, wanted: InstanceWanted, parts: Parts) -> DomainSpec:
    """Return the machine that takes the state of an instance's."""
    worn = sorted(parts.interfaces, key=lambda one: one.device_index)
    plugged = sorted(wanted.disks, key=lambda one: one.slot)
    return DomainSpec(
        instance_id=wanted.id,
        launch=wanted.launch,
        vcpus=wanted.vcpus,
        cpu=wanted.cpu,
        memory_mib=wanted.memory_mib,
        boot=wanted.boot,
        nics=tuple(Nic(host.layout.tap(one.id), one.mac, parts.places.get(one.id)) for one in worn),
        disks=tuple(
            (
                Disk(
                    volume_id=one.volume_id,
                    path=parts.paths[one.volume_id],
                    slot=one.slot,
                    is_encrypted=bool(parts.volumes[one.volume_id].key_id),
                ),
                parts.volumes[one.volume_id].limits,
            )
            for one in plugged
        ),
        is_coming=True,
    )


def make(host: Host, spec: DomainSpec) -> incoming.Machine:
    """Make a machine that waits for its state; raises what steps of a plan do (`apply.FAILURES`).

    Encrypted volumes are plugged into it as into one that begins (`do.guests.secrets`).
    """
    uuid, hypervisor = domain.uuid_of(spec.instance_id), host.hypervisor
    # An agent that was killed may have left one, which nobody was given.
    unmake(host, spec.instance_id)
    hypervisor.define(domain.encode(spec, host.traits))
    hypervisor.start_paused(uuid)
    for disk, limits in spec.disks:
        if disk.is_encrypted:
            whole = replace(disk, chain=chains.of(host.layout, disk.path))
            hypervisor.attach_disk(uuid, whole, limits, host.keys.opened(disk.volume_id))
    own = domain.directory_of(host.layout, spec.instance_id) / domain.QEMU_DIRECTORY
    return incoming.Machine(hypervisor, uuid, own)


def unmake(host: Host, instance_id: str) -> None:
    """Have no machine of an instance's here; there is none: nothing. Raises `HypervisorFailed`."""
    uuid = domain.uuid_of(instance_id)
    host.hypervisor.destroy(uuid)
    host.hypervisor.undefine(uuid)

"""CreateImage: an image of what an instance has now, made at one instant and usable at once.

Called through the action table. The host is asked to cut all volumes before anything is written
down (`storage.snapshots`); with them the image is there. Unless it is told not to, the host has
the guest reboot, and cuts when its machine is reset: all that it had to write is written then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud import things
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.images import imagemappings, names, registering
from mallee.cloud.ec2.instances import power
from mallee.cloud.ec2.instances.power import InstanceRecord
from mallee.cloud.ec2.storage import attachments, mappings, snapshots
from mallee.cloud.ec2.storage.states import VolumeRecord
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.compute.instances import Instance, State
from mallee.model.images.images import Image, ImageMapping
from mallee.model.storage.volumes import ROOT_SLOT, Attachment

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


@dataclass(frozen=True, slots=True)
class _Plan:
    """What an image shall be made of."""

    instance: InstanceRecord
    volumes: dict[str, VolumeRecord]
    """Those to be cut, by device."""
    mapped: tuple[ImageMapping, ...]
    """All that launches shall make, the snapshots of `volumes` still unnamed."""


def _ask(call: Call, request: Request) -> tuple[str, str, str, str]:
    """Ask the instance's host to cut what it has."""
    tagset.of_new(request, records.IMAGE.name)
    tagset.of_new(request, records.SNAPSHOT.name)
    names.check(call, request["Name"])
    plan = _plan(call, request)
    is_on = power.state_of(plan.instance) is State.RUNNING
    reboots = is_on and not request.get("NoReboot", False)
    volumes = list(plan.volumes.values())
    return snapshots.question(call, volumes, reboot=plan.instance.id if reboots else "")


def create_image(call: WriteCall, request: shapes.CreateImageRequest) -> shapes.CreateImageResult:
    """Write down the snapshots that were made, and the image of them."""
    names.check(call, request["Name"])
    plan = _plan(call, request)
    id = ids.make("ami", call.entropy(ids.ID_BYTES))
    words = {**request, "Description": f"Created by CreateImage({plan.instance.id}) for {id}"}
    made = snapshots.write_down(call, words, list(plan.volumes.values()))
    by_volume = {snapshot.doc.volume_id: snapshot.id for snapshot in made}
    cut = {device: by_volume[volume.id] for device, volume in plan.volumes.items()}
    instance = plan.instance.doc
    image = replace(
        _like(call, instance),
        id=id,
        name=request["Name"],
        description=request.get("Description", ""),
        location=f"{call.account}/{request['Name']}",
        mappings=tuple(
            replace(one, snapshot_id=cut.get(one.device, one.snapshot_id)) for one in plan.mapped
        ),
        tags=tagset.of_new(request, records.IMAGE.name),
    )
    registering.register(call.tx, call.account, image)
    return {"ImageId": id}


def _like(call: WriteCall, instance: Instance) -> Image:
    """Return an image without name and disks of what an instance is."""
    source = call.tx.get(records.IMAGE, instance.image_id)
    doc = source.doc if source else None
    return Image(
        id="",
        name="",
        kind="machine",
        location="",
        root_device=instance.root_device,
        architecture=doc.architecture if doc else "x86_64",
        boot_mode=doc.boot_mode if doc else "",
        ena_support=doc.ena_support if doc else False,
        imds_support=doc.imds_support if doc else "",
        sriov_net_support=doc.sriov_net_support if doc else "",
        platform=doc.platform if doc else "",
        kernel_id=instance.kernel_id,
        ramdisk_id=instance.ramdisk_id,
        is_root_file_system=doc.is_root_file_system if doc else False,
        source_instance_id=instance.id,
        source_image_id=instance.image_id,
        source_image_region=call.settings.region,
        created_at=call.now,
        made_by=call.principal.issuer_id,
    )


def _plan(call: Call, request: Request) -> _Plan:
    """Return what shall be cut and mapped; raise for what no image can be made of."""
    instance = resources.one(call, records.INSTANCE, request["InstanceId"])
    state = power.state_of(instance)
    if state not in (State.RUNNING, State.STOPPED):
        raise errors.IncorrectInstanceState(instance.id, "made an image of")
    if not instance.doc.root_device:
        raise errors.UnsupportedOperation(
            f"The root disk of {instance.id} is no volume: images are made of EBS-backed instances."
        )
    worn = mappings.of_instance(resources.reader(call), instance.id)
    stays = [(volume, one) for volume, one in worn if not one.is_leaving]
    if not any(one.slot == ROOT_SLOT for _, one in stays):
        raise errors.IncorrectInstanceStateNoRoot(instance.id, instance.doc.root_device)
    asked = imagemappings.by_device(request)
    volumes: dict[str, VolumeRecord] = {}
    mapped: list[ImageMapping] = []
    for volume, one in sorted(stays, key=lambda item: item[1].slot):
        said = asked.pop(_name(asked, one), {})
        if "NoDevice" not in said:
            volumes[one.device] = snapshots.cuttable(call, volume.id)
            mapped.append(imagemappings.changed(imagemappings.of_volume(volume.doc, one), said))
        elif one.slot == ROOT_SLOT:
            raise errors.InvalidBlockDeviceMapping(f"The root {one.device} cannot be left out.")
    new = [(device, said) for device, said in asked.items() if "NoDevice" not in said]
    mapped += [imagemappings.new(call, device, said) for device, said in new]
    return _Plan(instance, volumes, tuple(mapped))


def _name(asked: Iterable[str], attachment: Attachment) -> str:
    """Return what the request calls a volume; a root has several names."""
    if attachment.slot != ROOT_SLOT or attachment.device in asked:
        return attachment.device
    return next((name for name in asked if attachments.is_root(name)), attachment.device)


def _arns(call: Call, request: Request) -> tuple[str, ...]:
    """Return the instance of which it is made, and what is made."""
    found = (
        (records.INSTANCE.name, ids.normalise(request["InstanceId"])),
        (records.IMAGE.name, "*"),
        (records.SNAPSHOT.name, "*"),
    )
    region = call.settings.region
    return tuple(things.of_ec2(region, call.account, kind, id) for kind, id in found)


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateImage",
        does=Write(handle=create_image, asks=_ask),
        honours=imagemappings.HONOURS | {"Description", "InstanceId", "Name", "NoReboot"},
        creates=(records.IMAGE.name, records.SNAPSHOT.name),
        resources=_arns,
    ),
)

"""Block device mappings of instances: which volumes one has, by the names its user gave them.

Called where instances and their attributes are shown and changed. The root is among them where it
is a volume.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.call import WriteCall
from mallee.cloud.ec2.storage import attachments, states
from mallee.cloud.ec2.storage.states import Reader, VolumeRecord
from mallee.cloud.state import records
from mallee.model.storage.volumes import ROOT_SLOT, Attachment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mallee.aws.types import ec2 as shapes


def of_instance(view: Reader, instance_id: str) -> list[tuple[VolumeRecord, Attachment]]:
    """Return an instance's volumes with their attachments, by device."""
    found = [
        (volume, one)
        for volume in view.by(records.VOLUME, "instance", instance_id)
        for one in volume.doc.attachments
        if one.instance_id == instance_id
    ]
    return sorted(found, key=lambda item: item[1].device)


def shown(view: Reader, instance_id: str) -> list[shapes.InstanceBlockDeviceMapping]:
    """Return the volumes that an instance has, as EC2 shows them."""
    return [
        {
            "DeviceName": one.device,
            "Ebs": {
                "VolumeId": volume.id,
                "Status": states.of_attachment(view, volume, one),
                "AttachTime": one.since,
                "DeleteOnTermination": one.delete_on_termination,
            },
        }
        for volume, one in of_instance(view, instance_id)
    ]


def change(call: WriteCall, instance_id: str, wanted: Iterable[Mapping[str, Any]]) -> None:
    """Say of volumes whether they go with their instance."""
    worn = {one.device: (volume, one) for volume, one in of_instance(call.tx, instance_id)}
    for mapping in wanted:
        device = mapping.get("DeviceName") or ""
        ebs: Mapping[str, Any] = mapping.get("Ebs") or {}
        goes: bool | None = ebs.get("DeleteOnTermination")
        if device not in worn and attachments.is_root(device):
            root = [name for name, (_, one) in worn.items() if one.slot == ROOT_SLOT]
            device = root[0] if root else device
        if device not in worn:
            raise errors.InvalidInstanceAttributeValue(f"No device is currently mapped at {device}")
        volume, one = worn[device]
        if goes is None:
            raise errors.MissingParameter("The request must contain Ebs.DeleteOnTermination")
        changed = replace(one, delete_on_termination=goes)
        kept = tuple(changed if it == one else it for it in volume.doc.attachments)
        call.tx.write(volume, replace(volume.doc, attachments=kept))

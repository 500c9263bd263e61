"""What RunInstances asks for, checked whole: every error but those of room and addresses.

`parse` turns a request into a `Launch`; `launch` carries it out. Contradictory parameters are
refused as AWS refuses them, never resolved by guessing.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mallee.aws import errors
from mallee.cloud.action import KeyUse
from mallee.cloud.call import Call, Request
from mallee.cloud.ec2 import keypairs, resources, tagset
from mallee.cloud.ec2.capacity import drawing, instancetypes, placementgroups, tenancies
from mallee.cloud.ec2.images import images
from mallee.cloud.ec2.images.images import ImageRecord
from mallee.cloud.ec2.instances import (
    instanceprofiles,
    launchnetwork,
    launchoptions,
    metadatadefaults,
)
from mallee.cloud.ec2.instances.launchnetwork import Nic
from mallee.cloud.ec2.storage import launchdisks
from mallee.cloud.ec2.vpc.interfaces import privatenames
from mallee.cloud.iam.instanceprofiles import ProfileRecord
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.compute.instances import MetadataOptions
from mallee.model.compute.instancetypes import DEFAULT_NAME, InstanceType
from mallee.model.compute.keypairs import KeyPair
from mallee.model.network.privatenames import PrivateNames

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

HONOURS = (
    launchnetwork.HONOURS
    | launchoptions.HONOURS
    | drawing.HONOURS
    | privatenames.HONOURS
    | launchdisks.HONOURS
    | {
        "DisableApiStop",
        "DisableApiTermination",
        "EbsOptimized",
        "EnclaveOptions.Enabled",
        "HibernationOptions.Configured",
        "IamInstanceProfile.Arn",
        "IamInstanceProfile.Name",
        "ImageId",
        "InstanceInitiatedShutdownBehavior",
        "InstanceType",
        "KernelId",
        "KeyName",
        "LaunchTemplate.LaunchTemplateId",
        "LaunchTemplate.LaunchTemplateName",
        "LaunchTemplate.Version",
        "MaxCount",
        "MetadataOptions",
        "MinCount",
        "Monitoring.Enabled",
        "Placement.Affinity",
        "Placement.AvailabilityZone",
        "Placement.GroupId",
        "Placement.GroupName",
        "Placement.HostId",
        "Placement.PartitionNumber",
        "Placement.Tenancy",
        "RamdiskId",
        "UserData",
    }
)
"""What a launch may ask for; of a launch template the same, as far as it has it."""

MAX_USER_DATA_BYTES = 16384
MAX_INSTANCES = 1000
"""Most instances of one call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A launch that makes sense."""

    count_min: int
    count_max: int
    image: ImageRecord
    kernel_id: str | None
    ramdisk_id: str | None
    type: InstanceType
    vcpus: int
    disks: launchdisks.Disks
    key_pair: Record[KeyPair, None] | None
    user_data: bytes
    nics: tuple[Nic, ...]
    """The first one is what AWS means by the instance's own."""
    shutdown_behavior: str
    api_termination_protected: bool
    api_stop_protected: bool
    metadata: MetadataOptions
    private_names: PrivateNames
    profile: ProfileRecord | None
    spot: placementgroups.Spot | None
    where: tenancies.Where
    preference: drawing.Preference
    auto_recovers: bool
    client_token: str | None
    tags: dict[str, str]
    interface_tags: dict[str, str]
    volume_tags: dict[str, str]


def parse(call: Call, request: shapes.RunInstancesRequest) -> Launch:
    """Check a request for instances; raise AWS's error for the first thing that is wrong."""
    count_min, count_max = _parse_counts(request)
    image = images.launchable(call, _required(request, "ImageId"), "machine")
    kernel_id, ramdisk_id = _parse_boot(call, request, image)
    kind = instancetypes.by_name(resources.reader(call), request.get("InstanceType", DEFAULT_NAME))
    _refuse_what_is_not_there(request)
    launchoptions.check_credits(request, kind)
    maintenance = request.get("MaintenanceOptions") or {}
    nics = launchnetwork.parse(call, request, kind)
    return Launch(
        count_min=count_min,
        count_max=count_max,
        image=image,
        kernel_id=kernel_id,
        ramdisk_id=ramdisk_id,
        type=kind,
        vcpus=launchoptions.cores(request.get("CpuOptions") or {}, kind.name, kind.vcpus),
        disks=launchdisks.parse(call, request, image, kind.disk_gib),
        key_pair=_find_key_pair(call, request),
        user_data=parse_user_data(request.get("UserData", "")),
        nics=nics,
        private_names=privatenames.given(
            request.get("PrivateDnsNameOptions") or {}, nics[0].subnet.doc.private_names
        ),
        shutdown_behavior=request.get("InstanceInitiatedShutdownBehavior", "stop"),
        api_termination_protected=request.get("DisableApiTermination", False),
        api_stop_protected=request.get("DisableApiStop", False),
        metadata=parse_metadata(
            request.get("MetadataOptions") or {}, metadatadefaults.options_of(call)
        ),
        profile=_parse_profile(call, request),
        spot=placementgroups.given(call, request.get("Placement") or {}),
        where=tenancies.parse(call, request.get("Placement") or {}, tenancies.Where()),
        preference=drawing.parse(call, request),
        auto_recovers=launchoptions.auto_recovers(maintenance.get("AutoRecovery", "default")),
        client_token=request.get("ClientToken"),
        tags=tagset.of_new(request, records.INSTANCE.name),
        interface_tags=tagset.of_new(request, records.INTERFACE.name),
        volume_tags=tagset.of_new(request, records.VOLUME.name),
    )


def uses_keys(call: Call, request: shapes.RunInstancesRequest) -> Iterable[KeyUse]:
    """Return what a launch takes of the key store."""
    image = images.launchable(call, _required(request, "ImageId"), "machine")
    return launchdisks.uses_keys(call, request, image)


def _required(request: Request, name: str) -> str:
    if name not in request:
        raise errors.MissingParameter(name)
    return request[name]


def _parse_counts(request: shapes.RunInstancesRequest) -> tuple[int, int]:
    least, most = request["MinCount"], request["MaxCount"]
    for name, value in (("minCount", least), ("maxCount", most)):
        if value < 1:
            raise errors.InvalidParameterValue(
                f"Value ({value}) for parameter {name} is invalid. Expecting a number greater "
                "than 0."
            )
    if least > most:
        raise errors.InvalidParameterValue(
            f"Value ({least}) for parameter minCount is invalid. minCount must not be greater "
            f"than maxCount ({most})."
        )
    if least > MAX_INSTANCES:
        raise errors.InstanceLimitExceeded(
            f"One call launches at most {MAX_INSTANCES} instances; {least} were asked for."
        )
    return least, min(most, MAX_INSTANCES)


def _parse_boot(
    call: Call, request: shapes.RunInstancesRequest, image: ImageRecord
) -> tuple[str | None, str | None]:
    kernel_id = image.doc.kernel_id
    ramdisk_id = image.doc.ramdisk_id
    if "KernelId" in request:
        kernel_id = images.launchable(call, request["KernelId"], "kernel").id
    if "RamdiskId" in request:
        ramdisk_id = images.launchable(call, request["RamdiskId"], "ramdisk").id
    if ramdisk_id is not None and kernel_id is None:
        raise errors.InvalidParameterCombination("A ramdisk needs a kernel: give KernelId too.")
    if image.doc.is_root_file_system and kernel_id is None:
        raise errors.InvalidParameterCombination(
            f"The image {image.id} is a root file system without a boot loader: give KernelId."
        )
    return kernel_id, ramdisk_id


def _refuse_what_is_not_there(request: shapes.RunInstancesRequest) -> None:
    # Clients such as Terraform say of what they do not want that they do not want it.
    if request.get("Monitoring", {}).get("Enabled"):
        raise errors.UnsupportedOperation("Monitoring.Enabled=true is not supported.")
    if request.get("HibernationOptions", {}).get("Configured"):
        raise errors.UnsupportedOperation("HibernationOptions.Configured=true is not supported.")
    if request.get("EnclaveOptions", {}).get("Enabled"):
        raise errors.UnsupportedOperation("EnclaveOptions.Enabled=true is not supported.")
    if request.get("EbsOptimized"):
        raise errors.UnsupportedOperation("EbsOptimized=true is not supported.")


def _find_key_pair(call: Call, request: shapes.RunInstancesRequest) -> Record[KeyPair, None] | None:
    name: str | None = request.get("KeyName")
    if not name:
        return None
    key_pair = keypairs.by_name(resources.reader(call), call.account, name)
    if key_pair is None:
        raise errors.InvalidKeyPairNotFound(name)
    return key_pair


def _parse_profile(call: Call, request: shapes.RunInstancesRequest) -> ProfileRecord | None:
    specification = request.get("IamInstanceProfile")
    return instanceprofiles.given(call, specification) if specification else None


def parse_user_data(text: str) -> bytes:
    """Return user data from Base64; raise for text that is not, and for more than 16 KiB."""
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise errors.InvalidUserDataMalformed("Invalid BASE64 encoding of user data.") from error
    return check_user_data(data)


def check_user_data(data: bytes) -> bytes:
    """Return the user data; raise `InvalidParameterValue` when it is more than 16 KiB."""
    if len(data) > MAX_USER_DATA_BYTES:
        raise errors.InvalidParameterValue(f"User data is limited to {MAX_USER_DATA_BYTES} bytes")
    return data


def parse_metadata(given: Mapping[str, Any], current: MetadataOptions) -> MetadataOptions:
    """Return the options with what is given changed; raise for values out of range."""
    hops: int = given.get("HttpPutResponseHopLimit", current.http_put_response_hop_limit)
    if not 1 <= hops <= 64:
        raise errors.InvalidParameterValue(
            f"Value ({hops}) for parameter HttpPutResponseHopLimit is invalid. It ranges from 1 "
            "to 64."
        )
    return MetadataOptions(
        http_endpoint=given.get("HttpEndpoint", current.http_endpoint),
        http_tokens=given.get("HttpTokens", current.http_tokens),
        http_put_response_hop_limit=hops,
        instance_metadata_tags=given.get("InstanceMetadataTags", current.instance_metadata_tags),
        http_protocol_ipv6=given.get("HttpProtocolIpv6", current.http_protocol_ipv6),
    )

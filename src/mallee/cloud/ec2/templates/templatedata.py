"""What a launch makes of a launch template, and what template an instance would have come from.

`complete` is called by the pipeline before it is asked whether the launch is allowed: policies,
quotas and the handler see the launch whole, as if the caller had written out the template.
What the request says itself goes before what the template says, parameter by parameter.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mallee.cloud.action import Action, Read
from mallee.cloud.call import Call, Request
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.capacity import drawing
from mallee.cloud.ec2.instances import maintenanceoptions
from mallee.cloud.ec2.instances.power import InstanceRecord
from mallee.cloud.ec2.templates import launchtemplates
from mallee.cloud.state import records

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

_IN_A_LAUNCH = {"RamDiskId": "RamdiskId"}
"""Members that a launch writes otherwise than a template."""
TEMPLATE_ID_TAG = "aws:ec2launchtemplate:id"
TEMPLATE_VERSION_TAG = "aws:ec2launchtemplate:version"


def complete(call: Call, request: Request) -> Request:
    """Return the launch with what its template says of it, naming the very version."""
    named: Mapping[str, str] | None = request.get("LaunchTemplate")
    if not named:
        return request
    template = launchtemplates.find(call, named)
    version = launchtemplates.version(call, template, named.get("Version", ""))
    said = {_IN_A_LAUNCH.get(name, name): value for name, value in version.doc.data.items()}
    return {
        **said,
        **request,
        **_tags(said, request),
        "LaunchTemplate": {"LaunchTemplateId": template.id, "Version": str(version.doc.number)},
    }


def _tags(said: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """Join tags by the type of thing: for one type, the request's replace the template's."""
    own: list[Mapping[str, Any]] = list(request.get("TagSpecifications") or ())
    types = {specification.get("ResourceType") for specification in own}
    kept = [one for one in said.get("TagSpecifications") or () if one["ResourceType"] not in types]
    return {"TagSpecifications": [*own, *kept]} if own or kept else {}


def marks(request: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags that say from which version an instance was launched."""
    named: Mapping[str, str] | None = request.get("LaunchTemplate")
    if not named:
        return {}
    return {
        TEMPLATE_ID_TAG: named["LaunchTemplateId"],
        TEMPLATE_VERSION_TAG: named["Version"],
    }


def get_data(
    call: Call, request: shapes.GetLaunchTemplateDataRequest
) -> shapes.GetLaunchTemplateDataResult:
    """Return the data of a template that would launch an instance like this one."""
    record = resources.one(call, records.INSTANCE, request["InstanceId"])
    return {"LaunchTemplateData": _data_of(call, record)}


def _data_of(call: Call, record: InstanceRecord) -> shapes.ResponseLaunchTemplateData:
    doc = record.doc
    options = doc.metadata
    tags = {key: value for key, value in doc.tags.items() if not key.startswith("aws:")}
    return {
        "ImageId": doc.image_id,
        "KernelId": doc.kernel_id,
        "RamDiskId": doc.ramdisk_id,
        "InstanceType": doc.type_name,
        "KeyName": doc.key_name,
        "UserData": base64.b64encode(doc.user_data).decode() if doc.user_data else None,
        "CpuOptions": {"CoreCount": doc.vcpus, "ThreadsPerCore": 1},
        "MaintenanceOptions": {"AutoRecovery": maintenanceoptions.shown(doc)},
        "DisableApiTermination": doc.api_termination_protected,
        "DisableApiStop": doc.api_stop_protected,
        "InstanceInitiatedShutdownBehavior": doc.shutdown_behavior,
        "IamInstanceProfile": {"Arn": doc.profile.profile_arn} if doc.profile else None,
        "Placement": {"AvailabilityZone": doc.zone, "Tenancy": doc.tenancy},
        "CapacityReservationSpecification": drawing.shown(doc),
        "MetadataOptions": {
            "HttpEndpoint": options.http_endpoint,
            "HttpProtocolIpv6": options.http_protocol_ipv6,
            "HttpTokens": options.http_tokens,
            "HttpPutResponseHopLimit": options.http_put_response_hop_limit,
            "InstanceMetadataTags": options.instance_metadata_tags,
        },
        "PrivateDnsNameOptions": {
            "HostnameType": doc.private_names.hostname_type,
            "EnableResourceNameDnsARecord": doc.private_names.a_record,
            "EnableResourceNameDnsAAAARecord": doc.private_names.aaaa_record,
        },
        "NetworkInterfaces": _interfaces_of(call, record),
        "TagSpecifications": [
            {
                "ResourceType": "instance",
                "Tags": [{"Key": key, "Value": tags[key]} for key in sorted(tags)],
            }
        ]
        if tags
        else None,
    }


def _interfaces_of(
    call: Call, record: InstanceRecord
) -> list[shapes.LaunchTemplateInstanceNetworkInterfaceSpecification]:
    found = (call.view.get(records.INTERFACE, id) for id in record.doc.interface_ids)
    return [
        {
            "DeviceIndex": interface.doc.device_index,
            "SubnetId": interface.doc.subnet_id,
            "Groups": list(interface.doc.group_ids),
            "Description": interface.doc.description,
            "DeleteOnTermination": interface.doc.delete_on_termination,
        }
        for interface in found
        if interface is not None
    ]


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="GetLaunchTemplateData",
        does=Read(handle=get_data),
        honours=frozenset({"InstanceId"}),
    ),
)

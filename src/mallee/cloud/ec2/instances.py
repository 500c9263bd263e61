"""Instances as users see them: described, filtered, grouped into reservations.

Called through the action table, and by `launch` to show what it made. A thousand instances are
described in a few milliseconds, because each is encoded once and shown again until it, its
interface or its elastic address changes. Their lives are `launch`'s and `power`'s business.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mallee.aws import codec
from mallee.cloud.action import Action, Listing
from mallee.cloud.call import Call
from mallee.cloud.ec2 import (
    images,
    instancefilters,
    instanceprofiles,
    power,
    resources,
    tagset,
    zones,
)
from mallee.cloud.ec2.power import InstanceRecord
from mallee.cloud.ec2.vpc import interfaces, securitygroups
from mallee.cloud.ec2.vpc.interfaces import InterfaceRecord
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.instances import MetadataOptions, Reason
from mallee.model.networks import Address

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_KEPT = 10_000
"""Most encoded instances that are kept: some 3 KiB each."""

Sources = tuple[InstanceRecord, InterfaceRecord | None, Record[Address, None] | None]

_kept: dict[str, tuple[Sources, codec.Fragment]] = {}


def reservation(call: Call, found: list[InstanceRecord]) -> shapes.Reservation:
    """Return instances of one reservation as the API shows them."""
    return {
        "ReservationId": found[0].doc.reservation_id,
        "OwnerId": found[0].account,
        "Groups": [],
        "Instances": [_encoded(call, record) for record in found],
    }


def _encoded(call: Call, record: InstanceRecord) -> codec.Fragment:
    sources = _sources(call.view, record)
    kept = _kept.get(record.id)
    # Records are immutable: the same objects give the same text.
    if kept is not None and all(was is now for was, now in zip(kept[0], sources, strict=True)):
        return kept[1]
    fragment = codec.for_query_service("ec2").encode_shape("Instance", _render(call, sources))
    if len(_kept) >= MAX_KEPT:
        _kept.clear()
    _kept[record.id] = (sources, fragment)
    return fragment


def _sources(view: store.View | store.Tx, record: InstanceRecord) -> Sources:
    interface = view.get(records.INTERFACE, record.doc.interface_ids[0])
    if interface is None:
        return record, None, None
    return record, interface, interfaces.elastic(view, interface)


def _render(call: Call, sources: Sources) -> shapes.Instance:
    record, interface, _ = sources
    doc = record.doc
    return {
        "InstanceId": record.id,
        "ImageId": doc.image_id,
        "KernelId": doc.kernel_id,
        "RamdiskId": doc.ramdisk_id,
        "InstanceType": doc.type_name,
        "AmiLaunchIndex": doc.launch_index,
        "KeyName": doc.key_name,
        "LaunchTime": doc.launched_at,
        "ClientToken": doc.client_token,
        "State": power.shown(power.state_of(record)),
        "StateReason": _shown_reason(reason_of(record)),
        "StateTransitionReason": doc.transition_reason,
        "Placement": {
            "AvailabilityZone": doc.zone,
            "AvailabilityZoneId": zones.id_of(doc.zone, call.settings.region),
            "GroupName": "",
            "Tenancy": "default",
        },
        "Monitoring": {"State": "disabled"},
        "ProductCodes": [],
        "Architecture": "x86_64",
        "VirtualizationType": "hvm",
        "PlatformDetails": "Linux/UNIX",
        "RootDeviceName": images.ROOT_DEVICE,
        "RootDeviceType": "ebs",
        "BlockDeviceMappings": [],
        "EbsOptimized": False,
        "CpuOptions": {"CoreCount": doc.vcpus, "ThreadsPerCore": 1},
        "HibernationOptions": {"Configured": False},
        "EnclaveOptions": {"Enabled": False},
        "IamInstanceProfile": instanceprofiles.shown_profile(doc.profile),
        "MetadataOptions": shown_metadata(doc.metadata, "applied"),
        "Tags": tagset.shown(doc.tags),
        **_render_network(call, interface),
    }


def reason_of(record: InstanceRecord) -> Reason | None:
    """Return why the instance is in its state: what was wanted, or else what was seen."""
    seen = record.seen
    if record.doc.reason is not None or seen is None:
        return record.doc.reason
    return seen.cause if seen.launch == record.doc.launch else None


def _shown_reason(reason: Reason | None) -> shapes.StateReason | None:
    if reason is None:
        return None
    return {"Code": reason.code, "Message": f"{reason.code}: {reason.message}"}


def shown_metadata(options: MetadataOptions, state: str) -> shapes.InstanceMetadataOptionsResponse:
    """Return the metadata options as the API shows them; `state` is `pending` or `applied`."""
    return {
        "State": state,
        "HttpEndpoint": options.http_endpoint,
        "HttpTokens": options.http_tokens,
        "HttpPutResponseHopLimit": options.http_put_response_hop_limit,
        "HttpProtocolIpv6": "disabled",
        "InstanceMetadataTags": options.instance_metadata_tags,
    }


def _render_network(call: Call, interface: InterfaceRecord | None) -> shapes.Instance:
    """Return what the interface adds; a terminated instance has none."""
    if interface is None:
        return {
            "PrivateDnsName": "",
            "PublicDnsName": "",
            "NetworkInterfaces": [],
            "SecurityGroups": [],
        }
    doc = interface.doc
    dns = interfaces.private_dns_name(call.settings.region, doc.private_ip)
    public = interfaces.association(call, interface)
    association = _shown_association(public)
    groups = securitygroups.identifiers(call.view, doc.group_ids)
    return {
        "PrivateIpAddress": doc.private_ip,
        "PrivateDnsName": dns,
        "PublicIpAddress": public.get("PublicIp") if public else None,
        "PublicDnsName": "",
        "VpcId": doc.vpc_id,
        "SubnetId": doc.subnet_id,
        "SourceDestCheck": True,
        "SecurityGroups": groups,
        "NetworkInterfaces": [
            {
                "NetworkInterfaceId": interface.id,
                "InterfaceType": "interface",
                "Description": doc.description,
                "OwnerId": interface.account,
                "Status": "in-use",
                "MacAddress": doc.mac,
                "VpcId": doc.vpc_id,
                "SubnetId": doc.subnet_id,
                "SourceDestCheck": True,
                "Groups": groups,
                "Ipv6Addresses": [],
                "PrivateIpAddress": doc.private_ip,
                "PrivateDnsName": dns,
                "Association": association,
                "PrivateIpAddresses": [
                    {
                        "PrivateIpAddress": doc.private_ip,
                        "PrivateDnsName": dns,
                        "Primary": True,
                        "Association": association,
                    }
                ],
                "Attachment": {
                    "AttachmentId": interfaces.attachment_id(interface),
                    "AttachTime": doc.attached_at,
                    "DeleteOnTermination": doc.delete_on_termination,
                    "DeviceIndex": doc.device_index,
                    "NetworkCardIndex": 0,
                    "Status": "attached",
                },
            }
        ],
    }


def _shown_association(
    association: shapes.NetworkInterfaceAssociation | None,
) -> shapes.InstanceNetworkInterfaceAssociation | None:
    """Return what an instance shows of its interface's association."""
    if association is None:
        return None
    return {
        "PublicIp": association.get("PublicIp"),
        "PublicDnsName": association.get("PublicDnsName"),
        "IpOwnerId": association.get("IpOwnerId"),
    }


def _find(call: Call, request: shapes.DescribeInstancesRequest) -> Iterable[InstanceRecord]:
    asked: list[str] = request.get("InstanceIds") or []
    if asked:
        return resources.several(call, records.INSTANCE, asked)
    return call.view.list(records.INSTANCE, call.account)


def _reservations(call: Call, found: list[InstanceRecord]) -> list[list[InstanceRecord]]:
    grouped: dict[str, list[InstanceRecord]] = {}
    for record in found:
        grouped.setdefault(record.doc.reservation_id, []).append(record)
    return list(grouped.values())


def page_key(record: InstanceRecord) -> str:
    """Order instances so that those of one reservation stand together."""
    return f"{record.doc.reservation_id}/{record.doc.launch_index:05}/{record.id}"


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeInstances",
        does=Listing(
            find=_find,
            render=reservation,
            member="Reservations",
            filters=instancefilters.FILTERS,
            tags=lambda record: record.doc.tags,
            key=page_key,
            regroup=_reservations,
        ),
        honours=frozenset({"InstanceIds"}),
    ),
)

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
from mallee.cloud.ec2 import kept, resources, tagset, zones
from mallee.cloud.ec2.capacity import drawing
from mallee.cloud.ec2.instances import (
    instancefilters,
    instancenetwork,
    instanceprofiles,
    maintenanceoptions,
    power,
)
from mallee.cloud.ec2.instances.power import InstanceRecord
from mallee.cloud.ec2.storage import mappings
from mallee.cloud.hosts.placing import tenancy
from mallee.cloud.state import index, records, store
from mallee.model.compute.instances import Instance, MetadataOptions, Reason, State
from mallee.model.images import images

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

_kept = kept.Kept("Instance", most_bytes=48 << 20)
"""Each is some 3 KiB."""


def reservation(call: Call, found: list[InstanceRecord]) -> shapes.Reservation:
    """Return instances of one reservation as the API shows them."""
    return {
        "ReservationId": found[0].doc.reservation_id,
        "OwnerId": found[0].account,
        "Groups": [],
        "Instances": [_encoded(call, record) for record in found],
    }


def _encoded(call: Call, record: InstanceRecord) -> codec.Fragment:
    return _kept.get(record.id, _sources(call.view, record), lambda: _render(call, record))


def _sources(view: store.View | store.Tx, record: InstanceRecord) -> kept.Sources:
    own = instancenetwork.interfaces_of(view, record.doc)
    addresses = (
        address for one in own for address in view.by(records.ADDRESS, "interface", one.id)
    )
    volumes = view.by(records.VOLUME, "instance", record.id)
    return (record, *own, *addresses, *volumes, view.get(records.VPC, record.doc.vpc_id))


def _render(call: Call, record: InstanceRecord) -> shapes.Instance:
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
        "Placement": _shown_place(call, doc),
        "Monitoring": {"State": "disabled"},
        "ProductCodes": [],
        "Architecture": "x86_64",
        "VirtualizationType": "hvm",
        "PlatformDetails": "Linux/UNIX",
        "RootDeviceName": doc.root_device or images.ROOT_DEVICE,
        "RootDeviceType": images.EBS if doc.root_device else images.INSTANCE_STORE,
        "BlockDeviceMappings": mappings.shown(resources.reader(call), record.id),
        "EbsOptimized": False,
        "EnaSupport": False,
        "CurrentInstanceBootMode": instancefilters.BOOT_MODE,
        "CpuOptions": {"CoreCount": doc.vcpus, "ThreadsPerCore": 1},
        "CapacityReservationId": _reservation_of(record),
        "CapacityReservationSpecification": drawing.shown(doc),
        "MaintenanceOptions": {"AutoRecovery": maintenanceoptions.shown(doc)},
        "HibernationOptions": {"Configured": False},
        "EnclaveOptions": {"Enabled": False},
        "IamInstanceProfile": instanceprofiles.shown_profile(doc.profile),
        "MetadataOptions": shown_metadata(doc.metadata, "applied"),
        "PrivateDnsNameOptions": {
            "HostnameType": doc.private_names.hostname_type,
            "EnableResourceNameDnsARecord": doc.private_names.a_record,
            "EnableResourceNameDnsAAAARecord": doc.private_names.aaaa_record,
        },
        "Tags": tagset.shown(doc.tags),
        **instancenetwork.render(call, instancenetwork.interfaces_of(resources.reader(call), doc)),
    }


def _shown_place(call: Call, doc: Instance) -> shapes.Placement:
    """Return where an instance is, and in which placement group; one in use is never deleted."""
    where: shapes.Placement = {
        "AvailabilityZone": doc.zone,
        "AvailabilityZoneId": zones.id_of(doc.zone, call.settings.region),
        "GroupName": "",
        "Tenancy": doc.tenancy,
    }
    if doc.tenancy == tenancy.HOST:
        where = {**where, "HostId": doc.dedicated_host_id, "Affinity": doc.affinity}
    group = resources.reader(call).get(records.PLACEMENT_GROUP, doc.placement_group_id)
    if group is not None:
        where = {**where, "GroupName": group.doc.name, "GroupId": group.id}
        if doc.partition:
            where["PartitionNumber"] = doc.partition
    return where


def _reservation_of(record: InstanceRecord) -> str | None:
    """Return the capacity reservation in which it runs; off, it is in none."""
    is_off = power.state_of(record) in (State.STOPPED, State.TERMINATED)
    return None if is_off else record.doc.capacity_reservation_id or None


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
        "HttpProtocolIpv6": options.http_protocol_ipv6,
        "InstanceMetadataTags": options.instance_metadata_tags,
    }


def _find(call: Call, request: shapes.DescribeInstancesRequest) -> Iterable[InstanceRecord]:
    asked: list[str] = request.get("InstanceIds") or []
    if asked:
        return resources.several(call, records.INSTANCE, asked)
    return call.view.ordered(records.INSTANCE, call.account)


def _reservations(call: Call, found: list[InstanceRecord]) -> list[list[InstanceRecord]]:
    grouped: dict[str, list[InstanceRecord]] = {}
    for record in found:
        grouped.setdefault(record.doc.reservation_id, []).append(record)
    return list(grouped.values())


def page_key(record: InstanceRecord) -> str:
    """Order instances so that those of one reservation stand together."""
    return index.order_key(record)


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

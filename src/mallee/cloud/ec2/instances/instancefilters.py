"""The filters of DescribeInstances: for each name the values that an instance has under it.

Called by `instances`; DescribeInstanceStatus takes some of them. How patterns match is the
pipeline's business.
"""

import datetime
from collections.abc import Callable, Iterable

from mallee.cloud.call import Call
from mallee.cloud.ec2 import zones
from mallee.cloud.ec2.instances import instancenetwork, maintenanceoptions, power
from mallee.cloud.ec2.instances.power import InstanceRecord
from mallee.cloud.ec2.vpc.interfaces import interfacelisting
from mallee.cloud.state import records
from mallee.model.compute.instances import Instance, State
from mallee.model.images import images
from mallee.model.network.networks import Interface

Filter = Callable[[Call, InstanceRecord], Iterable[str]]

BOOT_MODE = "legacy-bios"
"""How every guest begins: by a BIOS, or without one by its kernel."""


def _of(value: Callable[[Instance], str | None]) -> Filter:
    """Return a filter by something in the instance's document."""

    def values(call: Call, record: InstanceRecord) -> Iterable[str]:
        found = value(record.doc)
        return () if found is None else (found,)

    return values


def _always(value: str) -> Filter:
    """Return a filter by what is the same for every instance here."""
    return lambda call, record: (value,)


def _of_interfaces(name: str, most: int | None = None) -> Filter:
    """Return the filter of that name of DescribeNetworkInterfaces, for those that it has."""
    values_of = interfacelisting.FILTERS[name]

    def values(call: Call, record: InstanceRecord) -> Iterable[str]:
        own = instancenetwork.interfaces_of(call.view, record.doc)[:most]
        return [value for one in own for value in values_of(call, one)]

    return values


def _of_interface(name: str) -> Filter:
    """Return the filter of that name of DescribeNetworkInterfaces, for the first that it has."""
    return _of_interfaces(name, 1)


def _of_each(value: Callable[[Interface], Iterable[str]]) -> Filter:
    """Return a filter by something in the documents of its interfaces."""

    def values(call: Call, record: InstanceRecord) -> Iterable[str]:
        own = instancenetwork.interfaces_of(call.view, record.doc)
        return [found for one in own for found in value(one.doc)]

    return values


def _never(call: Call, record: InstanceRecord) -> Iterable[str]:
    """Give nothing: no instance here has any such thing."""
    return ()


def _launch_time(record: InstanceRecord) -> str:
    when = datetime.datetime.fromtimestamp(record.doc.launched_at, datetime.UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.000Z"


def _placement_group(call: Call, record: InstanceRecord) -> Iterable[str]:
    group = call.view.get(records.PLACEMENT_GROUP, record.doc.placement_group_id)
    return (group.doc.name,) if group else ()


def _reason_code(call: Call, record: InstanceRecord) -> Iterable[str]:
    return (record.doc.reason.code,) if record.doc.reason else ()


def _reason_message(call: Call, record: InstanceRecord) -> Iterable[str]:
    reason = record.doc.reason
    return (f"{reason.code}: {reason.message}",) if reason else ()


STATE: dict[str, Filter] = {
    "instance-state-code": lambda call, record: (str(power.state_of(record).code),),
    "instance-state-name": lambda call, record: (power.state_of(record).label,),
}

_NOT_OF_INSTANCES = frozenset(
    {"addresses.association.owner-id", "availability-zone-id", "interface-type"}
)
_INTERFACE_FILTERS = interfacelisting.FILTERS.keys() - _NOT_OF_INSTANCES
"""Those of DescribeNetworkInterfaces that instances are found by too."""

OPERATED: dict[str, Filter] = {
    "operator.managed": _always("false"),
    "operator.principal": _never,
}
"""Of services of AWS that launch instances for their users; there are none here."""

_NOT_HERE: dict[str, Filter] = dict.fromkeys(
    (
        "boot-mode",
        "capacity-reservation-specification.capacity-reservation-target"
        ".capacity-reservation-resource-group-arn",
        "instance-lifecycle",
        "network-interface.addresses.association.carrier-ip",
        "network-interface.addresses.association.customer-owned-ip",
        "network-interface.association.carrier-ip",
        "network-interface.association.customer-owned-ip",
        "network-interface.outpost-arn",
        "outpost-arn",
        "platform",
        "product-code",
        "product-code.type",
        "requester-id",
        "spot-instance-request-id",
        "tpm-support",
    ),
    _never,
)
"""By what AWS's instances may have, and none here does: Windows, a spot request, a product code."""

_OF_THEIR_INTERFACES: dict[str, Filter] = {
    "network-interface.attachment.network-card-index": _of_each(lambda doc: ("0",)),
    "network-interface.ipv4-prefixes.ipv4-prefix": _of_each(lambda doc: doc.prefixes),
    "network-interface.ipv6-addresses.is-primary-ipv6": _of_each(
        lambda doc: ("false",) if doc.ipv6s else ()
    ),
    "network-interface.ipv6-native": _of_each(lambda doc: ("false",)),
    "network-interface.ipv6-prefixes.ipv6-prefix": _of_each(lambda doc: doc.prefixes6),
    "network-interface.public-dns-name": _of_interfaces("association.public-dns-name"),
    "network-interface.tag-key": _of_each(lambda doc: doc.tags.keys()),
    "network-interface.tag-value": _of_each(lambda doc: doc.tags.values()),
}

_OFF = (State.STOPPED, State.TERMINATED)
"""States in which an instance is in no capacity reservation."""

FILTERS: dict[str, Filter] = {
    **STATE,
    **OPERATED,
    **_NOT_HERE,
    **_OF_THEIR_INTERFACES,
    "current-instance-boot-mode": _always(BOOT_MODE),
    "ebs-optimized": _always("false"),
    "ena-support": _always("false"),
    "enclave-options.enabled": _always("false"),
    "metadata-options.http-protocol-ipv4": _of(lambda doc: doc.metadata.http_endpoint),
    "metadata-options.http-protocol-ipv6": _of(lambda doc: doc.metadata.http_protocol_ipv6),
    "metadata-options.state": _always("applied"),
    "state-reason-message": _reason_message,
    "affinity": _of(lambda doc: doc.affinity),
    "architecture": _always("x86_64"),
    "availability-zone": _of(lambda doc: doc.zone),
    "availability-zone-id": lambda call, record: (
        zones.id_of(record.doc.zone, call.settings.region),
    ),
    "client-token": _of(lambda doc: doc.client_token),
    "dns-name": _always(""),
    "hibernation-options.configured": _always("false"),
    "iam-instance-profile.arn": _of(lambda doc: doc.profile and doc.profile.profile_arn),
    "iam-instance-profile.id": _of(lambda doc: doc.profile and doc.profile.profile_id),
    "iam-instance-profile.name": _of(
        lambda doc: doc.profile and doc.profile.profile_arn.rpartition("/")[2]
    ),
    "image-id": _of(lambda doc: doc.image_id),
    "instance-id": lambda call, record: (record.id,),
    "instance-type": _of(lambda doc: doc.type_name),
    "instance.group-id": _of_interface("group-id"),
    "instance.group-name": _of_interface("group-name"),
    "ip-address": _of_interface("association.public-ip"),
    "kernel-id": _of(lambda doc: doc.kernel_id),
    "key-name": _of(lambda doc: doc.key_name),
    "launch-index": _of(lambda doc: str(doc.launch_index)),
    "placement-group-name": _placement_group,
    "placement-partition-number": lambda call, record: (
        (str(record.doc.partition),) if record.doc.partition else ()
    ),
    "launch-time": lambda call, record: (_launch_time(record),),
    "maintenance-options.auto-recovery": _of(maintenanceoptions.shown),
    "metadata-options.http-endpoint": _of(lambda doc: doc.metadata.http_endpoint),
    "metadata-options.http-put-response-hop-limit": _of(
        lambda doc: str(doc.metadata.http_put_response_hop_limit)
    ),
    "metadata-options.http-tokens": _of(lambda doc: doc.metadata.http_tokens),
    "metadata-options.instance-metadata-tags": _of(lambda doc: doc.metadata.instance_metadata_tags),
    "monitoring-state": _always("disabled"),
    "owner-id": lambda call, record: (record.account,),
    "platform-details": _always("Linux/UNIX"),
    "private-dns-name": _of_interface("private-dns-name"),
    "private-ip-address": _of_interface("private-ip-address"),
    "ramdisk-id": _of(lambda doc: doc.ramdisk_id),
    "reason": _of(lambda doc: doc.transition_reason),
    "reservation-id": _of(lambda doc: doc.reservation_id),
    "root-device-name": _of(lambda doc: doc.root_device or images.ROOT_DEVICE),
    "root-device-type": _of(lambda doc: images.EBS if doc.root_device else images.INSTANCE_STORE),
    "source-dest-check": _always("true"),
    "state-reason-code": _reason_code,
    "subnet-id": _of(lambda doc: doc.subnet_id),
    "tenancy": _of(lambda doc: doc.tenancy),
    "host-id": _of(lambda doc: doc.dedicated_host_id or None),
    "capacity-reservation-id": lambda call, record: (
        () if power.state_of(record) in _OFF else (record.doc.capacity_reservation_id,)
    ),
    "capacity-reservation-specification.capacity-reservation-preference": _of(
        lambda doc: None if doc.reservation_target else doc.reservation_preference
    ),
    "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id": _of(
        lambda doc: doc.reservation_target or None
    ),
    "virtualization-type": _always("hvm"),
    "vpc-id": _of(lambda doc: doc.vpc_id),
    "ipv6-address": _of_interfaces("ipv6-addresses.ipv6-address"),
    "network-interface.addresses.association.allocation-id": _of_interfaces(
        "association.allocation-id"
    ),
    "network-interface.addresses.association.association-id": _of_interfaces(
        "association.association-id"
    ),
    "network-interface.addresses.association.public-dns-name": _of_interfaces(
        "association.public-dns-name"
    ),
    "network-interface.addresses.private-dns-name": _of_interfaces("private-dns-name"),
    "network-interface.ipv6-address": _of_interfaces("ipv6-addresses.ipv6-address"),
    "network-interface.addresses.association.ip-owner-id": _of_interfaces(
        "association.ip-owner-id"
    ),
    **{f"network-interface.{name}": _of_interfaces(name) for name in _INTERFACE_FILTERS},
}

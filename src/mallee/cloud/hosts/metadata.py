"""What the metadata service tells an instance about itself: paths below `/latest/`, with values.

The paths are AWS's present ones and Eucalyptus', as far as they have a value here; directories
follow from them. A path that ends in `/` sets the listing of that directory where AWS's is not
simply the names in it. `slices` calls it; hosts serve it, the same under every older version.
"""

import datetime
import json
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from mallee.cloud.ec2 import zones
from mallee.model.compute.events import Event, Outcome
from mallee.model.compute.instances import Instance
from mallee.model.compute.placementgroups import PlacementGroup
from mallee.model.hosts import hosts
from mallee.model.images.images import ROOT_DEVICE, Image
from mallee.model.network.networks import Subnet, Vpc

PARTITION = "aws"
"""The partition of all our ARNs."""

_DOCUMENT_VERSION = "2017-09-30"


class InterfaceFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An interface of the instance, with what is told of its surroundings."""

    id: str
    device_index: int
    mac: str
    private_ip: str
    private_name: str
    """What the guest is called, with its domain."""
    public_ip: str | None
    public_name: str = ""
    secondary: tuple[str, ...] = ()
    public_ips: tuple[tuple[str, str], ...] = ()
    """(private, public) of each address that has a public one."""
    ipv6s: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    prefixes6: tuple[str, ...] = ()
    groups: tuple[tuple[str, str], ...]
    """(id, name) of each security group."""
    subnet: Subnet
    vpc: Vpc


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that an instance's metadata follows from."""

    account: str
    region: str
    instance: Instance
    image: Image
    interfaces: tuple[InterfaceFacts, ...]
    """By device index; the first is the primary one."""
    events: tuple[Event, ...] = ()
    """What is scheduled for the instance, and what was lately."""
    group: PlacementGroup | None = None
    """The placement group that it is in."""
    devices: tuple[str, ...] = ()
    """What its user calls its volumes."""
    signer_chain: str = ""
    """Certificates by which the guest checks SSH keys that are pushed to it; empty: none."""


def paths(facts: Facts) -> dict[str, str]:
    """Return every path with its value."""
    told = {f"meta-data/{path}": value for path, value in _meta_data(facts)}
    told["dynamic/fws/instance-monitoring"] = "disabled"
    told["dynamic/instance-identity/document"] = identity_document(facts)
    return told


def identity_document(facts: Facts) -> str:
    """Return the instance identity document, JSON with AWS's keys."""
    instance = facts.instance
    launched = datetime.datetime.fromtimestamp(instance.launched_at, datetime.UTC)
    primary = facts.interfaces[0] if facts.interfaces else None
    document = {
        "accountId": facts.account,
        "architecture": facts.image.architecture,
        "availabilityZone": instance.zone,
        "billingProducts": None,
        "devpayProductCodes": None,
        "marketplaceProductCodes": None,
        "imageId": instance.image_id,
        "instanceId": instance.id,
        "instanceType": instance.type_name,
        "kernelId": instance.kernel_id,
        "pendingTime": launched.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "privateIp": primary.private_ip if primary else None,
        "ramdiskId": instance.ramdisk_id,
        "region": facts.region,
        "version": _DOCUMENT_VERSION,
    }
    return json.dumps(document, indent=2, separators=(",", " : "))


def _meta_data(facts: Facts) -> Iterator[tuple[str, str]]:
    yield from _identity(facts)
    yield from _boot(facts)
    yield from _placement(facts)
    if facts.interfaces:
        yield from _primary_interface(facts, facts.interfaces[0])
    for interface in facts.interfaces:
        prefix = f"network/interfaces/macs/{interface.mac}"
        for path, value in _interface(facts, interface):
            yield f"{prefix}/{path}", value
    yield from _events(facts)
    if facts.signer_chain:
        yield "managed-ssh-keys/signer-cert", facts.signer_chain
    yield "services/domain", hosts.SERVICES_DOMAIN
    yield "services/endpoint", f"http://{hosts.GUESTS_ADDRESS}:{hosts.GUESTS_API_PORT}"
    yield "services/partition", PARTITION
    if facts.instance.metadata.instance_metadata_tags == "enabled":
        for key, value in facts.instance.tags.items():
            yield f"tags/instance/{key}", value


def _identity(facts: Facts) -> Iterator[tuple[str, str]]:
    instance = facts.instance
    yield "ami-id", instance.image_id
    yield "ami-launch-index", str(instance.launch_index)
    yield "ami-manifest-path", facts.image.location or "(unknown)"
    yield "instance-id", instance.id
    yield "instance-type", instance.type_name
    yield "instance-action", "none"
    yield "instance-life-cycle", "on-demand"
    yield "reservation-id", instance.reservation_id
    yield "profile", "default-hvm"
    yield "hibernation/configured", "false"
    if instance.public_key is not None:
        yield "public-keys/", f"0={instance.key_name}"
        yield "public-keys/0/openssh-key", instance.public_key


def _boot(facts: Facts) -> Iterator[tuple[str, str]]:
    instance = facts.instance
    if instance.kernel_id is not None:
        yield "kernel-id", instance.kernel_id
    if instance.ramdisk_id is not None:
        yield "ramdisk-id", instance.ramdisk_id
    # As the image calls it, like all devices; where nothing is said, as the guest does.
    device = instance.root_device or ROOT_DEVICE
    has_parts = device == ROOT_DEVICE and not facts.image.is_root_file_system
    root = f"{device}1" if has_parts else device
    yield "block-device-mapping/ami", device.removeprefix("/dev/")
    yield "block-device-mapping/emi", device.removeprefix("/dev/")
    yield "block-device-mapping/root", root
    for number, device in enumerate(facts.devices, start=1):
        yield f"block-device-mapping/ebs{number}", device.removeprefix("/dev/")


def _events(facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield what is scheduled for the instance as AWS has it: two lists, never absent."""
    told = sorted(facts.events, key=lambda one: (one.not_before, one.id))
    scheduled = [_event(one) for one in told if one.outcome is Outcome.OPEN]
    history = [_event(one) for one in told if one.outcome is not Outcome.OPEN]
    yield "events/maintenance/scheduled", json.dumps(scheduled, indent=2)
    yield "events/maintenance/history", json.dumps(history, indent=2)


def _event(event: Event) -> dict[str, str]:
    word = event.outcome.value
    return {
        "NotBefore": _moment(event.not_before),
        "Code": event.code.value,
        "Description": f"[{word}] {event.description}" if word else event.description,
        "EventId": event.id,
        **({} if event.not_after is None else {"NotAfter": _moment(event.not_after)}),
        "State": word.lower() or "active",
    }


def _moment(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime("%d %b %Y %H:%M:%S GMT")


def _placement(facts: Facts) -> Iterator[tuple[str, str]]:
    if facts.group is not None:
        yield "placement/group-name", facts.group.name
        if facts.instance.partition:
            yield "placement/partition-number", str(facts.instance.partition)
    yield "placement/availability-zone", facts.instance.zone
    yield "placement/availability-zone-id", zones.id_of(facts.instance.zone, facts.region)
    yield "placement/region", facts.region


def _primary_interface(facts: Facts, primary: InterfaceFacts) -> Iterator[tuple[str, str]]:
    yield "hostname", primary.private_name
    yield "local-hostname", primary.private_name
    yield "local-ipv4", primary.private_ip
    yield "mac", primary.mac
    yield "security-groups", "\n".join(name for _, name in primary.groups)
    if primary.ipv6s:
        yield "ipv6", primary.ipv6s[0]
    if primary.public_ip is not None:
        yield "public-hostname", primary.public_name or primary.public_ip
        yield "public-ipv4", primary.public_ip


def _more(interface: InterfaceFacts) -> Iterator[tuple[str, str]]:
    """Yield what only interfaces with prefixes or IPv6 have."""
    v6 = [block.cidr for block in interface.subnet.ipv6_cidrs]
    told = (
        ("ipv4-prefix", interface.prefixes),
        ("ipv6s", interface.ipv6s),
        ("ipv6-prefix", interface.prefixes6),
        ("subnet-ipv6-cidr-blocks", tuple(v6)),
        ("vpc-ipv6-cidr-blocks", tuple(block.cidr for block in interface.vpc.ipv6_cidrs)),
    )
    for path, values in told:
        if values:
            yield path, "\n".join(values)


def _interface(facts: Facts, interface: InterfaceFacts) -> Iterator[tuple[str, str]]:
    yield "device-number", str(interface.device_index)
    yield "network-card", "0"
    yield "interface-id", interface.id
    yield "local-hostname", interface.private_name
    yield "local-ipv4s", "\n".join((interface.private_ip, *interface.secondary))
    yield from _more(interface)
    yield "mac", interface.mac
    yield "owner-id", facts.account
    yield "security-groups", "\n".join(name for _, name in interface.groups)
    yield "security-group-ids", "\n".join(id for id, _ in interface.groups)
    yield "subnet-id", interface.subnet.id
    yield "subnet-ipv4-cidr-block", interface.subnet.cidr
    yield "vpc-id", interface.vpc.id
    yield "vpc-ipv4-cidr-block", interface.vpc.cidr
    yield "vpc-ipv4-cidr-blocks", "\n".join(interface.vpc.cidrs)
    for private, public in interface.public_ips:
        yield f"ipv4-associations/{public}", private
    if interface.public_ip is not None:
        yield "public-hostname", interface.public_name or interface.public_ip
        yield "public-ipv4s", interface.public_ip

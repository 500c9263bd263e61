"""Quotas: what can be limited per account and user, and how much of it a thing uses.

A *quota key* is Eucalyptus' name of something countable (`ec2:quota-vminstancenumber`); policies
with `"Effect": "Limit"` give it a value. What a record uses of which keys is a function here, per
kind (`state.records.USES` says which), so that usage is never stored: it follows from what there
is. Who sums it is the store's business (`state.usage`), who refuses `cloud.quotas`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mallee.model.compute.capacityreservations import CapacityReservation
from mallee.model.compute.instances import Instance, InstanceSeen, Phase, Power, phase_of
from mallee.model.images.images import Image
from mallee.model.storage.transfers import Task
from mallee.model.storage.volumes import Volume


@dataclass(frozen=True, slots=True)
class Key:
    """Something that can be limited."""

    means: str
    """What is counted, in words."""
    unit: str = ""
    """`MiB` or `GiB`; empty for a number of things."""
    is_counted: bool = True
    """Whether there is something to count; else its service is not part of this cloud yet, and a
    limit is kept until it is."""
    is_of_users: bool = False
    """Whether a user's own policies may limit what he made; others are of accounts alone."""
    is_of_zones: bool = False
    """Whether a limit may be narrowed to a zone."""
    ceiling: int | None = None
    """The most there may be of it where no policy says anything: AWS's own quota."""


def _instances(means: str, unit: str = "") -> Key:
    return Key(means, unit, is_of_users=True, is_of_zones=True)


def _later(means: str, unit: str = "") -> Key:
    return Key(means, unit, is_counted=False, is_of_users=True)


def _of_account(means: str, ceiling: int | None = None) -> Key:
    return Key(means, ceiling=ceiling)


INSTANCES = "ec2:quota-vminstancenumber"
ACTIVE_INSTANCES = "ec2:quota-vminstanceactivenumber"
VCPUS = "ec2:quota-cputotalsize"
MEMORY = "ec2:quota-memorytotalsize"
DISK = "ec2:quota-disktotalsize"
IMAGES = "ec2:quota-imagenumber"
SNAPSHOTS = "ec2:quota-snapshotnumber"
VOLUMES = "ec2:quota-volumenumber"
VOLUMES_SIZE = "ec2:quota-volumetotalsize"
ADDRESSES = "ec2:quota-addressnumber"
SECURITY_GROUPS = "ec2:quota-securitygroupnumber"
INTERFACES = "ec2:quota-networkinterfacenumber"
ADDRESS_BLOCKS = "ec2:quota-addressblocknumber"
"""Counted where they are claimed (`cloud.modes.addresses`): they are no records."""
VPCS = "ec2:quota-vpcnumber"
INTERNET_GATEWAYS = "ec2:quota-internetgatewaynumber"
KEY_PAIRS = "ec2:quota-keypairnumber"
BUCKETS = "s3:quota-bucketnumber"
BUCKET_OBJECTS = "s3:quota-bucketobjectnumber"
"""Former versions and delete markers count too."""
BUCKET_SIZE = "s3:quota-bucketsize"
BUCKETS_SIZE = "s3:quota-buckettotalsize"
OF_OBJECTS = frozenset({BUCKET_OBJECTS, BUCKET_SIZE, BUCKETS_SIZE})
"""What the object store counts, in its own commits (`cloud.s3.allowances`)."""
USERS = "iam:quota-usernumber"
GROUPS = "iam:quota-groupnumber"
ROLES = "iam:quota-rolenumber"
INSTANCE_PROFILES = "iam:quota-instanceprofilenumber"
SERVER_CERTIFICATES = "iam:quota-servercertificatenumber"
OIDC_PROVIDERS = "iam:quota-openidconnectprovidernumber"
STORED_KEYS = "kms:quota-keynumber"
POLICIES = "iam:quota-policynumber"

KEYS: Mapping[str, Key] = {
    INSTANCES: _instances("instances that are not terminated"),
    ACTIVE_INSTANCES: _instances("instances that are neither stopped nor terminated"),
    VCPUS: _instances("virtual processors of active instances"),
    MEMORY: _instances("memory of active instances", "MiB"),
    DISK: _instances("root disks of instances that are not terminated", "GiB"),
    IMAGES: Key("images", is_of_users=True),
    VOLUMES: _instances("volumes"),
    VOLUMES_SIZE: _instances("size of all volumes", "GiB"),
    SNAPSHOTS: Key("snapshots", is_of_users=True),
    ADDRESSES: Key("elastic addresses", is_of_users=True),
    SECURITY_GROUPS: Key("security groups", is_of_users=True, ceiling=2500),
    # Eucalyptus had no limit for them; each has an address of what all accounts may share.
    INTERFACES: _of_account("network interfaces", 5000),
    # A VLAN goes with each, of what all accounts share.
    ADDRESS_BLOCKS: _of_account("networks of security groups in the managed modes", 256),
    VPCS: _of_account("VPCs", 5),
    INTERNET_GATEWAYS: Key("internet gateways", is_of_users=True, ceiling=5),
    "ec2:quota-launchtemplatenumber": _later("launch templates"),
    # Eucalyptus had no limit for them.
    KEY_PAIRS: Key("key pairs", is_of_users=True, ceiling=5000),
    BUCKETS: Key("buckets", is_of_users=True, ceiling=10_000),
    BUCKET_OBJECTS: Key("objects of a bucket", is_of_users=True),
    BUCKET_SIZE: Key("size of a bucket", "MiB", is_of_users=True),
    BUCKETS_SIZE: Key("size of all buckets", "MiB", is_of_users=True),
    USERS: _of_account("users", 5000),
    GROUPS: _of_account("groups", 300),
    ROLES: _of_account("roles", 1000),
    INSTANCE_PROFILES: _of_account("instance profiles", 1000),
    SERVER_CERTIFICATES: _of_account("server certificates", 20),
    OIDC_PROVIDERS: _of_account("OpenID Connect providers", 100),
    STORED_KEYS: _of_account("keys of the key store", 100_000),
    POLICIES: _of_account("managed policies", 1500),
    "autoscaling:quota-autoscalinggroupnumber": _later("Auto Scaling groups"),
    "autoscaling:quota-launchconfigurationnumber": _later("launch configurations"),
    "autoscaling:quota-scalingpolicynumber": _later("scaling policies"),
    "cloudformation:quota-stacknumber": _later("stacks"),
    "elasticloadbalancing:quota-loadbalancernumber": _later("classic load balancers"),
    "elb:quota-loadbalancerv2number": _later("load balancers"),
    "elb:quota-targetgroupnumber": _later("target groups"),
    "route53:quota-hostedzonenumber": _later("hosted zones"),
    "sqs:quota-queuenumber": _later("queues"),
    "swf:quota-domainnumber": _later("workflow domains"),
}
"""Every key that a Limit may name: Eucalyptus' own, and two more."""


class Share(NamedTuple):
    """Whose part of an account's usage it is; all of it where nothing is said."""

    zone: str | None = None
    """What is in that zone; None: wherever it is."""
    maker: str | None = None
    """What the user or role of that id made; None: whoever made it."""


ALL = Share()


class Use(NamedTuple):
    """What one thing uses."""

    zone: str
    """Where it is; empty for what is in no zone."""
    maker: str
    """Id of the user or role that made it; empty for what nobody in particular made."""
    amounts: tuple[tuple[str, int], ...]
    """Amount by quota key."""

    @property
    def shares(self) -> tuple[Share, ...]:
        """The shares that it is part of."""
        zone, maker = self.zone, self.maker
        if not maker:
            return (ALL, Share(zone)) if zone else (ALL,)
        if not zone:
            return (ALL, Share(None, maker))
        return (ALL, Share(zone), Share(None, maker), Share(zone, maker))


NOTHING = Use("", "", ())
_AT_REST = frozenset({Phase.OFF, Phase.FAILED, Phase.GONE})
"""Phases in which a guest that shall not run does not."""


class Size(NamedTuple):
    """How large an instance is."""

    vcpus: int
    memory_mib: int
    disk_gib: int


def of_new_instance(zone: str, maker: str, size: Size) -> Use:
    """Return what an instance of that size will use."""
    running = ((ACTIVE_INSTANCES, 1), (VCPUS, size.vcpus), (MEMORY, size.memory_mib))
    return Use(zone, maker, ((INSTANCES, 1), (DISK, size.disk_gib), *running))


def of_instance(doc: Instance, seen: InstanceSeen | None) -> Use:
    """Return what an instance uses: all until it is off, its disk until it is gone."""
    if doc.gone_at is not None:
        return NOTHING
    if doc.power is not Power.RUNNING and phase_of(doc, seen) in _AT_REST:
        return Use(doc.zone, doc.made_by, ((INSTANCES, 1), (DISK, doc.disk_gib)))
    size = Size(doc.vcpus, doc.memory_mib, doc.disk_gib)
    return of_new_instance(doc.zone, doc.made_by, size)


RESERVED = frozenset({VCPUS, MEMORY, DISK})
"""What a capacity reservation uses for instances that are not there."""


def of_reservation(doc: CapacityReservation, _seen: object) -> Use:
    """Return what a capacity reservation uses: what is unused of it, as if instances ran there."""
    free = doc.available
    sizes = ((VCPUS, doc.vcpus), (MEMORY, doc.memory_mib), (DISK, doc.disk_gib))
    return Use(doc.zone, doc.made_by, tuple((key, free * size) for key, size in sizes))


def one(key: str) -> Callable[[Any, Any], Use]:
    """Return the measure of a kind whose every thing counts once, whoever made it."""
    use = Use("", "", ((key, 1),))
    return lambda doc, seen: use


def one_made(key: str) -> Callable[[Any, Any], Use]:
    """Return the measure of a kind whose every thing counts once, and for who made it."""
    amounts = ((key, 1),)
    return lambda doc, seen: Use("", doc.made_by, amounts)


def of_volume(doc: Volume, _seen: object) -> Use:
    """Return what a volume uses, until nothing of it is left."""
    return Use(doc.zone, doc.made_by, ((VOLUMES, 1), (VOLUMES_SIZE, doc.size_gib)))


def of_import(doc: Task, _seen: object) -> Use:
    """Return what an import uses: what it will make, until that is there."""
    if doc.ended_at is not None:
        return NOTHING
    disks = sum(not disk.snapshot_id for disk in doc.disks)
    made = ((IMAGES, 1),) if doc.id.startswith("import-ami-") else ()
    return Use("", doc.made_by, ((SNAPSHOTS, disks), *made))


def of_conversion(doc: Task, _seen: object) -> Use:
    """Return what an import of volumes uses: those that it will make, until they are there."""
    if doc.ended_at is not None:
        return NOTHING
    size_gib = sum(disk.volume_gib for disk in doc.disks)
    return Use(doc.zone, doc.made_by, ((VOLUMES, len(doc.disks)), (VOLUMES_SIZE, size_gib)))


def of_image(doc: Image, _seen: object) -> Use:
    """Return what an image uses; one that is deregistered is only a memory."""
    return Use("", doc.made_by, ((IMAGES, 1),)) if doc.state != "deregistered" else NOTHING

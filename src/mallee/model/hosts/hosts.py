"""A host, what it can carry, and the slice of the cloud that its agent is told.

`HostWanted` is the whole truth for one host at one generation: applying it twice is applying it
once, and an older generation than the last is refused. The agent answers with `HostSeen`.
These are the only types that cross between the cloud and an agent (as JSON, by msgspec).
"""

import msgspec

from mallee.model.compute.instances import InstanceSeen, MetadataOptions, Power
from mallee.model.compute.migrations import ComingWanted, GoingWanted
from mallee.model.hosts.cpus import Cpu
from mallee.model.hosts.standing import ALL_ROLES, Role, Standing
from mallee.model.images.images import Blob, DirectBoot
from mallee.model.network.carried import (
    AclWanted,
    AddressWanted,
    AttachmentWanted,
    DhcpWanted,
    EndpointWanted,
    FarWanted,
    NatGatewayWanted,
    PeeringWanted,
    PeerWanted,
    PublicAccess,
    RouteTableWanted,
    Speed,
    TransitGatewayWanted,
)
from mallee.model.network.gateways import GatewayWanted, WaySeen
from mallee.model.network.modes import ModeWanted
from mallee.model.network.networks import Rule
from mallee.model.network.watching import FlowLogWanted, MirrorWanted
from mallee.model.storage.fastrestores import PinSeen, PinWanted
from mallee.model.storage.snapshots import SnapshotSeen
from mallee.model.storage.transfers import TransferWanted
from mallee.model.storage.volumes import DiskWanted, VolumeSeen, VolumeWanted

AGENT_SILENT_AFTER_S = 14.0
"""A host whose agent has said nothing for so long takes no new instances: with the look for it and
the writing down, it is known within 15 seconds."""


SERVICES_DOMAIN = "mallee.internal"
"""The domain of the cloud's services: not AWS's, so that no guest looks for them in the world."""
GUESTS_ADDRESS = "169.254.169.254"
"""Where guests find the metadata service, and the cloud's API beside it."""
GUESTS_API_PORT = 8773
SERVICE_PORTS = (80, 8773)
"""At which a gateway endpoint takes requests for the cloud's services."""


class Capacity(msgspec.Struct, frozen=True, gc=False):
    """What a host can carry in all, before anything is placed on it."""

    vcpus: int
    memory_mib: int
    disk_gib: int


class Host(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A host that has joined the cloud."""

    id: str
    name: str
    zone: str
    certificate_serial: str
    """Hexadecimal serial of the certificate issued last."""
    former_serial: str = ""
    """The one before it, as good until the newer one is used: it may not have arrived."""
    authorities: tuple[str, ...] = ()
    """The ids of those that it was told to trust with that, that which signed first."""
    joined_at: float
    address: str = ""
    """At which other hosts reach it (IPv4 or IPv6); empty: none knows, so it has no peers."""
    roles: tuple[Role, ...] = ALL_ROLES
    standing: Standing = Standing.ENABLED


class JoinToken(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Leave to join the cloud with one host or front end, once. The token itself is not kept."""

    id: str
    """SHA-256 of the token, hexadecimal."""
    expires_at: float
    used_by: str = ""
    """The name under which somebody has joined by it; empty: nobody has."""


class HostFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an agent says of its host."""

    capacity: Capacity
    acceleration: str
    """`kvm` or `tcg`, as proved."""
    acceleration_reason: str
    hypervisor: str
    """For example `QEMU 7.2.22, libvirt 9.0.0`."""
    agent_version: str
    problems: tuple[str, ...] = ()
    """Sentences with cause and cure of what the agent cannot put right."""
    free_disk_bytes: int = 0
    channel_port: int = 0
    """At which other hosts reach its agent; 0: they do not."""
    cpu: Cpu | None = None
    """What it can show guests as a processor; None: it does not say."""
    services: dict[str, str] = {}
    """What else runs there for the cloud, and what ails each; empty: nothing does."""
    way: WaySeen = WaySeen()
    """Its own way to the world, as far as it would lead guests there."""
    with_cloud: bool = False
    """Whether a front end of the cloud is on the same machine."""


class InterfaceWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An interface on this host, with everything the host must carry for it."""

    id: str
    instance_id: str
    vpc_id: str
    subnet_id: str
    device_index: int
    mac: str
    private_ip: str
    public_ip: str | None
    group_ids: tuple[str, ...]
    hostname: str
    """The guest's name that DHCP gives, without domain: `ip-172-31-0-10`, or its id."""
    resource_ips: tuple[str, ...] = ()
    """Which of its addresses the name by its instance's id means."""
    public_name: str = ""
    """Full name of the public address; inside the VPC it means the private one. Empty: none."""
    secondary: tuple[AddressWanted, ...] = ()
    """Its private IPv4 addresses besides the primary one."""
    prefixes: tuple[str, ...] = ()
    """Ranges that are led to it: IPv4 (/28) and IPv6 (/80)."""
    ipv6s: tuple[str, ...] = ()
    """Its IPv6 addresses; DHCP gives the first one."""
    source_dest_check: bool = True
    """Whether only packets from and to its own addresses pass it."""
    speed: Speed = Speed()


class GroupWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A security group that some interface on this host wears or refers to."""

    id: str
    rules: tuple[Rule, ...]
    member_ips: tuple[str, ...]
    """Private addresses of all interfaces, on any host, that wear the group; sorted. Delegated
    prefixes are among them as ranges."""
    member_ip6s: tuple[str, ...] = ()
    """The same of IPv6."""


class SubnetWanted(msgspec.Struct, frozen=True, gc=False):
    """A subnet of a VPC that this host carries."""

    id: str
    cidr: str
    ipv6_cidr: str = ""
    """Empty: none."""
    route_table_id: str = ""
    """Empty: everything beyond the VPC leads to the internet gateway."""
    acl_id: str = ""
    """Empty: everything may cross its border."""
    public_access: PublicAccess = PublicAccess.OPEN
    number: int = 0
    """By which hosts tell each other of it, in its VPC; 0: it has none, and its id gives one."""


class VpcWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A VPC of which an interface is on this host, or that others reach by way of it."""

    id: str
    cidr: str
    link_index: int
    subnets: tuple[SubnetWanted, ...]
    groups: tuple[GroupWanted, ...]
    """Those worn here and those that these refer to, of peers too."""
    interfaces: tuple[InterfaceWanted, ...]
    more_cidrs: tuple[str, ...] = ()
    """IPv4 ranges besides the first one."""
    ipv6_cidrs: tuple[str, ...] = ()
    has_internet_gateway: bool = True
    """Whether one is attached: without it no public address of the VPC works."""
    route_tables: tuple[RouteTableWanted, ...] = ()
    """Those that subnets use."""
    acls: tuple[AclWanted, ...] = ()
    """Those that subnets use."""
    nat_gateways: tuple[NatGatewayWanted, ...] = ()
    """Those that this host carries."""
    endpoints: tuple[EndpointWanted, ...] = ()
    """Interface endpoints, once for each subnet in which they stand."""
    peerings: tuple[PeeringWanted, ...] = ()
    """The active ones; those whose peer is not on this host lead nowhere."""
    attachments: tuple[AttachmentWanted, ...] = ()
    """Those to transit gateways that are open, and have a subnet in this host's zone."""
    gateway_table_id: str = ""
    """The route table that what comes in by the internet gateway takes; empty: the local routes."""
    dhcp: DhcpWanted = DhcpWanted()
    dns_support: bool = True
    """Whether the VPC's own name server answers."""
    flow_logs: tuple[FlowLogWanted, ...] = ()
    """Those that have interfaces here."""
    mirrors: tuple[MirrorWanted, ...] = ()
    """Those both of whose ends are here."""
    far: tuple[FarWanted, ...] = ()
    """The other hosts that carry the VPC, by id; none: all of it is here."""
    overlay_id: int = 0
    """The number of its network between hosts, which no other VPC of the cloud has."""
    gateway_host_id: str = ""
    """The one of `far` where its gateways to the world are; empty: they are here."""


class ProfileWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The instance profile of an instance, as its guest is told of it."""

    id: str
    """`AIPA…`"""
    arn: str
    is_there: bool = True
    """Whether the profile has not been deleted since."""
    role_id: str = ""
    """`AROA…`; empty: it has no role (any more), and there are no credentials."""
    role_name: str = ""


class InstanceWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An instance on this host."""

    id: str
    account_id: str
    power: Power
    launch: int
    reboots: int
    force_stop: bool
    vcpus: int
    memory_mib: int
    disk: Blob | None
    """The image's file over which its own disk lies; None: its root is the volume at the root's
    slot of `disks`."""
    disk_gib: int
    boot: DirectBoot | None
    """None: the disk's own boot loader."""
    interface_ids: tuple[str, ...]
    metadata_options: MetadataOptions
    metadata: dict[str, str]
    """Metadata paths below `/latest/` that end in a value, for example `meta-data/ami-id`,
    `dynamic/instance-identity/document`; directories follow from them."""
    user_data: bytes
    cpu: str = ""
    """The processor that its guest sees, a model's name; empty: the host's own."""
    profile: ProfileWanted | None = None
    auto_recovers: bool = True
    """Whether its guest is started again when it ended unasked."""
    disks: tuple[DiskWanted, ...] = ()
    """The volumes that its guest shall have."""
    forced_volumes: tuple[str, ...] = ()
    """Ids of volumes that its guest shall not have any more, whether or not it lets them go."""
    going: GoingWanted | None = None
    """That its guest is on its way to another host."""
    coming: ComingWanted | None = None
    """That its guest is on its way to here, and not this host's yet."""


class RoleCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """What a guest gets for its role, or why it gets nothing (`code` is not `Success`)."""

    role_id: str
    access_key_id: str = ""
    secret_access_key: str = ""
    token: str = ""
    issued_at: float
    """Seconds since the epoch."""
    expires_at: float
    """Seconds since the epoch."""
    code: str = "Success"
    message: str = ""

    def __repr__(self) -> str:
        """Show no secret."""
        return f"RoleCredentials({self.role_id}, {self.code})"


class CredentialsRequest(msgspec.Struct, frozen=True):
    """An agent's question to `/v1/credentials`: what these instances get for their roles."""

    instance_ids: tuple[str, ...]


class CredentialsAnswer(msgspec.Struct, frozen=True):
    """By instance id; an instance that is not the host's, or has no role, is left out."""

    credentials: dict[str, RoleCredentials]


CLOUD_NAME = "mallee-cloud"
"""The name in the certificate of the agents' endpoint, at whatever address it answers."""

ASK_CONSOLE = "console"
"""What the instance wrote to its serial console: its end."""
ASK_SCREEN = "screen"
"""What the instance's screen shows, as PNG (or PPM, from an older QEMU)."""
ASK_WAKENED_SCREEN = "wakened-screen"
"""The same after a key was pressed, which wakes a screen that has gone dark."""
ASK_PLAN = "plan"
"""What would be done now for the instance: a `plans.HostPlan` as JSON."""
ASK_PLANS = "plans"
"""The same for all instances of the host; it names none."""

ASK_INTERRUPT = "interrupt"
"""Send the instance an interrupt that cannot be masked; the answer is empty."""
ASK_CUT = "cut"
"""Cut volumes for snapshots: `detail` is a `snapshots.CutAsked`, the answer a `CutsMade`."""

ASK_PUSH_KEY = "push-key"
"""Show the instance an SSH key for a while: `detail` is a `PushedKey` as JSON; the answer is
empty."""

ASK_SERIAL_LINE = "serial-line"
"""A line to the instance's serial console: the agent opens `/v1/lines/ID` and passes bytes."""
ASK_SCREEN_LINE = "screen-line"
"""The same to the instance's screen, keyboard and mouse: the bytes are VNC's."""
ASK_TUNNEL = "tunnel"
"""A line to an address in a VPC from an instance connect endpoint, whose id stands for the
instance's: `detail` is a `TunnelWanted` as JSON."""
LINE_BYTES_MAX = 64 << 10
"""Of one message of a line."""


class Ask(msgspec.Struct, frozen=True, gc=False):
    """A question for the agent; the answer goes to `/v1/answers/ID`, and what stands against an
    answer to `/v1/refusals/ID`, in words. `kind` is one of the above."""

    id: str
    kind: str
    instance_id: str
    detail: str = ""
    """What some kinds say more."""


class TunnelWanted(msgspec.Struct, frozen=True):
    """A connection that an instance connect endpoint shall begin."""

    id: str
    """No two are the same."""
    interface_id: str
    """The endpoint's own."""
    private_ip: str
    port: int


PUSHED_KEY_S = 60.0
"""How long a key that was pushed to an instance is shown to it."""


class PushedKey(msgspec.Struct, frozen=True):
    """An SSH key that a user of the guest may log in with for a while."""

    user: str
    block: str
    """What the guest reads: lines that begin with `#`, the key, its signature, an empty line."""
    expires_at: float
    """Seconds since the epoch."""
    staples: dict[str, str] = {}
    """By the signer's fingerprint: the word of its authority that it is not revoked."""


class HostWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Everything that the cloud wants of one host."""

    generation: int
    region: str
    zone: str
    public_range: str
    private_range: str
    """Where the default VPCs' ranges are from; no packet to a private range leaves the host."""
    egress: bool
    ipv6_range: str = ""
    """Of which every VPC's IPv6 range is a part; empty: there is no IPv6."""
    vpcs: tuple[VpcWanted, ...]
    instances: tuple[InstanceWanted, ...]
    volumes: tuple[VolumeWanted, ...] = ()
    """Those whose bytes this host keeps."""
    transit_gateways: tuple[TransitGatewayWanted, ...] = ()
    """Those that a VPC of this host is attached to, and those that these are peered with."""
    transfers: tuple[TransferWanted, ...] = ()
    """Those that this host carries."""
    front_ends: tuple[str, ...] = ()
    """Where the cloud's agents' endpoints are, sorted: any of them will do. None: there is one."""
    authorities: tuple[str, ...] = ()
    """The ids of the authorities that it shall trust, that which signs first; none: as it does."""
    peers: tuple[PeerWanted, ...] = ()
    """The hosts with which it shares a VPC, or exchanges an instance or a volume; by id."""
    own: PeerWanted | None = None
    """The host itself, as its peers are told of it; None: they are not."""
    pins: tuple[PinWanted, ...] = ()
    """The snapshots of which it keeps all at hand, in the order in which they were asked for."""
    mode: ModeWanted | None = None
    """How its guests stand in the administrator's network; None: they do not (`vpc`)."""
    gateway: GatewayWanted | None = None
    """Which host leads to the world, for those that can; None: this one decides for itself."""
    landmarks: tuple[str, ...] = ()
    """Addresses beyond the next hop to the world, by which a host sees that it is there."""


class AsksAnswer(msgspec.Struct, frozen=True, gc=False):
    """What a front end answers to which an agent does not report, at `/v1/asks`."""

    asks: tuple[Ask, ...] = ()


class SyncRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An agent's call: what it sees, and which generation it already holds.

    `seen` holds every instance the agent knows of, or None when nothing changed since its last
    call. `wait_s` is how long the cloud may hold the call when it has nothing newer to say.
    """

    known_generation: int
    wait_s: float
    facts: HostFacts | None = None
    seen: dict[str, InstanceSeen] | None = None
    volumes: dict[str, VolumeSeen] | None = None
    snapshots: dict[str, SnapshotSeen] | None = None
    """Those whose content it brings to the object store."""
    """Every volume that the agent knows of, or None like `seen`."""
    pins: dict[str, PinSeen] | None = None
    """How far it is with what it shall keep at hand, by snapshot, or None like `seen`."""
    leftovers: tuple[str, ...] = ()
    """Domains and taps found without an owner, in words."""
    takes_parts: bool = False
    """Whether the answer may leave out what is as it was in `known_generation`."""
    number: int = 0
    """Of a call that reports something: it is greater than those of all reports before it, also of
    agents before this one. One that arrives after a newer one is of no account."""
    is_anew: bool = False
    """Whether something is told again because a report before it may not have arrived."""


class Kept(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an answer leaves out, as the agent has it already."""

    vpc_ids: tuple[str, ...] = ()
    instance_ids: tuple[str, ...] = ()
    far: dict[str, tuple[str, ...]] = {}
    """By id of a VPC that is not left out: the hosts of its `far` that are."""


class SyncAnswer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The cloud's answer; `wanted` is None when the agent's generation is still the newest."""

    wanted: HostWanted | None
    kept: Kept | None = None
    """What belongs to `wanted` besides what it has itself; None: nothing."""
    asks: tuple[Ask, ...] = ()
    heard: int = 0
    """The number of the newest report that was written down: those that follow have greater ones,
    whatever the host's clock says."""

"""An instance: what is wanted of it, what is seen of it, and the state that follows from both.

The state is never stored: it is `STATES[wanted power, seen phase]`. The API changes `Instance`
(wanted), agents report `InstanceSeen` (seen), and a state that a user reads is the pair's name.

      RunInstances                       StartInstances
           |                                   |
           v         seen running              v
        pending ----------------> running   pending ...
           |  failed to start       |  \\
           v                        |   \\ StopInstances, or the guest powers itself off
      terminated <-- shutting-down <-+    v
                          ^             stopping --> stopped
                          +-- TerminateInstances ------+
"""

from enum import Enum

import msgspec

from mallee.model.compute.migrations import Migrated, Migration, MigrationSeen
from mallee.model.network.modes import LeaseSeen
from mallee.model.network.privatenames import PrivateNames


class Power(Enum):
    """What the owner wants of the instance."""

    RUNNING = "running"
    """The guest shall run; if it ends without having powered itself off it is started again."""
    STOPPED = "stopped"
    """The guest shall be off; disk, interface and private address are kept."""
    TERMINATED = "terminated"
    """The guest, its disk and its interface shall be gone for good."""


class Phase(Enum):
    """What the agent saw of the launch that is wanted now (see `Instance.launch`)."""

    UNKNOWN = "unknown"
    """Nothing has been reported of this launch yet."""
    PREPARING = "preparing"
    """The agent fetches the image, clones the disk, makes the interface."""
    RUNNING = "running"
    """The guest runs."""
    RECOVERING = "recovering"
    """The guest ran, ended without being asked to, and is being started again."""
    STOPPING = "stopping"
    """The guest was asked to power off."""
    OFF = "off"
    """The guest is off; its disk is kept."""
    FAILED = "failed"
    """The launch cannot succeed; `cause` says why. Nothing of it is left but the disk."""
    GONE = "gone"
    """Domain, interface and disk are removed."""


class State(Enum):
    """EC2's instance states with their codes (API reference, InstanceState)."""

    PENDING = ("pending", 0)
    RUNNING = ("running", 16)
    SHUTTING_DOWN = ("shutting-down", 32)
    TERMINATED = ("terminated", 48)
    STOPPING = ("stopping", 64)
    STOPPED = ("stopped", 80)

    @property
    def label(self) -> str:
        """The name that the API shows."""
        return self.value[0]

    @property
    def code(self) -> int:
        """The number that the API shows."""
        return self.value[1]


_P, _S, _D = State.PENDING, State.STOPPING, State.SHUTTING_DOWN

STATES: dict[tuple[Power, Phase], State] = {
    (Power.RUNNING, Phase.UNKNOWN): _P,
    (Power.RUNNING, Phase.PREPARING): _P,
    (Power.RUNNING, Phase.RUNNING): State.RUNNING,
    (Power.RUNNING, Phase.RECOVERING): State.RUNNING,
    (Power.RUNNING, Phase.STOPPING): State.RUNNING,
    # The guest powered itself off; the reconciler is about to want what its owner chose for that.
    (Power.RUNNING, Phase.OFF): _S,
    # The reconciler is about to give the launch up, with the cause that was seen.
    (Power.RUNNING, Phase.FAILED): _P,
    (Power.RUNNING, Phase.GONE): _P,
    (Power.STOPPED, Phase.UNKNOWN): _S,
    (Power.STOPPED, Phase.PREPARING): _S,
    (Power.STOPPED, Phase.RUNNING): _S,
    (Power.STOPPED, Phase.RECOVERING): _S,
    (Power.STOPPED, Phase.STOPPING): _S,
    (Power.STOPPED, Phase.OFF): State.STOPPED,
    (Power.STOPPED, Phase.FAILED): State.STOPPED,
    (Power.STOPPED, Phase.GONE): State.STOPPED,
    (Power.TERMINATED, Phase.UNKNOWN): _D,
    (Power.TERMINATED, Phase.PREPARING): _D,
    (Power.TERMINATED, Phase.RUNNING): _D,
    (Power.TERMINATED, Phase.RECOVERING): _D,
    (Power.TERMINATED, Phase.STOPPING): _D,
    (Power.TERMINATED, Phase.OFF): _D,
    (Power.TERMINATED, Phase.FAILED): _D,
    (Power.TERMINATED, Phase.GONE): State.TERMINATED,
}

MAY: dict[str, frozenset[State]] = {
    "start": frozenset({State.STOPPED, State.RUNNING, State.PENDING}),
    "stop": frozenset({State.RUNNING, State.PENDING, State.STOPPING, State.STOPPED}),
    "reboot": frozenset({State.RUNNING, State.PENDING}),
    "terminate": frozenset(State),
}
"""In which states each wish is taken; elsewhere the answer is `IncorrectInstanceState`."""


class Reason(msgspec.Struct, frozen=True, gc=False):
    """Why an instance is in its state: a `StateReason` code, and words that a user can act on."""

    code: str
    message: str


class MetadataOptions(msgspec.Struct, frozen=True, gc=False):
    """How the instance may ask the metadata service (EC2 `InstanceMetadataOptions`)."""

    http_endpoint: str = "enabled"
    http_tokens: str = "required"
    http_put_response_hop_limit: int = 2
    instance_metadata_tags: str = "disabled"
    http_protocol_ipv6: str = "disabled"


class ProfileAssociation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That an instance has an instance profile."""

    id: str
    """`iip-assoc-…`"""
    profile_id: str
    """`AIPA…`; a profile made anew under an old name is another one."""
    profile_arn: str
    since: float
    """Seconds since the epoch."""


class Instance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is wanted of an instance. Only the API and the cloud's reconcilers write it."""

    id: str
    reservation_id: str
    launch_index: int
    image_id: str
    kernel_id: str | None = None
    ramdisk_id: str | None = None
    type_name: str
    vcpus: int
    memory_mib: int
    disk_gib: int
    """Of its root disk at launch."""
    root_device: str = ""
    """What its user calls its root volume, whichever that is; empty: its root disk is no volume,
    and lies in the instance's own directory."""
    network_mbps: int = 0
    """How fast each of its interfaces sends, and receives; 0: as fast as it can."""
    key_name: str | None = None
    public_key: str | None = None
    """The key pair's OpenSSH line at launch; what becomes of the pair later is no matter."""
    user_data: bytes = b""
    zone: str
    host_id: str
    vpc_id: str
    subnet_id: str
    interface_ids: tuple[str, ...]
    power: Power = Power.RUNNING
    launch: int = 1
    """Counts starts: seen facts of an earlier launch do not speak about this one."""
    reboots: int = 0
    """Counts RebootInstances calls within this launch."""
    force_stop: bool = False
    shutdown_behavior: str = "stop"
    api_termination_protected: bool = False
    api_stop_protected: bool = False
    metadata: MetadataOptions = MetadataOptions()
    private_names: PrivateNames = PrivateNames()
    profile: ProfileAssociation | None = None
    placement_group_id: str = ""
    partition: int = 0
    """Of a partition group: which, from 1."""
    tenancy: str = "default"
    """`dedicated`: no other account's instances are on its host; `host`: it is on a Dedicated Host
    of its account's."""
    affinity: str = "default"
    dedicated_host_id: str = ""
    """With tenancy `host`: the Dedicated Host that it is on."""
    capacity_reservation_id: str = ""
    """The reservation whose room it holds, or held when it ran last."""
    reservation_preference: str = "open"
    """Which capacity reservations it may run in: EC2's `CapacityReservationPreference`."""
    reservation_target: str = ""
    """The one in which it shall run; empty: none in particular."""
    auto_recovers: bool = True
    """Whether its guest is started again when it ended unasked."""
    cpu: str = ""
    """The model that its guest sees as its processor since its last start; empty: its host's."""
    client_token: str | None = None
    launched_at: float
    """Seconds since the epoch of the last RunInstances or StartInstances."""
    wanted_since: float
    """Seconds since the epoch of the last change of `power`, `launch` or `reboots`."""
    gone_at: float | None = None
    """Seconds since the epoch when its host had removed everything and all it held was given back;
    a while later the record goes too."""
    reason: Reason | None = None
    migration: Migration | None = None
    """That its guest is on its way to another host."""
    migrated: Migrated | None = None
    """How that ended the last time."""
    transition_reason: str = ""
    made_by: str = ""
    """Id of the user or role that made it (`AIDA…`, `AROA…`); empty where nobody is known."""
    tags: dict[str, str] = {}


class Reach(msgspec.Struct, frozen=True, gc=False):
    """Whether the guest answers on its first interface, and since when that is so."""

    answers: bool
    since: float
    """Seconds since the epoch."""


class Halt(Enum):
    """What keeps a guest that shall run from going on, through no doing of its own."""

    NO_ROOM = "no-room"
    """It stands still: what it writes finds no room on its host's disk. It goes on by itself."""
    QEMU_SILENT = "qemu-silent"
    """Its QEMU does not answer; nobody knows whether it goes on."""


class Halted(msgspec.Struct, frozen=True, gc=False):
    """That something keeps the guest from going on, and since when."""

    by: Halt
    since: float
    """Seconds since the epoch."""


class InstanceSeen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a host's agent last saw of an instance. Only observation writes it."""

    launch: int
    phase: Phase
    step: str = ""
    """The step that the agent is at, in words; shown when a deadline passes."""
    cause: Reason | None = None
    ended_by_guest: bool = False
    """With OFF: the guest powered itself off (it was neither stopped nor killed)."""
    restarts: int = 0
    """How often the agent started this launch again after an unasked end."""
    reboots_done: int = 0
    interface_ids: tuple[str, ...] = ()
    """Interfaces that its running guest has now; sorted."""
    volume_ids: tuple[str, ...] = ()
    """Volumes that its running guest has now; sorted."""
    dead_slots: tuple[int, ...] = ()
    """Where its guest still has the device of a volume that was taken from it; sorted."""
    reach: Reach | None = None
    """None: the guest does not run, or has not answered yet and still may."""
    halted: Halted | None = None
    """None: nothing is known that keeps its running guest from going on."""
    migration: MigrationSeen | None = None
    """How far it is with going to another host; of one that came: what it was given with."""
    leases: tuple[LeaseSeen, ...] = ()
    """What the LAN's DHCP server gave its interfaces, where that is who gives it; by interface."""


def keep_reach(before: InstanceSeen | None, now: InstanceSeen) -> InstanceSeen:
    """Return what is seen now, with what was known of the guest's answering kept.

    An agent that has just begun has not heard the guest yet, and does not know since when.
    """
    if before is None or before.reach is None:
        return now
    if before.launch != now.launch or now.phase is not Phase.RUNNING:
        return now
    if now.reach is None or now.reach.answers is before.reach.answers:
        return msgspec.structs.replace(now, reach=before.reach)
    return now


def phase_of(wanted: Instance, seen: InstanceSeen | None) -> Phase:
    """The phase of the wanted launch: a report about another launch says nothing about this one.

    Removal is for good, so a GONE of any launch counts.
    """
    if seen is None:
        return Phase.UNKNOWN
    if seen.launch != wanted.launch and seen.phase is not Phase.GONE:
        return Phase.UNKNOWN
    return seen.phase


def state_of(wanted: Instance, seen: InstanceSeen | None) -> State:
    """The EC2 state that follows from what is wanted and what is seen.

    Terminated is said when addresses and groups are given back too: whoever waited for it may
    release and delete them.
    """
    if wanted.gone_at is not None:
        return State.TERMINATED
    state = STATES[wanted.power, phase_of(wanted, seen)]
    return State.SHUTTING_DOWN if state is State.TERMINATED else state

"""A volume: a disk of its own that outlives instances; what is wanted of it, and what is seen.

Like an instance's, its state is never stored: it follows from what the API wants (`Volume`), what
its host reports (`VolumeSeen`), and what the hosts of the instances that it is attached to report.
The API and the cloud's reconciler write `Volume`, agents write `VolumeSeen`. Sizes are in GiB.

          create                attach                        detach
     creating ---> available ----------> in-use ------------------------> available
         | failed       | delete         (attaching, attached,
         v              v                 detaching, busy: each attachment's own)
       error         deleting ---> gone
"""

from collections.abc import Iterable
from enum import Enum

import msgspec

from mallee.model.compute.instances import Reason
from mallee.model.images.images import Blob, DirectBoot
from mallee.model.storage.datakeys import DataKey
from mallee.model.storage.moves import ArrivalSeen, ArrivingWanted, LeavingWanted, Move
from mallee.model.storage.recycling import Binned
from mallee.model.storage.snapshots import Base, Content, Layered, UploadWanted

ROOT_SLOT = 0
"""The place of an instance's root volume: no guest gets or loses it while it runs."""
SLOTS = tuple(range(1, 16))
"""Places for volumes on the bus of a guest into which they are plugged: fifteen at once."""
SERIAL_PREFIX = "vol"


class Phase(Enum):
    """What a host saw of a volume."""

    READY = "ready"
    """Its bytes are there, as many as are wanted, and its limits apply."""
    CHANGING = "changing"
    """It is there, and is being brought to its wanted size or limits."""
    FAILED = "failed"
    """It could not be made; `cause` says why."""
    GONE = "gone"
    """Nothing of it is left."""


class Limits(msgspec.Struct, frozen=True, gc=False):
    """How much its users get of it; 0: as much as the host's disk gives."""

    iops: int = 0
    """Reads and writes in a second, together."""
    burst_iops: int = 0
    """As many for a while after quieter times; 0: no more than `iops`."""
    mib_per_s: int = 0
    """MiB read and written in a second, together."""


class Attachment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That an instance shall have the volume, or shall let it go."""

    instance_id: str
    device: str
    """What its user calls it: `/dev/sdf`. Guests name disks by themselves."""
    slot: int
    """One of `SLOTS`, where it is plugged in, or `ROOT_SLOT`."""
    since: float
    """Seconds since the epoch."""
    delete_on_termination: bool = False
    is_leaving: bool = False
    """Whether the guest is asked to let it go."""
    is_forced: bool = False
    """Whether it is parted from a guest that does not let it go."""
    goes_when_left: bool = False
    """Whether the volume is deleted when the guest has let it go."""


class Modification(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The last change of size, type or limits."""

    began_at: float
    """Seconds since the epoch."""
    done_at: float | None = None
    size_gib: int
    """What it was before, like all of the following."""
    type: str
    iops: int
    throughput: int
    multi_attach: bool


class Volume(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is wanted of a volume."""

    id: str
    size_gib: int
    type: str
    iops: int
    """As EC2 shows it; 0: the type has none."""
    throughput: int = 0
    """MiB/s, as EC2 shows it; 0: the type has none."""
    zone: str
    host_id: str
    """The host that keeps its bytes."""
    snapshot_id: str = ""
    is_fast_restored: bool = False
    """Whether all of its snapshot was at hand in its zone when it was made."""
    copied_from: str = ""
    """The volume of which it is a copy; empty: of none."""
    source: Layered | None = None
    """The layer of another volume on which it lies: what its snapshot was when it was made."""
    content: Content | None = None
    """What its snapshot has in the object store, when it lies on that and on no layer."""
    blob: Blob | None = None
    """The image's file on which a root volume lies that was made of no snapshot."""
    boot: DirectBoot | None = None
    """What starts a guest whose root it is, faster than its own boot loader does."""
    base: Base | None = None
    """What the next snapshot's content is told from."""
    dropped_cuts: tuple[str, ...] = ()
    """Ids of snapshots that were never written down, for which its host made a cut."""
    key: DataKey | None = None
    """What it is encrypted with; None: it is not."""
    is_made: bool = False
    """Whether its host has said that its bytes are there."""
    is_fresh: bool = False
    """Whether it was made by itself and no instance has ever had it: there is nothing in it that
    could not be on any other host at once."""
    former_host_id: str = ""
    """The host that had it until it went to its first instance's, and has not said that its copy
    is gone."""
    moved_at: float = 0.0
    """When it did, in seconds since the epoch; 0: never."""
    move: Move | None = None
    """That it was used, and is on its way to another host."""
    moved_as: str = ""
    """The move by which it came to its host; empty: by none."""
    multi_attach: bool = False
    auto_enable_io: bool = False
    attachments: tuple[Attachment, ...] = ()
    modification: Modification | None = None
    created_at: float
    binned: Binned | None = None
    """That it was deleted, and may come back."""
    deleted_at: float | None = None
    """When it was wanted gone; the record goes when its host says that nothing is left."""
    made_by: str = ""
    tags: dict[str, str] = {}


class VolumeSeen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a host's agent last saw of a volume. Only observation writes it."""

    phase: Phase
    size_gib: int = 0
    limits: Limits = Limits()
    """Those that apply."""
    is_whole: bool = False
    """Whether all of it is in layers of its own: it needs its source, or content, no more."""
    cause: Reason | None = None
    """Why it is not as wanted; of one that is ready: which of its content cannot be read."""
    remains: bool = False
    """Of one that is gone: whether layers are left of it which others need."""
    loose_cuts: dict[str, float] = {}
    """By snapshot: when the cloud asked for a cut that is there, and of which it has said nothing
    since."""
    arrival: ArrivalSeen | None = None
    """What the host says to which it goes, besides what its own says."""


class VolumeWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A volume as the host that keeps it is told of it."""

    id: str
    size_gib: int
    limits: Limits = Limits()
    is_shared: bool = False
    """Whether several guests may write it at once."""
    source: Layered | None = None
    """On what it lies; None, as `content` and `blob`: it was blank."""
    content: Content | None = None
    blob: Blob | None = None
    cuts: dict[str, int] = {}
    """Layers that are kept, by the snapshot that each is."""
    dropped_cuts: tuple[str, ...] = ()
    """Cuts that nobody wants."""
    base_cut: int = 0
    """The layer into which, and into those below it, none above it is merged; 0: there is none."""
    upload: UploadWanted | None = None
    """The cut whose content the object store shall have next."""
    key_id: str = ""
    """The data key of an encrypted volume, which its host asks for when it needs it."""
    is_made: bool = False
    """Whether it was there once: if it is missing then, it is not silently made anew."""
    is_deleted: bool = False
    """Whether nothing of it shall be left."""
    leaving: LeavingWanted | None = None
    """That it is on its way from here, and nobody here uses it."""
    arriving: ArrivingWanted | None = None
    """That it is on its way to here, and not here yet."""
    moved_as: str = ""
    """The move by which it came; what was copied for any other is none of it."""


class DiskWanted(msgspec.Struct, frozen=True, gc=False):
    """That a guest shall have a volume."""

    volume_id: str
    slot: int


def limits_of(doc: Volume) -> Limits:
    """Return what its type and numbers mean on a host.

    `standard` is as fast as the disk; `gp2` may do 3,000 operations for a while; types that turn
    (`st1`, `sc1`) are limited in bytes. Source: EC2's user guide, volume types.
    """
    match doc.type:
        case "gp2":
            burst = 3000 if doc.iops < 3000 else 0
            return Limits(doc.iops, burst, 250 if doc.size_gib > 170 else 128)
        case "gp3":
            return Limits(doc.iops, 0, doc.throughput)
        case "io1" | "io2":
            most = 1000 if doc.type == "io1" else 4000
            return Limits(doc.iops, 0, max(1, min(most, doc.iops // 4)))
        case "st1":
            return Limits(500, 0, 500)
        case "sc1":
            return Limits(250, 0, 250)
        case _:
            return Limits()


def serial_of(volume_id: str) -> str:
    """Return the serial number by which a guest knows the volume: as EC2's, the id in twenty
    letters, without its hyphen."""
    return volume_id.replace("-", "", 1)


def id_of(serial: str) -> str | None:
    """Return the volume of a serial number; None when it is not a volume's."""
    digits = serial.removeprefix(SERIAL_PREFIX)
    return f"{SERIAL_PREFIX}-{digits}" if digits != serial and digits else None


def free_slot(taken: Iterable[int]) -> int | None:
    """Return the first slot that is not taken; None when all are."""
    used = set(taken)
    return next((slot for slot in SLOTS if slot not in used), None)

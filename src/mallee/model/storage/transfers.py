"""Transfers: disks on their way into the cloud and out of it, which a host carries.

A *transfer* is what an import, an export or the registration of a bundle has a host do: fetch
files from a bucket, take the disks out of them and bring these to the object store as content; or
make files of contents and put them into a bucket. Its record is its task as EC2 shows it; hosts are
told what to do (`TransferWanted`), and say how far they are (`TransferSeen`). All of it may be done
twice: blocks and objects that are there already are the same ones.
"""

from enum import Enum

import msgspec

from mallee.model.images.images import Blob
from mallee.model.storage.datakeys import DataKey
from mallee.model.storage.partitions import Found
from mallee.model.storage.snapshots import Content

DISKS_MAX = 16
WORDS_MAX = 1000
"""Characters that a host may say of what went wrong."""
FORMATS = ("raw", "vmdk", "vhd", "vhdx", "ova", "qcow2")
KERNEL_BYTES_MAX = 512 << 20
"""Of a kernel or a ramdisk."""


class Way(Enum):
    """What is done."""

    DISKS_IN = "disks-in"
    """Files become contents."""
    PARTS_IN = "parts-in"
    """Files in parts, as import manifests list them, become contents."""
    BUNDLE_IN = "bundle-in"
    """A bundle becomes a content, or a kernel's or ramdisk's blob."""
    IMAGE_IN = "image-in"
    """A stored image becomes the contents of its disks."""
    DISK_OUT = "disk-out"
    """A content becomes a file."""
    BUNDLE_OUT = "bundle-out"
    """A content becomes a bundle."""
    IMAGE_OUT = "image-out"
    """The contents of an image's disks become one file."""


BRINGS = frozenset({Way.DISKS_IN, Way.PARTS_IN, Way.IMAGE_IN})
"""Ways by which contents come into the object store."""


class Phase(Enum):
    """How far a transfer is on its host."""

    WORKING = "working"
    """It is under way; `DiskSeen` says how far each disk is."""
    DONE = "done"
    """All of it is where it shall be."""
    FAILED = "failed"
    """It cannot be done; the words say why."""


class Object(msgspec.Struct, frozen=True, gc=False):
    """An object of a user's."""

    bucket: str
    key: str


class Access(msgspec.Struct, frozen=True, gc=False):
    """By whose rights buckets are read and written: a user's, or a role's."""

    account: str
    issuer_id: str
    """`AIDA…` or `AROA…`."""


class DiskIn(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A disk that shall come in, as it was asked for."""

    object: Object | None = None
    """The file with the disk, the import manifest or the bundle's manifest."""
    url: str = ""
    """As it was said, if it was."""
    format: str = ""
    """One of `FORMATS`; empty: whatever the file is."""
    description: str = ""
    device: str = ""
    snapshot_id: str = ""
    """The snapshot that has it already."""
    size_bytes: int = 0
    """Of a file in parts, as its user said it."""
    volume_gib: int = 0
    """Of the volume that it shall become; 0: it becomes none."""
    volume_id: str = ""
    """The volume that was made of it."""


class FileOut(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A file that shall be made of a disk."""

    object: Object
    """Of a bundle what the keys of all its objects begin with."""
    format: str
    """`raw`, `vmdk` or `vhd`."""
    container: str = ""
    """`ova` or nothing."""
    content: Content | None = None
    blob: Blob | None = None
    """One of both is what the disk has."""
    contents: tuple[Content, ...] = ()
    """What the disks have of an image that is stored whole, in their order."""
    header: str = ""
    """What such an image is (`storedimages`), as JSON."""
    tags: dict[str, str] = {}
    """The file's, as an object."""
    name: str = ""
    """What the machine is called that the file describes."""
    kernel_id: str = ""
    """What boots the disk, as a bundle says it."""
    ramdisk_id: str = ""


class Task(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A task of EC2's as it is wanted: its kind of record says which."""

    id: str
    way: Way
    host_id: str = ""
    """The host that carries it; empty: none is needed, or none is known yet."""
    access: Access
    access_ends_at: float = 0.0
    """In seconds since the epoch; 0: it lasts."""
    disks: tuple[DiskIn, ...] = ()
    out: FileOut | None = None
    description: str = ""
    role_name: str = ""
    """The role by which buckets are read, as it was said."""
    said: dict[str, str] = {}
    """What else was said and is only shown, by the member of the answer."""
    image_id: str = ""
    """The image that it is of, or that was made of it."""
    instance_id: str = ""
    snapshot_ids: tuple[str, ...] = ()
    """Those that were made of its disks, in their order, or that it is made of."""
    volume_id: str = ""
    size_gib: int = 0
    zone: str = ""
    key: DataKey | None = None
    """What its disks are encrypted with when they are in; None: they are not."""
    launch: str = ""
    """Of an instance that is imported: the launch that was asked for, a request as JSON."""
    attempt: int = 0
    """How often it was begun in vain: its host was lost, or the sweep was quicker."""
    began_at: float
    """Seconds since the epoch."""
    cancelled_at: float | None = None
    cancel_reason: str = ""
    ended_at: float | None = None
    """When all of it was settled."""
    failure: str = ""
    """Why it came to nothing, in words; empty: it did not."""
    made_by: str = ""
    tags: dict[str, str] = {}


class DiskSeen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How far a disk is."""

    format: str = ""
    """What the file turned out to be."""
    file_bytes: int = 0
    size_bytes: int = 0
    """Of the disk."""
    percent: int = 0
    words: str = ""
    content: Content | None = None
    """Set when all of it is in the object store."""
    blob: Blob | None = None
    """Of a kernel or a ramdisk, instead."""
    found: Found | None = None
    """What is on it."""
    told: dict[str, str] = {}
    """What the manifest of a bundle says."""


class TransferSeen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a host says of a transfer."""

    phase: Phase
    words: str = ""
    disks: tuple[DiskSeen, ...] = ()
    """In the order of the task's; of an archive as many as there are in it."""
    percent: int = 0
    attempt: int = 0
    """Which one it is."""
    epoch: int = 0
    """In which contents were brought (`passes.BlockSpace`)."""


class TransferWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A transfer as the host that carries it is told of it."""

    id: str
    account: str
    """Under whose prefix its blocks are."""
    way: Way
    disks: tuple[DiskIn, ...] = ()
    out: FileOut | None = None
    key_id: str = ""
    """The data key that its host asks for and seals disks with; empty: none does."""
    attempt: int = 0


class KeyAsked(msgspec.Struct, frozen=True):
    """A host's question for the key of a bundle, as the manifest has it for the cloud."""

    key: str
    iv: str


class KeyTold(msgspec.Struct, frozen=True):
    """The key of a bundle, in hexadecimal."""

    key: str
    iv: str

    def __repr__(self) -> str:
        return "KeyTold()"


class TransferPass(msgspec.Struct, frozen=True, kw_only=True):
    """What a host may read and write in the buckets for a transfer: credentials for a while. The
    port is the API's, at the address at which the host reaches its cloud."""

    port: int
    region: str
    access_key_id: str
    secret_access_key: str
    token: str
    expires_at: float
    """Seconds since the epoch."""
    certificate: str = ""
    """Of a bundle that is made: for whom its key is encrypted, as PEM."""

    def __repr__(self) -> str:
        return f"TransferPass({self.access_key_id})"

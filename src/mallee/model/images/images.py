"""Images: machine images (AMI), kernels (AKI), ramdisks (ARI), and what carries them.

The root disk of a machine image is one of two things. *EBS-backed* (`EBS`): launches make a volume
of it, over the image's `blob` (the images that come with the cloud) or over the snapshot that its
root mapping names. *Instance store*: launches make a disk that is no volume and goes with the
instance; it always lies over `blob`. Kernels and ramdisks have a `blob` and no mappings.
"""

import re

import msgspec

from mallee.model.storage.recycling import Binned

EBS = "ebs"
INSTANCE_STORE = "instance-store"
UNLIMITED = "standard"
"""The volume type of roots of which nothing is said: as fast as their host's disk."""
NAME = re.compile(r"[A-Za-z0-9()\[\] ./'@_-]{3,128}", re.ASCII)
ROOT_DEVICE = "/dev/vda"
"""What a guest calls its root disk (virtio), and an image unless it says otherwise."""


class Blob(msgspec.Struct, frozen=True, gc=False):
    """A file kept by content: its SHA-256 in hexadecimal is its name everywhere."""

    sha256: str
    size_bytes: int
    format: str
    """`raw` or `qcow2` for disks, `kernel` or `ramdisk` for boot files."""


class DirectBoot(msgspec.Struct, frozen=True, gc=False):
    """The fast boot path: kernel and ramdisk started by the hypervisor, without a boot loader."""

    kernel: Blob
    ramdisk: Blob | None
    command_line: str


class ImageMapping(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A volume that launches of an image make, unless they say otherwise."""

    device: str
    snapshot_id: str = ""
    """What it has at first; empty: nothing, or the image's `blob` if it is the root."""
    size_gib: int
    type: str = ""
    """Empty: as a volume of which nothing is said. So are the zeros below."""
    iops: int = 0
    throughput: int = 0
    delete_on_termination: bool = True
    encrypted: bool = False
    kms_key_id: str = ""


class Image(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An image as it is registered. `kind` is `machine`, `kernel` or `ramdisk`."""

    id: str
    name: str
    description: str = ""
    kind: str
    location: str
    architecture: str = "x86_64"
    is_public: bool = False
    blob: Blob | None = None
    """The disk of a machine image, or the kernel or ramdisk itself; None: its root mapping's
    snapshot has it."""
    disk_gib: int = 0
    """The smallest root disk, in GiB, that holds the image (machine images)."""
    root_device_type: str = EBS
    """`EBS` or `INSTANCE_STORE`."""
    root_device: str = ROOT_DEVICE
    mappings: tuple[ImageMapping, ...] = ()
    """Its volumes; an image with a `blob` needs none for its root."""
    direct_boot: DirectBoot | None = None
    """For a whole-disk machine image that also carries its kernel aside."""
    kernel_id: str | None = None
    ramdisk_id: str | None = None
    is_root_file_system: bool = False
    """A lone root file system (the AMI of a trio): it needs a kernel to boot."""
    boot_mode: str = ""
    """`legacy-bios`, `uefi` or `uefi-preferred`; empty: nothing was said."""
    virtualization_type: str = "hvm"
    ena_support: bool = False
    sriov_net_support: str = ""
    imds_support: str = ""
    tpm_support: str = ""
    platform: str = ""
    """`windows` or nothing."""
    source_instance_id: str = ""
    """The instance of which it was made."""
    source_image_id: str = ""
    """The image of which it was copied, or its instance launched."""
    source_image_region: str = ""
    created_at: float
    made_by: str = ""
    state: str = "available"
    state_reason: str = ""
    is_seen: bool = True
    """Whether somebody has looked what is on its root, or need not."""
    launch_accounts: tuple[str, ...] = ()
    """Accounts that may launch it, besides its own; sorted."""
    deprecated_at: float | None = None
    """From when on it is shown to none but its owner and who asks for it."""
    deregistration_protection: str = ""
    """`enabled`, or `enabled-with-cooldown`: it cannot be deregistered."""
    protected_until: float | None = None
    """Until when it cannot be deregistered although its protection was taken off."""
    binned: Binned | None = None
    """That it was deregistered, and may come back."""
    tags: dict[str, str] = {}


def is_ebs(image: Image) -> bool:
    """Tell whether launches make a volume of its root."""
    return image.kind == "machine" and image.root_device_type == EBS


def mappings_of(image: Image) -> list[ImageMapping]:
    """Return the volumes that launches of an image make, its root first."""
    root = root_mapping(image)
    others = [one for one in image.mappings if one.device != image.root_device]
    return [root, *others] if root else others


def root_mapping(image: Image) -> ImageMapping | None:
    """Return what is said of its root; None for an instance-store image that says nothing."""
    for mapping in image.mappings:
        if mapping.device == image.root_device:
            return mapping
    if not is_ebs(image):
        return None
    size_gib = max(1, image.disk_gib)
    return ImageMapping(device=image.root_device, size_gib=size_gib, type=UNLIMITED)

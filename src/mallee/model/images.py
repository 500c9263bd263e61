"""Images: machine images (AMI), kernels (AKI), ramdisks (ARI), and the files that carry them."""

import msgspec


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


class Image(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An image as it is registered. `kind` is `machine`, `kernel` or `ramdisk`."""

    id: str
    name: str
    description: str = ""
    kind: str
    location: str
    architecture: str = "x86_64"
    is_public: bool = False
    blob: Blob
    """The disk of a machine image, or the kernel or ramdisk itself."""
    disk_gib: int = 0
    """The smallest root disk, in GiB, that holds the image (machine images)."""
    direct_boot: DirectBoot | None = None
    """For a whole-disk machine image that also carries its kernel aside."""
    kernel_id: str | None = None
    ramdisk_id: str | None = None
    is_root_file_system: bool = False
    """A lone root file system (the AMI of a trio): it needs a kernel to boot."""
    created_at: float
    state: str = "available"
    tags: dict[str, str] = {}

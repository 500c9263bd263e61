"""A Debian guest's image: a root file system with cloud-init, as Debian's own packages make it.

Built by hand (`python -m tests.debianimages`: minutes, and Debian's mirror) into `build/debian`
of the working tree, where tests find it; without it they are skipped. It boots by its own kernel
and ramdisk; who it is, it learns from the metadata service.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from mallee.images import catalogue
from mallee.model import catalogue as documents
from mallee.model.images import Blob, DirectBoot
from mallee.model.layout import Layout

NAME = "debian-test"
PACKAGES = (
    *("systemd-sysv", "dbus", "udev", "ifupdown", "isc-dhcp-client", "iproute2", "kmod", "procps"),
    *("openssh-server", "cloud-init", "qemu-guest-agent", "curl", "openssl", "ca-certificates"),
    *("linux-image-cloud-amd64", "initramfs-tools"),
)
COMMAND_LINE = "root=/dev/vda rw console=ttyS0 quiet systemd.show_status=false"
SIZE = "1200M"
DISK_GIB = 4

ROOT = Path(__file__).parent.parent / "build" / "debian"
_FILES = ("kernel", "ramdisk", "root")
_NOT_PACKED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")


def is_built() -> bool:
    """Whether there is an image to test with."""
    return all((ROOT / name).exists() for name in _FILES)


def build() -> None:
    """Make the image; needs root, mmdebstrap and Debian's mirror."""
    ROOT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT) as scratch:
        tar = Path(scratch) / "root.tar"
        without = [f"--dpkgopt=path-exclude={path}" for path in _NOT_PACKED]
        words = ["mmdebstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", *without]
        subprocess.run([*words, "bookworm", str(tar)], check=True)
        put_together(tar, Path(scratch))


def put_together(tar: Path, scratch: Path) -> None:
    """Make kernel, ramdisk and file system of a packed root."""
    tree = scratch / "tree"
    tree.mkdir()
    subprocess.run(["tar", "-xpf", str(tar), "-C", str(tree)], check=True)
    (tree / "etc/fstab").write_text("/dev/vda / ext4 defaults 0 0\n")
    (tree / "etc/machine-id").write_text("")
    made = {"kernel": next(tree.glob("boot/vmlinuz-*")), "ramdisk": next(tree.glob("boot/initrd*"))}
    for name, path in made.items():
        shutil.copy(path, ROOT / name)
    words = ["/usr/sbin/mke2fs", "-q", "-t", "ext4", "-d", str(tree), str(scratch / "root"), SIZE]
    subprocess.run(words, check=True)
    (scratch / "root").rename(ROOT / "root")


def offer(layout: Layout) -> None:
    """Put the image into a cloud's catalogue, from which it registers it."""
    blobs: dict[str, Blob] = {}
    for name, form in zip(_FILES, ("kernel", "ramdisk", "raw"), strict=True):
        copy = layout.root / f"debian-{name}"
        subprocess.run(["cp", "--sparse=always", str(ROOT / name), str(copy)], check=True)
        blobs[name] = catalogue.store(layout, copy, form)
    image = documents.CatalogueImage(
        key="debian",
        name=NAME,
        description="Debian with cloud-init",
        kind="machine",
        blob=blobs["root"],
        disk_gib=DISK_GIB,
        direct_boot=DirectBoot(blobs["kernel"], blobs["ramdisk"], COMMAND_LINE),
    )
    document = documents.Catalogue(name="debian", description="a test's", images=(image,))
    catalogue.publish(layout, document)


if __name__ == "__main__":
    build()

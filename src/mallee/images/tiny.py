"""The tiny guest: builds its images from Debian packages and offers them in the catalogue.

The command line (`mallee images build tiny`) and faststart call `build`. What the guest does when
it runs is told by the scripts in `guest/`: `guest/ramdisk` starts it, `guest/root` is the rest.
"""

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mallee.images import catalogue, cpio, disk, kernel, packages, tree
from mallee.kit import process
from mallee.model.images import catalogue as documents
from mallee.model.images.images import Blob, DirectBoot
from mallee.model.layout import Layout

Progress = Callable[[str], None]
"""Takes one line for the user per step, as it begins."""

COMMAND_LINE = "console=ttyS0 quiet loglevel=3 cryptomgr.notests no_timer_check"
"""Quiet because each character on the console costs time; the self tests of ciphers that nothing
here uses cost a seventh of the kernel's start, and the timer of our hypervisors needs no proof."""

BOOT_COMMANDS = (
    f"set root=(hd0,msdos1)\nlinux /boot/vmlinuz {COMMAND_LINE}\ninitrd /boot/ramdisk\nboot\n"
)
"""What the boot loader does on a disk that boots by itself."""

LABEL = "mallee-tiny"
"""Of the root file system, by which the guest finds it."""

_GUEST = Path(__file__).parent / "guest"
_KERNEL = "linux-image-cloud-amd64"
_PACKAGES = ("busybox-static", "dropbear-bin", "e2fsprogs", "grub-pc-bin", "liblz4-1", "libzstd1")
_RAMDISK_MODULES = ("virtio_pci", "virtio_blk", "virtio_net")
_ROOT_MODULES = ("button", "evdev", "virtio_rng", "virtio_balloon", "virtio_console")
_PROGRAMS = ("dropbear", "dropbearkey", "resize2fs")
_UUID = "6d616c6c-6565-4774-896e-790000000001"
_DISK_BYTES = 63 << 20
_LONE_BYTES = 32 << 20
_INODES = 2048


class CannotBuild(Exception):
    """The image cannot be built; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What every image is put together from."""

    version: str
    kernel: Path
    vmlinux: Path
    ramdisk: Path
    root: tree.Tree


def build(
    layout: Layout, progress: Progress, packages_from: Path | None = None
) -> documents.Catalogue:
    """Build all images of the tiny guest and write their blobs and catalogue document.

    Packages come from `packages_from` (a directory of .deb files) or else from the cache under the
    root, filled by apt at the first time. The same packages give the same bytes, so a second
    build changes nothing. Raises `CannotBuild`.
    """
    try:
        folder = packages_from or packages_folder(layout, progress)
        layout.cloud.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="build-", dir=layout.root) as scratch:
            return _build(layout, progress, folder, Path(scratch))
    except (process.Failed, process.TimedOut, packages.Missing, kernel.UnknownFormat) as error:
        raise CannotBuild(f"the tiny guest: {error}") from error
    except FileNotFoundError as error:
        raise CannotBuild(
            f"the tiny guest: {error.filename} is not there; install apt, dpkg and qemu-utils"
        ) from error
    except OSError as error:
        raise CannotBuild(f"the tiny guest: {error}; building takes 500 MB of disk") from error


def program() -> str:
    """Return the digest of what makes the tiny guest: another one may make another guest."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted((*here.glob("*.py"), *_GUEST.rglob("*"))):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(f"{path.relative_to(here)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def packages_folder(layout: Layout, progress: Progress) -> Path:
    """Return where the packages of the tiny guest lie; fetch them if need be, or `CannotBuild`."""
    folder = layout.packages / "tiny"
    if folder.exists():
        return folder
    progress("Fetching Debian packages")
    layout.packages.mkdir(parents=True, exist_ok=True)
    try:
        image = packages.direct_dependency(_KERNEL, "linux-image-")
        with tempfile.TemporaryDirectory(dir=layout.packages) as scratch:
            fetched = Path(scratch) / "tiny"
            packages.fetch([image, *packages.dependencies(_PACKAGES)], fetched)
            fetched.rename(folder)
    except process.TimedOut as error:
        raise _unfetched(f"not there after {error.timeout_s:g} s") from error
    except (process.Failed, packages.Unfetched) as error:
        raise _unfetched(str(error)) from error
    return folder


def _unfetched(why: str) -> CannotBuild:
    return CannotBuild(
        f"Debian's packages cannot be fetched: {why}; run apt-get update and look at the network, "
        "or give the packages: mallee images build tiny --packages DIRECTORY"
    )


def _build(layout: Layout, progress: Progress, folder: Path, scratch: Path) -> documents.Catalogue:
    progress("Unpacking packages")
    debs = sorted(folder.glob("*.deb"))
    if not debs:
        raise packages.Missing(f"{folder} holds no .deb file")
    tools = packages.unpack(debs, scratch / "unpacked")
    progress("Making kernel and ramdisk")
    parts = make_parts(tools, scratch)
    progress("Writing disks")
    lone, whole = scratch / "lone", scratch / "whole.qcow2"
    kind = disk.FileSystem(LABEL, _UUID, _LONE_BYTES, _INODES)
    disk.write_file_system(parts.root, kind, lone, tools)
    _write_whole(parts, whole, scratch, tools)
    progress("Publishing")
    vmlinux = catalogue.store(layout, parts.vmlinux, "kernel")
    ramdisk = catalogue.store(layout, parts.ramdisk, "ramdisk")
    disks = catalogue.store(layout, whole, "qcow2"), catalogue.store(layout, lone, "raw")
    document = _document(parts.version, DirectBoot(vmlinux, ramdisk, COMMAND_LINE), disks)
    catalogue.publish(layout, document)
    return document


def make_parts(tools: packages.Unpacked, scratch: Path) -> Parts:
    """Make what every image of the tiny guest is put together from; files go to `scratch`."""
    image = tools.find("boot/vmlinuz-*")
    version = image.name.removeprefix("vmlinuz-")
    vmlinux, ramdisk = scratch / "vmlinux", scratch / "ramdisk"
    vmlinux.write_bytes(kernel.extract_vmlinux(image.read_bytes(), tools))
    ramdisk.write_bytes(cpio.encode(_ramdisk_tree(tools, version)))
    return Parts(version, image, vmlinux, ramdisk, _root_tree(tools, version))


def _ramdisk_tree(tools: packages.Unpacked, version: str) -> tree.Tree:
    return {
        **tree.read(_GUEST / "ramdisk"),
        **module_tree(_RAMDISK_MODULES, tools, version),
        "bin/busybox": tree.Node(tree.PROGRAM, tools.program("busybox").read_bytes()),
        "bin/sh": tree.link("busybox"),
        "dev/console": tree.Node(tree.CONSOLE, device=(5, 1)),
        **{name: tree.directory() for name in ("proc", "sys", "root")},
    }


def _root_tree(tools: packages.Unpacked, version: str) -> tree.Tree:
    busybox = tools.program("busybox")
    applets = process.run([str(busybox), "--list-full"]).text.split()
    files = tree.read(_GUEST / "root")
    files |= {name: tree.link("/bin/busybox") for name in applets if name != "bin/busybox"}
    files |= module_tree(_ROOT_MODULES, tools, version)
    files |= _program_tree(tools)
    folders = ("dev", "proc", "sys", "run", "mnt", "media", "etc/dropbear", "var/lib/mallee")
    files |= {name: tree.directory() for name in folders}
    files |= {name: tree.directory(0o700) for name in ("root", "root/.ssh")}
    files["etc/shadow"] = tree.Node(tree.SECRET, files["etc/shadow"].data)
    return files | {
        "bin/busybox": tree.Node(tree.PROGRAM, busybox.read_bytes()),
        "tmp": tree.directory(0o1777),
        "var/run": tree.link("../run"),
    }


def _program_tree(tools: packages.Unpacked) -> tree.Tree:
    """The programs that are not busybox's, with their libraries and the loader."""
    programs = [tools.program(name) for name in _PROGRAMS]
    needed = {path for program in programs for path in tools.libraries(program)}
    loader = tools.loader()
    files = {f"sbin/{path.name}": path for path in programs}
    files |= {f"lib/x86_64-linux-gnu/{path.name}": path for path in sorted(needed)}
    files |= {f"lib64/{loader.name}": loader}
    return {name: tree.Node(tree.PROGRAM, path.read_bytes()) for name, path in files.items()}


def module_tree(names: tuple[str, ...], tools: packages.Unpacked, version: str) -> tree.Tree:
    """The modules with all they need, and the list of dependencies that modprobe reads."""
    folder = f"lib/modules/{version}"
    [found] = tools.root.glob(f"**/{folder}")
    modules = {
        f"{name}.ko": kernel.read_module(path)
        for name, path in kernel.module_paths(names, found).items()
    }
    lines = [
        f"{name}: " + " ".join(f"{needed}.ko" for needed in kernel.needs_all(name, modules))
        for name in modules
    ]
    files = {f"{folder}/{name}": tree.Node(tree.FILE, data) for name, data in modules.items()}
    files[f"{folder}/modules.dep"] = tree.Node(tree.FILE, "".join(f"{x}\n" for x in lines).encode())
    return files


def whole_tree(parts: Parts) -> tree.Tree:
    """Return the files of the disk that boots by itself."""
    return parts.root | {
        "boot/vmlinuz": tree.Node(tree.FILE, parts.kernel.read_bytes()),
        "boot/ramdisk": tree.Node(tree.FILE, parts.ramdisk.read_bytes()),
    }


def _write_whole(parts: Parts, to: Path, scratch: Path, tools: packages.Unpacked) -> None:
    """Write the disk that boots by itself, as qcow2."""
    partition, raw = scratch / "partition", scratch / "raw"
    kind = disk.FileSystem(LABEL, _UUID, _DISK_BYTES, _INODES)
    disk.write_file_system(whole_tree(parts), kind, partition, tools)
    disk.write_bootable(partition, raw, BOOT_COMMANDS, tools)
    process.run(["qemu-img", "convert", "-O", "qcow2", str(raw), str(to)], timeout_s=60)


def _document(version: str, boot: DirectBoot, disks: tuple[Blob, Blob]) -> documents.Catalogue:
    ramdisk = boot.ramdisk
    assert ramdisk is not None
    whole, lone = disks
    about = f"Mallee's tiny guest (busybox, dropbear, Linux {version})"
    return documents.Catalogue(
        name=documents.TINY,
        description=about,
        program=program(),
        images=(
            documents.CatalogueImage(
                key=documents.TINY_DISK,
                name="mallee-tiny",
                description=f"{about}: whole disk",
                kind="machine",
                blob=whole,
                disk_gib=1,
                direct_boot=boot,
            ),
            documents.CatalogueImage(
                key="kernel",
                name="mallee-tiny-kernel",
                description=f"{about}: kernel",
                kind="kernel",
                blob=boot.kernel,
            ),
            documents.CatalogueImage(
                key="ramdisk",
                name="mallee-tiny-ramdisk",
                description=f"{about}: ramdisk",
                kind="ramdisk",
                blob=ramdisk,
            ),
            documents.CatalogueImage(
                key="root",
                name="mallee-tiny-root",
                description=f"{about}: root file system, for the kernel and the ramdisk",
                kind="machine",
                blob=lone,
                disk_gib=1,
                kernel="kernel",
                ramdisk="ramdisk",
                is_root_file_system=True,
            ),
        ),
    )

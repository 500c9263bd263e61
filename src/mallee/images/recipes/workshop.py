"""The tools of a build: programs, boot loader and the tiny guest's parts, of Debian packages.

They are unpacked once and kept like a layer, by the names of the packages; the same packages as the
tiny guest's, which are there on every machine that has a cloud.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from mallee.images import packages, tiny
from mallee.images.recipes import instructions, jail, layers
from mallee.model.layout import Layout


@dataclass(frozen=True, slots=True)
class Workshop:
    """What is there to build with."""

    key: str
    tools: packages.Unpacked
    folder: Path

    @property
    def kernel(self) -> Path:
        """The tiny guest's kernel, as the hypervisor starts it."""
        return self.folder / "vmlinux"

    @property
    def ramdisk(self) -> Path:
        """The tiny guest's ramdisk."""
        return self.folder / "ramdisk"

    def parts(self, scratch: Path) -> tiny.Parts:
        """Make the tiny guest's parts again."""
        return tiny.make_parts(self.tools, scratch)


def open_workshop(layout: Layout, store: layers.Store, tell: jail.Tell) -> Workshop:
    """Return the tools; raises `tiny.CannotBuild` and what `packages` raises."""
    debs = sorted(tiny.packages_folder(layout, tell).glob("*.deb"))
    guest = [
        f"{path.name} {path.read_bytes()!r}"
        for path in sorted((Path(tiny.__file__).parent / "guest").rglob("*"))
        if path.is_file()
    ]
    key = "tools-" + instructions.key_of(*(path.name for path in debs), *guest)
    folder = store.layer(key)
    if not store.has(key):
        tell("unpacking tools")
        made = store.fresh("tools")
        unpacked = packages.unpack(debs, made / "unpacked")
        parts = tiny.make_parts(unpacked, made)
        for path in (parts.vmlinux, parts.ramdisk):
            path.chmod(0o644)
        store.keep(made, key)
    return Workshop(key, packages.Unpacked(folder / "unpacked"), folder)


def copy(path: Path, to: Path) -> Path:
    """Copy a file of the workshop's; return where it is."""
    shutil.copyfile(path, to)
    return to

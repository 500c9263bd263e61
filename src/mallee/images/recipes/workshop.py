"""The tools of a build: programs, boot loader and the tiny guest's parts, of Debian packages.

They are unpacked once and kept like a layer, by the names of the packages; the same packages as the
tiny guest's, which are there on every machine that has a cloud.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mallee.images import packages, tiny, tree
from mallee.images.recipes import instructions, jail, layers
from mallee.model.layout import Layout

_NEEDLESS = ("boot", "lib/modules", "usr/lib/modules", "usr/share/doc", "usr/share/man")
"""What packages bring that no build asks for once the tiny guest's parts are made: most of it."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What is there to build with."""

    key: str
    tools: packages.Unpacked
    folder: Path

    @property
    def tiny_key(self) -> str:
        """The key of the layer that has the tiny guest's files."""
        return f"tiny-{self.key}"

    @property
    def kernel(self) -> Path:
        """The tiny guest's kernel, as the hypervisor starts it."""
        return self.folder / "vmlinux"

    @property
    def ramdisk(self) -> Path:
        """The tiny guest's ramdisk."""
        return self.folder / "ramdisk"


def open_workshop(layout: Layout, store: layers.Store, tell: jail.Tell) -> Workshop:
    """Return the tools; raises `tiny.CannotBuild` and what `packages` raises."""
    debs = sorted(tiny.packages_folder(layout, tell).glob("*.deb"))
    guest = [
        f"{path.name} {path.read_bytes()!r}"
        for path in sorted((Path(tiny.__file__).parent / "guest").rglob("*"))
        if path.is_file()
    ]
    key = "tools-" + instructions.key_of(*(path.name for path in debs), *guest)
    shop = Workshop(key, packages.Unpacked(store.layer(key) / "unpacked"), store.layer(key))
    if not (store.has(key) and store.has(shop.tiny_key)):
        tell("unpacking tools")
        _make(shop, debs, store)
    return shop


def _make(shop: Workshop, debs: Sequence[Path], store: layers.Store) -> None:
    made, guest = store.fresh("tools"), store.fresh("guest")
    unpacked = packages.unpack(debs, made / "unpacked")
    parts = tiny.make_parts(unpacked, made)
    for path in (parts.vmlinux, parts.ramdisk):
        path.chmod(0o644)
    tree.write(tiny.whole_tree(parts), guest, jail.FIRST_USER)
    for name in _NEEDLESS:
        shutil.rmtree(made / "unpacked" / name, ignore_errors=True)
    store.keep(guest, shop.tiny_key)
    store.keep(made, shop.key)
    store.make_durable((shop.key, shop.tiny_key))

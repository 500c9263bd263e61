"""What recipes begin with: the tiny guest's files, or a Debian made by mmdebstrap.

A base has a key, by which its layer is found, and is made only when there is none. A Debian then
gets what makes it a guest of the cloud by a step like any other (`instructions.set_up`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mallee.images import tiny, tree
from mallee.images.recipes import instructions, jail, layers, mirrors, recipe, workshop

Make = Callable[[Path, mirrors.Terms], None]
"""Fills an empty directory; raises `jail.Failed`."""

_GUEST = Path(tiny.__file__).parent / "guest" / "debian"
_PACKAGES = (
    *("systemd-sysv", "dbus", "udev", "kmod", "procps", "iproute2", "iputils-ping", "ifupdown"),
    *("netbase", "openssh-server", "cloud-init", "cloud-guest-utils", "fdisk", "e2fsprogs"),
    *("qemu-guest-agent", "systemd-timesyncd", "ca-certificates", "curl", "openssl", "sudo"),
    *("less", "nano", "linux-image-cloud-amd64", "initramfs-tools", "zstd", "isc-dhcp-client"),
)
TINY_BYTES = 1 << 30
DEBIAN_BYTES = 4 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """Something to begin with."""

    key: str
    make: Make
    steps: tuple[instructions.Step, ...] = ()
    """What is done upon it before the recipe's own steps."""
    suite: str = ""
    """Of Debian's, for packages; empty: it has no packages."""
    mirror: mirrors.Mirror | None = None
    size_bytes: int
    """Of an image of which a recipe says nothing."""


def tiny_guest(shop: workshop.Workshop) -> Base:
    """Return the tiny guest as a base: its layer comes with the tools."""

    def make(to: Path, terms: mirrors.Terms) -> None:
        raise jail.Failed("the tiny guest's layer is gone: begin again")

    return Base(key=shop.tiny_key, make=make, size_bytes=TINY_BYTES)


def debian(wanted: recipe.Recipe, store: layers.Store) -> Base:
    """Return the Debian that a recipe names as a base."""
    suite = recipe.DEBIANS[wanted.base]
    mirror = mirrors.choose(wanted.mirror)

    def make(to: Path, terms: mirrors.Terms) -> None:
        mirrors.run_bootstrap(mirrors.bootstrap(suite, mirror, _PACKAGES, to), store, terms)

    words = mirrors.bootstrap(suite, mirror, _PACKAGES, Path("."))
    return Base(
        key=f"{suite}-{instructions.key_of(*words)}",
        make=make,
        steps=(instructions.set_up(tree.read(_GUEST)),),
        suite=suite,
        mirror=mirror,
        size_bytes=DEBIAN_BYTES,
    )

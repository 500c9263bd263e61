"""Writes the layers of an image as a disk that boots by itself: qcow2, a partition, GRUB before it.

mke2fs reads the layers in a jail, where their owners are who they shall be. Times that the kernel
sets (of change, of birth) are taken back, so that the same layers give the same bytes.
"""

import dataclasses
import re
import shlex
import uuid
from dataclasses import dataclass
from pathlib import Path

from mallee.images import disk
from mallee.images.recipes import instructions, jail, layers, mirrors, workshop
from mallee.kit import process

WRITE_S_MAX = 1200.0
CONVERT_S_MAX = 1200.0
_BYTES_PER_INODE = 32768
_FREE = re.compile(r"Free inodes: ?([0-9, -]*)")
_COUNT = re.compile(r"^Inode count:\s+(\d+)", re.M)
_SPACE = ("Could not allocate block", "No space left", "no space", "Could not allocate inode")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which disk."""

    keys: tuple[str, ...]
    label: str
    size_bytes: int
    boot_commands: str


def write(
    wanted: Wanted, shop: workshop.Workshop, store: layers.Store, terms: mirrors.Terms
) -> Path:
    """Write the disk into the scratch room; return where. Raises `jail.Failed`."""
    folder = store.fresh("disk")
    raw, made = folder / "raw", folder / "qcow2"
    size = wanted.size_bytes - disk.PARTITION_START
    with raw.open("wb") as file:
        file.write(disk.front(size, wanted.boot_commands, shop.tools, folder))
        file.truncate(wanted.size_bytes)
    jail.own(raw)
    _write_file_system(wanted, raw, (shop, store), terms)
    process.run(
        ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(made)],
        timeout_s=CONVERT_S_MAX,
    )
    raw.unlink()
    return made


def _write_file_system(
    wanted: Wanted,
    raw: Path,
    tools: tuple[workshop.Workshop, layers.Store],
    terms: mirrors.Terms,
) -> None:
    shop, store = tools
    order = store.order(wanted.keys, None)
    unit = uuid.uuid5(uuid.NAMESPACE_URL, "/".join(wanted.keys))
    epoch = instructions.EPOCH
    fixed = (
        f"E2FSPROGS_FAKE_TIME={epoch}",
        f"MKE2FS_CONFIG={shop.tools.find('etc/mke2fs.conf')}",
    )
    place = f"offset={disk.PARTITION_START}"
    shape = ["-q", "-F", "-t", "ext4", "-O", disk.FEATURES, "-b", str(disk.BLOCK), "-I", "256"]
    shape += ["-m", "1", "-i", str(_BYTES_PER_INODE), "-L", wanted.label, "-U", str(unit)]
    shape += ["-E", f"hash_seed={unit},lazy_itable_init=1,nodiscard,root_owner=0:0,{place}"]
    shape += ["-J", "size=16", "-d", order.mount_point, str(raw)]
    blocks = str((wanted.size_bytes - disk.PARTITION_START) // disk.BLOCK)
    make = shop.tools.command("mke2fs", [*shape, blocks], variables=fixed)
    outside = dataclasses.replace(order, is_root=False, memory_bytes_max=0)
    try:
        jail.run(dataclasses.replace(outside, argv=tuple(make)), terms(WRITE_S_MAX))
    except jail.Failed as failed:
        if any(word in line for line in failed.said for word in _SPACE):
            raise jail.Failed(
                f"its files do not fit into {wanted.size_bytes >> 20} MiB: give a larger `size`"
            ) from failed
        raise
    device = f"{raw}?{place}"
    listed = process.run(shop.tools.command("dumpe2fs", [device], variables=fixed)).text
    script = raw.with_name("script")
    script.write_text(
        "\n".join(
            f"set_inode_field <{inode}> {time} @{epoch}"
            for inode in _used_inodes(listed)
            for time in ("atime", "ctime", "crtime")
        )
        + "\n"
    )
    script.chmod(0o644)
    alone = dataclasses.replace(outside, lower=())
    quiet = ["sh", "-ec", 'exec "$@" >/dev/null', "sh"]
    settle = [
        *quiet,
        *shop.tools.command("debugfs", ["-w", "-f", str(script), device], variables=fixed),
    ]
    jail.run(dataclasses.replace(alone, argv=tuple(settle)), terms(WRITE_S_MAX))
    check = shop.tools.command("e2fsck", ["-f", "-n", device], variables=fixed)
    jail.run(dataclasses.replace(alone, argv=tuple(check)), terms(WRITE_S_MAX))


def _used_inodes(listed: str) -> list[int]:
    """Return the numbers of inodes in use, from what dumpe2fs says of those that are not."""
    count = _COUNT.search(listed)
    assert count is not None, shlex.quote(listed[:200])
    free: set[int] = set()
    for part in ",".join(_FREE.findall(listed)).split(","):
        first, _, last = part.strip().partition("-")
        if first:
            free.update(range(int(first), int(last or first) + 1))
    reserved = set(range(1, 11)) - {2}
    return [n for n in range(1, int(count[1]) + 1) if n not in free and n not in reserved]

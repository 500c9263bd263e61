"""Users and the directories that they own: who may write where below the root directory.

Root owns the root directory; the user `mallee` owns what the cloud process keeps; QEMU's user may
pass through to the disks of its guests. Called at every `up`, and changes only what differs.
Not its business: what the daemons put into their directories.

Invariant: where the cloud's user may write, root follows no link and reads no secret: whoever took
that process over could else have root give him any file of the machine.
"""

import contextlib
import os
import pwd
import shutil
import stat
from pathlib import Path

from mallee.box import steps
from mallee.kit import files, ownership, process
from mallee.kit.ownership import Directory
from mallee.model.configuration import settings
from mallee.model.layout import Layout
from mallee.node import directories as hosts

CLOUD_USER = "mallee"
QEMU_USER = "libvirt-qemu"
QEMU_GROUP = "kvm"
SETTINGS_MODE = 0o640
ROOT_PATH_BYTES_MAX = 40
"""A unix socket's path has at most 107 bytes; libvirt's own part below the root needs the rest."""


def directories(layout: Layout) -> tuple[Directory, ...]:
    """Return all directories that `up` makes, parents first: a host's, and the cloud's."""
    mallee, root = CLOUD_USER, "root"
    return (
        *hosts.of_host(layout),
        # The cloud writes the first credentials; others must not read them.
        Directory(layout.admin_credentials.parent, mallee, root, 0o700),
        Directory(layout.keys, root, root, 0o700),
        Directory(layout.cloud, mallee, mallee, 0o755),
        Directory(layout.trail, mallee, mallee, 0o700),
        Directory(layout.objects, mallee, mallee, 0o700),
        Directory(layout.blobs, mallee, mallee, 0o755),
        Directory(layout.catalogue, mallee, mallee, 0o755),
    )


def ensure_user() -> str:
    """Make the cloud's system user if it is absent; say what was found."""
    try:
        pwd.getpwnam(CLOUD_USER)
    except KeyError:
        options = "--system --user-group --no-create-home --home-dir /nonexistent --comment Mallee"
        process.run(["useradd", *options.split(), "--shell", "/usr/sbin/nologin", CLOUD_USER])
        return f"made the system user {CLOUD_USER}"
    return f"the system user {CLOUD_USER} is there"


def ensure_directories(layout: Layout) -> None:
    """Make the directories, and set owners and modes where they differ."""
    check_root_path(layout.root)
    layout.root.mkdir(parents=True, exist_ok=True)
    for wanted in directories(layout):
        with contextlib.suppress(FileExistsError):
            wanted.path.mkdir()
        _put_right(wanted)


def _put_right(wanted: Directory) -> None:
    try:
        ownership.put_right(wanted)
    except NotADirectoryError as error:
        raise steps.Failed(
            f"{wanted.path} is no directory of its own but a link or a file",
            f"see who put it there; then remove it: rm {wanted.path}",
        ) from error


def fetch_wrong(layout: Layout) -> list[Path]:
    """Return the directories that are there and have another owner or mode than they should."""
    return [one.path for one in ownership.fetch_wrong(directories(layout))]


def ensure_settings(layout: Layout, first: settings.Settings) -> settings.Settings:
    """Write the settings unless they are there; return what holds. Raises `steps.Failed`."""
    if not layout.settings.exists():
        files.write_atomically(layout.settings, settings.encode(first).encode())
    give_settings(layout)
    return read_settings(layout)


def give_settings(layout: Layout) -> None:
    """Let the cloud's user read the settings, and nobody else: they may hold a password."""
    layout.settings.chmod(SETTINGS_MODE)
    shutil.chown(layout.settings, "root", CLOUD_USER)


def read_settings(layout: Layout) -> settings.Settings:
    """Return the settings of the cloud, the defaults where there are none yet."""
    try:
        return settings.parse(layout.settings.read_text())
    except FileNotFoundError:
        return settings.Settings()
    except PermissionError as error:
        raise steps.Failed(f"{layout.settings} is not for you to read", "use sudo") from error
    except settings.InvalidSettings as error:
        raise steps.Failed(str(error), f"edit {layout.settings}") from error


def check_root_path(root: Path) -> None:
    """Raise `steps.Failed` when the root directory's path cannot be used."""
    if not root.is_absolute() or len(os.fsencode(root)) > ROOT_PATH_BYTES_MAX:
        raise steps.Failed(
            f"{root} is not an absolute path of at most {ROOT_PATH_BYTES_MAX} bytes, and the paths "
            "of unix sockets below it must stay under 108",
            "choose a shorter one: --root /srv/mallee",
        )
    if any(character in str(root) for character in " \t\n\"'\\,%$"):
        raise steps.Failed(
            f"{root} holds a space or a character with a meaning in configuration files",
            "choose a plain one: --root /srv/mallee",
        )
    blocked = first_impassable(root)
    if blocked is not None:
        raise steps.Failed(
            f"{blocked} cannot be passed by other users, and the cloud and QEMU run as such",
            f"choose another root directory, or: chmod o+x {blocked}",
        )


def first_impassable(path: Path) -> Path | None:
    """Return the first directory above `path` that others may not pass through."""
    for parent in reversed(path.parents):
        if parent.exists() and not parent.stat().st_mode & stat.S_IXOTH:
            return parent
    return None

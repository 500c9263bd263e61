"""What a recipe's values may be: each rule in one place, with words for whoever breaks it.

Pure: looks at a recipe as it is written (`texts.RecipeText`), at no file and no machine.
"""

import difflib
import re
from collections.abc import Iterator

from mallee.images.recipes import passwords, places, texts
from mallee.model import ids

Complaint = tuple[places.Path, str]
"""Which key, and what is wrong with it."""

SIZE_BYTES_MAX = 1 << 40
SIZE_BYTES_MIN = 128 << 20
COMMANDS_MAX = 40
_UNITS = {"MIB": 20, "M": 20, "GIB": 30, "G": 30, "TIB": 40, "T": 40}
_SIZE = re.compile(r"(\d{1,9})\s*([A-Za-z]+)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ().@'_/\[\]-]{2,127}")
"""As names of images are in AWS."""
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]+(?:=[A-Za-z0-9.+:~-]+)?")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_SERVICE = re.compile(r"[A-Za-z0-9@._:\\-]+")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_MODE = re.compile(r"0?[0-7]{3,4}")
_MIRROR = re.compile(r"(?:https?://|file:///)[^\s\"'\[\]]+")
_BASES = ("tiny", "debian-12", "debian-13")


def size_bytes(text: str) -> int:
    """Return the bytes of a size such as `4 GiB`; 0 for what is none."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or match[2].upper() not in _UNITS:
        return 0
    return int(match[1]) << _UNITS[match[2].upper()]


def complaints(written: texts.RecipeText) -> Iterator[Complaint]:
    """Yield whatever is wrong with a recipe's values."""
    if written.name and not _NAME.fullmatch(written.name):
        yield ("name",), "a name has 3 to 128 letters, digits, spaces, or ( ) [ ] . / - ' @ _"
    yield from _base(written)
    for number, package in enumerate(written.packages):
        if not _PACKAGE.fullmatch(package):
            yield ("packages", number), f"{package!r} is no package: NAME or NAME=VERSION"
    names = [user.name for user in written.users]
    for number, user in enumerate(written.users):
        yield from _user(("users", number), user)
        if user.name in names[:number]:
            yield ("users", number, "name"), f"there are two users {user.name}"
    for number, file in enumerate(written.files):
        yield from _file(("files", number), file)
    yield from _rest(written)


def _base(written: texts.RecipeText) -> Iterator[Complaint]:
    base = written.base
    if base not in _BASES and not ids.is_well_formed(base, "ami"):
        near = difflib.get_close_matches(base, _BASES, 1, 0.4)
        meant = f"; did you mean {near[0]}?" if near else ""
        yield ("base",), f"{base!r} is no base: {', '.join(_BASES)} or an AMI's id{meant}"
    if base == "tiny" and written.packages:
        yield ("packages",), "the base tiny has no package manager; debian-12 has one"
    for number, user in enumerate(written.users):
        if base == "tiny" and user.ssh_password:
            yield (
                ("users", number, "ssh-password"),
                "the SSH of the base tiny takes keys only; debian-12 takes passwords too",
            )
    if written.mirror and not _MIRROR.fullmatch(written.mirror):
        yield ("mirror",), f"{written.mirror!r} is no address of a mirror"
    if written.mirror and base not in _BASES[1:]:
        yield ("mirror",), "only a Debian base has packages of a mirror"


def _user(at: places.Path, user: texts.UserText) -> Iterator[Complaint]:
    if not _USER.fullmatch(user.name):
        yield (*at, "name"), f"{user.name!r} is no user's name: small letters, digits, - and _"
    said = [word for word in (user.password, user.password_from, user.password_hash) if word]
    if len(said) > 1:
        yield at, "give one of password, password-from, password-hash"
    if user.password_hash and not passwords.is_hash(user.password_hash):
        yield (
            (*at, "password-hash"),
            "this is no hash that guests take: make one with `openssl passwd -6` or `mkpasswd`",
        )
    kind, colon, place = user.password_from.partition(":")
    is_source = user.password_from == "ask" or (kind in ("env", "file") and colon and place)
    if user.password_from and not is_source:
        yield (*at, "password-from"), "a password comes from `ask`, `env:NAME` or `file:NAME`"
    if any(letter in user.password for letter in "\n\0"):
        yield (*at, "password"), "a password is one line"
    for number, group in enumerate(user.groups):
        if not _USER.fullmatch(group):
            yield (*at, "groups", number), f"{group!r} is no group's name"
    if user.shell and not _is_path(user.shell):
        yield (*at, "shell"), f"{user.shell!r} is no absolute path"
    if user.ssh_password and not said:
        yield (*at, "ssh-password"), "there is no password to log in with"


def _file(at: places.Path, file: texts.FileText) -> Iterator[Complaint]:
    if not _is_path(file.path):
        yield (*at, "path"), f"{file.path!r} is no absolute path without `..`"
    if (file.content is None) == (not file.source):
        yield at, "give one of from (a file beside the recipe) and content"
    for key, name in (("owner", file.owner), ("group", file.group or "root")):
        if not _USER.fullmatch(name):
            yield (*at, key), f"{name!r} is no {key}'s name"
    if file.mode and not _MODE.fullmatch(file.mode):
        yield (*at, "mode"), f"{file.mode!r} is no mode: 0644, 0755 …"


def _rest(written: texts.RecipeText) -> Iterator[Complaint]:
    for key, commands in (("run", written.run), ("test", written.test)):
        if len(commands) > COMMANDS_MAX:
            yield (key,), f"{len(commands)} commands are more than {COMMANDS_MAX}: use a script"
        for number, command in enumerate(commands):
            if not command.strip() or "\0" in command:
                yield (key, number), "this is no command"
    for number, service in enumerate(written.services):
        if written.base == "tiny" and not _is_path(service.partition(" ")[0]):
            yield ("services", number), "a service of the base tiny is a command: /bin/httpd -f"
        elif "\n" in service or (written.base != "tiny" and not _SERVICE.fullmatch(service)):
            yield ("services", number), f"{service!r} is no service's name"
    if written.size and not SIZE_BYTES_MIN <= size_bytes(written.size) <= SIZE_BYTES_MAX:
        yield ("size",), f"{written.size!r} is no size: 128 MiB to 1 TiB, written as `4 GiB`"
    if written.hostname != "metadata" and not _HOST.fullmatch(written.hostname):
        yield ("hostname",), "it is a host's name, or `metadata`: the one that the cloud gives"
    if written.user_data and not written.user_data.startswith(("#!", "#cloud-config")):
        yield ("user-data",), "it begins with `#!` or `#cloud-config`"
    if written.base == "tiny" and written.user_data.startswith("#cloud-config"):
        yield ("user-data",), "the base tiny has no cloud-init: give a script"


def _is_path(text: str) -> bool:
    parts = text.split("/")
    return text.startswith("/") and len(text) > 1 and ".." not in parts and text.isprintable()

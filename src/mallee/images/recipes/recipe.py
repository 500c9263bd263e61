"""A recipe: what somebody wants in an image, read from TOML and checked before anything is done.

`read` gives a `Recipe` with all that it needs in it: the bytes of its files, hashes instead of
passwords. Whoever errs is told the line, the key, and what he may have meant. What it takes to make
an image of it is `instructions`; who reads recipes is the command line.
"""

import difflib
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mallee.images.recipes import checks, passwords, places, sources, texts

TINY = "tiny"
DEBIANS = {"debian-12": "bookworm", "debian-13": "trixie"}
BUILT_IN = (TINY, *DEBIANS)
RECIPE_BYTES_MAX = 1 << 20

Ask = Callable[[str], str]
"""Asks the person at the terminal for a password, with those words."""


class Invalid(Exception):
    """A recipe is not one; each complaint names the line and the key."""

    def __init__(self, complaints: list[str]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("\n".join(complaints))


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who may log in; `hash` is empty for who has no password."""

    name: str
    hash: str
    keys: tuple[str, ...]
    groups: tuple[str, ...]
    shell: str
    ssh_password: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is wanted; all of it checked."""

    name: str
    description: str = ""
    base: str
    mirror: str = ""
    packages: tuple[str, ...] = ()
    users: tuple[User, ...] = ()
    files: tuple[sources.File, ...] = ()
    run: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    size_bytes: int = 0
    hostname: str = texts.FROM_METADATA
    user_data: str = ""
    test: tuple[str, ...] = ()

    @property
    def is_foreign(self) -> bool:
        """Whether the base is an image of the cloud, which is only opened in a guest."""
        return self.base not in BUILT_IN


def read(path: Path, ask: Ask) -> Recipe:
    """Read a recipe and all that it names; raise `Invalid`."""
    try:
        text = sources.read(path.parent, path.name, RECIPE_BYTES_MAX).decode()
    except UnicodeDecodeError as error:
        raise Invalid([f"{path.name}: this is no text: {error}"]) from error
    except sources.Unreadable as error:
        raise Invalid([f"{path}: {error}"]) from error
    return parse(text, path, ask)


def built_in(name: str, mirror: str = "") -> Recipe:
    """Return the recipe of a base by itself."""
    told = f"Mallee's {name}"
    return Recipe(name=f"mallee-{name}", base=name, description=told, mirror=mirror)


def parse(text: str, path: Path, ask: Ask) -> Recipe:
    """Read the text of a recipe that lies at `path`; raise `Invalid`."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid([f"{path.name}: {error}"]) from error
    where = places.find(text)
    try:
        written = msgspec.convert(values, texts.RecipeText)
    except msgspec.ValidationError as error:
        raise Invalid([_form_complaint(path.name, str(error), where)]) from error
    complaints = [_complaint(path.name, where, at, what) for at, what in checks.complaints(written)]
    if complaints:
        raise Invalid(complaints)
    name = written.name or path.stem
    try:
        return _made(written, name, path.parent, ask)
    except _Wrong as wrong:
        raise Invalid([_complaint(path.name, where, wrong.at, str(wrong))]) from wrong


class _Wrong(Exception):
    """What a key names is not there or no good."""

    def __init__(self, at: places.Path, what: str) -> None:
        self.at = at
        super().__init__(what)


def _made(written: texts.RecipeText, name: str, folder: Path, ask: Ask) -> Recipe:
    return Recipe(
        name=name,
        description=written.description,
        base=written.base,
        mirror=written.mirror,
        packages=tuple(written.packages),
        users=tuple(
            _user(user, (name, folder, ask), number) for number, user in enumerate(written.users)
        ),
        files=tuple(
            file
            for number, entry in enumerate(written.files)
            for file in _files(entry, folder, number)
        ),
        run=tuple(written.run),
        services=tuple(written.services),
        size_bytes=checks.size_bytes(written.size) if written.size else 0,
        hostname=written.hostname,
        user_data=written.user_data,
        test=tuple(written.test),
    )


def _files(entry: texts.FileText, folder: Path, number: int) -> tuple[sources.File, ...]:
    wanted = sources.Wanted(
        path=entry.path,
        owner=entry.owner,
        group=entry.group or entry.owner,
        mode=int(entry.mode, 8) if entry.mode else None,
    )
    if entry.content is not None:
        return (sources.inline(wanted, entry.content.encode()),)
    try:
        return sources.gather(folder, entry.source, wanted)
    except sources.Unreadable as error:
        raise _Wrong(("files", number, "from"), str(error)) from error


def _user(user: texts.UserText, told: tuple[str, Path, Ask], number: int) -> User:
    name, folder, _ = told
    at: places.Path = ("users", number)
    hash = user.password_hash
    try:
        password = user.password or _password(user, told)
    except (sources.Unreadable, KeyError) as error:
        raise _Wrong((*at, "password-from"), f"no password comes from there: {error}") from error
    if password:
        hash = passwords.hashed(password, name, user.name)
    try:
        keys = tuple(line for key in user.keys for line in sources.keys(folder, key))
    except sources.Unreadable as error:
        raise _Wrong((*at, "keys"), str(error)) from error
    return User(
        name=user.name,
        hash=hash,
        keys=keys,
        groups=tuple(user.groups),
        shell=user.shell,
        ssh_password=user.ssh_password,
    )


def _password(user: texts.UserText, told: tuple[str, Path, Ask]) -> str:
    _, folder, ask = told
    kind, _, place = user.password_from.partition(":")
    if kind == "env":
        return sources.variable(place)
    if kind == "file":
        return sources.read(folder, place, 4096).decode().strip()
    return ask(f"password for {user.name}: ") if kind == "ask" else ""


def _complaint(file: str, where: dict[places.Path, int], at: places.Path, what: str) -> str:
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in at).lstrip(".")
    return f"{file}, line {places.line_of(where, at)}, {key or 'recipe'}: {what}"


def _form_complaint(file: str, said: str, where: dict[places.Path, int]) -> str:
    """Say again what msgspec says, with the line, and with what may have been meant."""
    what, _, place = said.partition(" - at `$")
    parts = re.findall(r"\.([^.\[\]`]+)|\[(\d+)\]", place)
    at: places.Path = tuple(int(number) if number else key for key, number in parts)
    if unknown := re.fullmatch(r"Object contains unknown field `(.+)`", what):
        known = _keys_at(at)
        near = difflib.get_close_matches(unknown[1], known, 1)
        meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        return _complaint(file, where, (*at, unknown[1]), f"there is no such key; {meant}")
    if missing := re.fullmatch(r"Object missing required field `(.+)`", what):
        return _complaint(file, where, at, f"{missing[1]} is missing")
    words = {"array": "a list", "str": "a text", "object": "a table", "bool": "true or false"}
    told = re.sub(r"`(\w+)(?: \| null)?`", lambda word: words.get(word[1], word[1]), what)
    return _complaint(file, where, at, told[:1].lower() + told[1:])


def _keys_at(at: places.Path) -> list[str]:
    kind = (
        {"users": texts.UserText, "files": texts.FileText}.get(str(at[0]), texts.RecipeText)
        if at
        else texts.RecipeText
    )
    return [field.encode_name for field in msgspec.structs.fields(kind)]

"""Builds the image of a recipe, step by step, and puts it into the catalogue.

A `Build` is a list of named parts; whoever runs them shows how they go (`mallee images build`).
Steps that were done before are found in the cache of layers. Nothing is seen by anybody before the
last part, which is whole or absent; a build that ends anyhow leaves nothing but finished layers.
"""

import contextlib
import dataclasses
import os
import tempfile
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from mallee.images import packages, tiny
from mallee.images.recipes import (
    bases,
    instructions,
    jail,
    layers,
    mirrors,
    offers,
    recipe,
    wholedisk,
    workshop,
)
from mallee.kit import process
from mallee.model.images.catalogue import CatalogueImage
from mallee.model.layout import Layout

LABEL = "mallee-root"
"""Of a Debian's root file system, by which it finds it."""
_DEBIAN_BOOT = "configfile (hd0,msdos1)/boot/grub/grub.cfg\n"

_TROUBLES = (
    jail.Failed,
    layers.Busy,
    process.Failed,
    process.TimedOut,
    packages.Missing,
    tiny.CannotBuild,
    OSError,
)

Do = Callable[[jail.Tell], str]
"""Does a step: is given what shows a line of progress, returns what there is to say."""


class Failed(Exception):
    """A build cannot be done; the message says at what and why."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a build: what it does, for people, and what does it."""

    name: str
    do: Do


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a build differs from the usual one."""

    refresh: bool = False
    """Whether all is made anew, from what the mirror has today."""
    is_public: bool = False
    """Whether all accounts of the cloud may launch the image."""


@dataclass(slots=True)
class Build:
    """One build under way: what it has so far."""

    layout: Layout
    wanted: recipe.Recipe
    store: layers.Store
    log: IO[bytes]
    base: bases.Base
    shop: workshop.Workshop
    options: Options
    generation: str
    """Which making of the base it is; newer ones are made when all is to be made anew."""
    keys: list[str] = field(default_factory=list[str])
    above: str = ""
    """What the next step's key follows from."""
    disk: Path | None = None

    @property
    def steps(self) -> tuple[instructions.Step, ...]:
        """All steps upon the base."""
        own = instructions.steps(self.wanted)
        return (*self.base.steps, *own, instructions.part())

    def final_key(self) -> str:
        """What names the image that this build makes."""
        key = self._root()
        for step in self.steps:
            key = step.key(key)
        return instructions.key_of(key, str(self.size_bytes()))

    def _root(self) -> str:
        """What the keys of all steps follow from."""
        return f"{self.base.key}-{self.generation}" if self.generation else self.base.key

    def size_bytes(self) -> int:
        """How large its disk is."""
        return self.wanted.size_bytes or self.base.size_bytes

    def parts(self) -> tuple[Part, ...]:
        """Return what is to be done, in order."""
        made = [Part(f"Begin with {self.wanted.base}", self._begin)]
        made += [Part(step.name, self._doing(step)) for step in self.steps]
        made.append(Part("Write the disk", self._write))
        made.append(Part("Offer it to the cloud", self._offer))
        return tuple(made)

    def _terms(self, tell: jail.Tell) -> mirrors.Terms:
        return lambda timeout_s: jail.Terms(
            timeout_s=timeout_s, log=self.log, tell=tell, room=self.store.scratch
        )

    def _begin(self, tell: jail.Tell) -> str:
        # The tiny guest is the same at each making.
        key = self.base.key if self.wanted.base == recipe.TINY else self._root()
        self.keys, self.above = [key], self._root()
        said = "made before"
        if not self.store.has(key):
            made, said = self.store.fresh("base"), ""
            self.base.make(made, self._terms(tell))
            self.store.keep(made, key)
        if self.generation:
            self.store.begin_generation(self.base.key, self.generation)
        return said

    def _doing(self, step: instructions.Step) -> Do:
        def do(tell: jail.Tell) -> str:
            key, said = step.key(self.above), "done before"
            if not self.store.has(key):
                made, said = self.store.fresh("upper"), ""
                try:
                    self._run(step, made, tell)
                except jail.Failed as failed:
                    raise Failed(f"{step.name}: {failed}") from failed
                self.store.keep(made, key)
            self.keys.append(key)
            self.above = key
            return said

        return do

    def _run(self, step: instructions.Step, upper: Path, tell: jail.Tell) -> None:
        self.log.write(f"\n== {step.name}\n".encode())
        terms = self._terms(tell)
        order = self.store.order(tuple(self.keys), upper)
        brought: dict[str, str] = {}
        if step.packages:
            assert self.base.mirror is not None, "checked with the recipe"
            request = mirrors.Request(
                packages=step.packages,
                suite=self.base.suite,
                mirror=self.base.mirror,
                status=self._status(),
            )
            brought[instructions.DEBS] = str(mirrors.fetch(request, self.store, terms))
        order = dataclasses.replace(
            order,
            argv=("/bin/sh", "-ec", step.script),
            brought=brought,
            file_bytes_max=self.size_bytes(),
        )
        with tempfile.TemporaryFile(dir=self.store.scratch) as stdin:
            stdin.write(step.stdin)
            stdin.seek(0)
            given = dataclasses.replace(terms(instructions.COMMAND_S_MAX), stdin=stdin)
            jail.run(order, given)

    def _status(self) -> bytes:
        """What the packages are that the layers have: dpkg's own list, of the highest that has it.

        Layers below the packages' are made by packages and by nobody else.
        """
        for key in reversed(self.keys):
            layer = self.store.layer(key)
            path = layer / "var/lib/dpkg/status"
            if path.is_file() and path.resolve().is_relative_to(layer.resolve()):
                return path.read_bytes()
        raise Failed("the base has no list of packages")

    def _write(self, tell: jail.Tell) -> str:
        is_tiny = self.wanted.base == recipe.TINY
        wanted = wholedisk.Wanted(
            keys=tuple(self.keys),
            label=tiny.LABEL if is_tiny else LABEL,
            size_bytes=self.size_bytes(),
            boot_commands=tiny.BOOT_COMMANDS if is_tiny else _DEBIAN_BOOT,
        )

        self.disk = wholedisk.write(wanted, self.shop, self.store, self._terms(tell))
        return f"{self.disk.stat().st_size >> 20} MiB"

    def _offer(self, tell: jail.Tell) -> str:
        assert self.disk is not None, "the part before has written it"
        self.store.make_durable(self.keys)
        offers.publish(self.layout, self._offered(), self.disk)
        return self.wanted.name

    def _offered(self) -> offers.Offer:
        is_tiny = self.wanted.base == recipe.TINY
        return offers.Offer(
            name=self.wanted.name,
            description=self.wanted.description or f"made of {self.wanted.base} by a recipe",
            base=self.wanted.base,
            key=self.final_key(),
            size_bytes=self.size_bytes(),
            is_public=self.options.is_public,
            kernel=self.shop.kernel if is_tiny else None,
            ramdisk=self.shop.ramdisk if is_tiny else None,
        )

    def found(self) -> CatalogueImage | None:
        """Return the image of this very recipe, if the catalogue offers it already."""
        return None if self.options.refresh else offers.find(self.layout, self._offered())


@contextlib.contextmanager
def begun(layout: Layout, wanted: recipe.Recipe, options: Options) -> Generator[Build]:
    """Begin a build: hold the cache, open the log. Raises `Failed`."""
    layout.log.mkdir(parents=True, exist_ok=True)
    with telling(), layers.held(layout) as store, _opened(log_path(layout, wanted)) as log:
        shop = workshop.open_workshop(layout, store, lambda line: None)
        base = bases.tiny_guest(shop) if wanted.base == recipe.TINY else bases.debian(wanted, store)
        generation = store.generation(base.key)
        if options.refresh:
            generation = f"{time.time_ns():x}"
        yield Build(layout, wanted, store, log, base, shop, options, generation)


@contextlib.contextmanager
def telling() -> Generator[None]:
    """Say any trouble of a build's as `Failed`."""
    try:
        yield
    except FileNotFoundError as error:
        raise Failed(
            f"{error.filename} is not there: apt-get install qemu-utils mmdebstrap apt"
        ) from error
    except _TROUBLES as error:
        raise Failed(str(error)) from error


def log_path(layout: Layout, wanted: recipe.Recipe) -> Path:
    """Where the log of the last build of that image lies."""
    return layout.log / f"image-{offers.slug(wanted.name)}.log"


def _opened(path: Path) -> IO[bytes]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    return os.fdopen(descriptor, "wb", buffering=0)

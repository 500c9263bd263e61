"""A bare machine on a wire of its own, for trying the tiny guest; no cloud is involved."""

import subprocess
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench import bare, wire
from mallee.model.images import catalogue
from tests import tinyimages

USER_DATA = b'#!/bin/sh\necho "user data runs on $(hostname)"\necho once >>/root/runs\n'


@dataclass(frozen=True, slots=True)
class Bench:
    """A wire with one place, a key pair that the metadata service names, and room for disks."""

    folder: Path
    port: wire.Port
    metadata: wire.Metadata
    key: Path

    def direct(self, disk: Path, *more: Path) -> bare.Machine:
        """A machine that takes the fast boot path."""
        boot = catalogue.proof_boot(tinyimages.document())
        assert boot.ramdisk is not None
        return bare.Machine(
            kernel=tinyimages.file_of(boot.kernel),
            ramdisk=tinyimages.file_of(boot.ramdisk),
            command_line=boot.command_line,
            disks=tuple((path, "qcow2") for path in (disk, *more)),
            port=self.port,
        )

    def disk(self, key: str = catalogue.TINY_DISK, size: str = "1G") -> Path:
        """A fresh disk from the image of that key."""
        blob = catalogue.image(tinyimages.document(), key).blob
        return tinyimages.clone(blob, self.folder / f"{key}.qcow2", size)

    def ssh(
        self, command: str, *options: str, key: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the guest as root, with the key that it was told of or without."""
        fixed = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        fixed += ["-i", str(self.key)] if key else []
        fixed += ["-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "-o", "ConnectTimeout=60"]
        return subprocess.run(
            ["ssh", *fixed, *options, f"root@{self.port.address}", command],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def enter(self) -> None:
        """Wait until the key that the metadata service names lets in: where a lease or its answer
        comes late, SSH does not wait for it."""
        deadline = time.monotonic() + bare.BOOT_TIMEOUT_S
        while (tried := self.ssh("true")).returncode != 0:
            assert time.monotonic() < deadline, tried.stderr


@contextmanager
def made(folder: Path) -> Generator[Bench]:
    """A bench in the network of the calling thread, with its files in that folder."""
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    public = key.with_suffix(".pub").read_bytes().strip()
    values = {"meta-data/public-keys/0/openssh-key": public, "user-data": USER_DATA}
    metadata = wire.Metadata(values)
    [port] = wire.ports(1)
    with wire.wire([port], metadata):
        yield Bench(folder, port, metadata, key)


@pytest.fixture
def bench(root_dir: Path) -> Iterator[Bench]:
    """A bench for one test."""
    with made(root_dir) as one:
        yield one

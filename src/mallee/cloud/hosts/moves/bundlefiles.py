"""Bundles on their way in: their keys are decrypted for who carries them, what was in them is kept.

A bundle's key is encrypted for the cloud; a host that carries the registration of an image gets it.
What a host brings becomes a blob, under the SHA-256 of its bytes and no other name; for which task
it was brought is noted, so that no host can name what others have. Called by `door`.
"""

import asyncio
import datetime
import hashlib
import os
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from mallee.aws import bundles
from mallee.cloud.hosts import refusals
from mallee.kit import files
from mallee.model.images.images import Blob
from mallee.model.layout import Layout
from mallee.model.storage.transfers import KeyAsked, KeyTold

SPLIT = "~"
"""What stands between a task and a blob in the name of a note."""
FILE_BYTES_MAX = 1 << 40
FILES_MAX = 4
"""Of one transfer, which needs one: a host that tries again may have made another of it."""
FREE_BYTES_MIN = 256 << 20
"""So much of the disk stays free of what hosts bring: the cloud's own memory may be on it."""
_LIFE = datetime.timedelta(days=3650)
_SHA256 = re.compile(r"[0-9a-f]{64}")


def prepare(layout: Layout) -> None:
    """Make the cloud's key for bundles, and its certificate, unless they are there."""
    path = layout.bundle_key
    if not path.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        files.create_atomically(path, pem)
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey), "it was made above"
    if not layout.bundle_certificate.exists():
        files.write_atomically(layout.bundle_certificate, _certificate(key))


def _certificate(key: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bundles")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + _LIFE)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True, slots=True)
class BundleFiles:
    """What hosts ask about bundles that they carry."""

    layout: Layout

    def unlock(self, asked: KeyAsked) -> KeyTold:
        """Return a bundle's key; raise `Refused` when it is for another cloud. Blocks."""
        prepare(self.layout)
        try:
            locked = bundles.Locked(asked.key, asked.iv)
            key = bundles.unlock(locked, self.layout.bundle_key.read_bytes())
        except bundles.NotABundle as error:
            raise refusals.Refused(400, str(error)) from error
        return KeyTold(key.key.hex(), key.iv.hex())

    def certificate(self) -> bytes:
        """Return the certificate for which bundles are made."""
        prepare(self.layout)
        return self.layout.bundle_certificate.read_bytes()

    async def keep(self, id: str, sha256: str, body: AsyncIterator[bytes]) -> None:
        """Keep what a host brings for a transfer; raise `Refused` when it is something else."""
        if not _SHA256.fullmatch(sha256):
            raise refusals.Refused(400, "a file is named by its SHA-256")
        if await asyncio.to_thread(self._has_enough, id, sha256):
            raise refusals.Refused(413, f"{FILES_MAX} files were brought for this transfer already")
        self.layout.blobs.mkdir(exist_ok=True)
        aside = self.layout.blobs / f"part-{secrets.token_hex(8)}"
        digest, size = hashlib.sha256(), 0
        try:
            with aside.open("xb") as file:
                async for piece in body:
                    size += len(piece)
                    if size > FILE_BYTES_MAX:
                        raise refusals.Refused(413, "no image is so large")
                    digest.update(piece)
                    await asyncio.to_thread(self._write, file, piece)
                await asyncio.to_thread(os.fsync, file.fileno())
            if digest.hexdigest() != sha256:
                raise refusals.Refused(400, "what was brought has another name")
            await asyncio.to_thread(self._put, aside, id, sha256)
        finally:
            aside.unlink(missing_ok=True)

    def _has_enough(self, id: str, sha256: str) -> bool:
        """Tell whether so many other files were brought for a transfer that it needs no more."""
        brought = {path.name for path in self.layout.brought.glob(f"{id}{SPLIT}*")}
        return len(brought - {self._note(id, sha256).name}) >= FILES_MAX

    def _write(self, file: BinaryIO, piece: bytes) -> None:
        found = os.statvfs(self.layout.blobs)
        if found.f_bavail * found.f_frsize < FREE_BYTES_MIN + len(piece):
            raise refusals.Refused(503, "the cloud's disk has no room for files of bundles now")
        file.write(piece)

    def _put(self, aside: Path, id: str, sha256: str) -> None:
        # The note first: by that the sweep knows that the file is wanted (`reconcile.blobs`).
        self.layout.brought.mkdir(exist_ok=True, mode=0o700)
        files.write_atomically(self._note(id, sha256), b"")
        target = self.layout.blobs / sha256
        if not target.exists():
            os.rename(aside, target)
            files.sync_directory(self.layout.blobs)

    def has_brought(self, id: str, blob: Blob) -> bool:
        """Tell whether that was brought for that transfer, and is there, as large as is said."""
        if not _SHA256.fullmatch(blob.sha256) or not self._note(id, blob.sha256).exists():
            return False
        try:
            return (self.layout.blobs / blob.sha256).stat().st_size == blob.size_bytes
        except FileNotFoundError:
            return False

    def _note(self, id: str, sha256: str) -> Path:
        return self.layout.brought / f"{id}{SPLIT}{sha256}"

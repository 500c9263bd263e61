"""Bundles of images: the format in which Eucalyptus' and AWS's old tools put images into buckets.

A *bundle* is a file in a tar, packed by gzip, encrypted with a key made for it (AES-128-CBC), cut
into parts; its *manifest* (version 2007-10-10) lists the parts with their SHA-1, and has the key
twice: encrypted for the cloud, and for whoever made it. Read and written here; called by the CLI
and by hosts. Not its business: where parts are, and whose keys those are. Pure.
"""

import hashlib
import hmac
import io
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from cryptography import x509
from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

if TYPE_CHECKING:
    from typing_extensions import Buffer

VERSION = "2007-10-10"
PART_BYTES = 10 << 20
PART_BYTES_MAX = 128 << 20
PARTS_MAX = 20_000
MANIFEST_BYTES_MAX = 8 << 20
KINDS = ("machine", "kernel", "ramdisk")
ARCHITECTURES = ("x86_64", "i386")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_HEX = re.compile(r"[0-9a-fA-F]{2,4096}")
_SHA1 = re.compile(r"[0-9a-fA-F]{40}")
_IMAGE_ID = re.compile(r"(?:[ae][mkr]i-[0-9a-f]{8,17})?")
_BLOCK_BITS = 128
_GZIP = 31
"""Of zlib: with the head and tail of gzip."""


class NotABundle(Exception):
    """It is no manifest, or the parts are not those that it lists; the message says why."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part: its file, and the SHA-1 of what is in it."""

    name: str
    sha1: str


@dataclass(frozen=True, slots=True)
class Key:
    """The key and the initialization vector of a bundle."""

    key: bytes
    iv: bytes

    def __repr__(self) -> str:
        return "Key()"


@dataclass(frozen=True, slots=True)
class Locked:
    """A key as it is in a manifest: hexadecimal digits, encrypted, in hexadecimal digits."""

    key: str
    iv: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a manifest says."""

    name: str
    kind: str
    """One of `KINDS`."""
    architecture: str
    account: str = ""
    kernel_id: str = ""
    ramdisk_id: str = ""
    sha1: str
    """Of the tar."""
    size_bytes: int
    """Of the file in it."""
    bundled_bytes: int
    for_cloud: Locked
    for_user: Locked
    parts: tuple[Part, ...]


def parse(data: bytes) -> Manifest:
    """Read a manifest; raise `NotABundle`."""
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise NotABundle("the manifest has a document type, and no manifest has one")
    try:
        # Read as text: in another encoding a document type would not have been seen.
        root = ElementTree.fromstring(data.decode())
    except (ElementTree.ParseError, UnicodeDecodeError) as error:
        raise NotABundle(f"the manifest cannot be read: {error}") from error
    if root.tag != "manifest":
        raise NotABundle("the manifest does not begin as one")

    def said(path: str) -> str:
        return (root.findtext(path) or "").strip()

    kernel_id = said("machine_configuration/kernel_id")
    ramdisk_id = said("machine_configuration/ramdisk_id")
    kind = said("image/type") or "machine"
    kind = "kernel" if kernel_id == "true" else "ramdisk" if ramdisk_id == "true" else kind
    manifest = Manifest(
        name=said("image/name"),
        kind=kind,
        architecture=said("machine_configuration/architecture") or "x86_64",
        account=said("image/user"),
        kernel_id="" if kernel_id == "true" else kernel_id,
        ramdisk_id="" if ramdisk_id == "true" else ramdisk_id,
        sha1=said("image/digest"),
        size_bytes=_number(said("image/size")),
        bundled_bytes=_number(said("image/bundled_size")),
        for_cloud=Locked(said("image/ec2_encrypted_key"), said("image/ec2_encrypted_iv")),
        for_user=Locked(said("image/user_encrypted_key"), said("image/user_encrypted_iv")),
        parts=tuple(_parts(root.find("image/parts"))),
    )
    _check(manifest)
    return manifest


def _parts(listed: ElementTree.Element | None) -> Iterator[Part]:
    for one in listed if listed is not None else ():
        name, sha1 = one.findtext("filename") or "", (one.findtext("digest") or "").strip()
        if not _NAME.fullmatch(name) or not _SHA1.fullmatch(sha1):
            raise NotABundle(f"the manifest lists {name[:60]!r}, which is no part")
        yield Part(name, sha1.lower())


def _check(manifest: Manifest) -> None:
    if manifest.kind not in KINDS:
        raise NotABundle(f"the manifest is of a {manifest.kind[:40]!r}, which is no kind of image")
    if manifest.architecture not in ARCHITECTURES:
        raise NotABundle(f"no guest here is of the architecture {manifest.architecture[:40]!r}")
    if not 0 < len(manifest.parts) <= PARTS_MAX:
        raise NotABundle(f"the manifest lists {len(manifest.parts)} parts")
    for id in (manifest.kernel_id, manifest.ramdisk_id):
        if not _IMAGE_ID.fullmatch(id):
            raise NotABundle(f"the manifest names {id[:40]!r}, which is no image")
    for locked in (manifest.for_cloud, manifest.for_user):
        if not all(_HEX.fullmatch(text) for text in (locked.key, locked.iv)):
            raise NotABundle("the manifest lacks a key")


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 15:
        raise NotABundle(f"the manifest says {text[:20]!r} for a size")
    return int(text)


def render(manifest: Manifest, signer: rsa.RSAPrivateKey | None = None) -> bytes:
    """Return a manifest as it is written, signed if there is somebody who signs."""
    machine, image = _machine(manifest), _image(manifest)
    signature = "UNSIGNED"
    if signer is not None:
        signed = f"{machine}{image}".encode()
        # SHA-1, as whoever reads such manifests expects it.
        signature = signer.sign(signed, rsa_padding.PKCS1v15(), hashes.SHA1()).hex()
    bundler = "<bundler><name>mallee</name><version>1</version><release>0</release></bundler>"
    text = (
        f"<manifest><version>{VERSION}</version>{bundler}{machine}{image}"
        f"<signature>{signature}</signature></manifest>"
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _machine(manifest: Manifest) -> str:
    is_kind = {"kernel": ("kernel_id", "true"), "ramdisk": ("ramdisk_id", "true")}
    named = [("kernel_id", manifest.kernel_id), ("ramdisk_id", manifest.ramdisk_id)]
    said = [is_kind[manifest.kind]] if manifest.kind in is_kind else named
    inside = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in said if value)
    architecture = f"<architecture>{escape(manifest.architecture)}</architecture>"
    return f"<machine_configuration>{architecture}{inside}</machine_configuration>"


def _image(manifest: Manifest) -> str:
    parts = "".join(
        f'<part index="{index}"><filename>{escape(one.name)}</filename>'
        f'<digest algorithm="SHA1">{one.sha1}</digest></part>'
        for index, one in enumerate(manifest.parts)
    )
    return (
        f"<image><name>{escape(manifest.name)}</name><user>{escape(manifest.account)}</user>"
        f'<type>{manifest.kind}</type><digest algorithm="SHA1">{manifest.sha1}</digest>'
        f"<size>{manifest.size_bytes}</size><bundled_size>{manifest.bundled_bytes}</bundled_size>"
        f'<ec2_encrypted_key algorithm="AES-128-CBC">{manifest.for_cloud.key}</ec2_encrypted_key>'
        f'<user_encrypted_key algorithm="AES-128-CBC">{manifest.for_user.key}</user_encrypted_key>'
        f"<ec2_encrypted_iv>{manifest.for_cloud.iv}</ec2_encrypted_iv>"
        f"<user_encrypted_iv>{manifest.for_user.iv}</user_encrypted_iv>"
        f'<parts count="{len(manifest.parts)}">{parts}</parts></image>'
    )


# --- keys ---


def lock(key: Key, certificate_pem: bytes) -> Locked:
    """Encrypt a bundle's key for whose certificate that is; raise `NotABundle`."""
    public = x509.load_pem_x509_certificate(certificate_pem).public_key()
    if not isinstance(public, rsa.RSAPublicKey):
        raise NotABundle("the certificate is not over an RSA key")
    scheme = rsa_padding.PKCS1v15()
    return Locked(
        public.encrypt(key.key.hex().encode(), scheme).hex(),
        public.encrypt(key.iv.hex().encode(), scheme).hex(),
    )


def unlock(locked: Locked, key_pem: bytes) -> Key:
    """Decrypt a bundle's key; raise `NotABundle` when it is for somebody else."""
    private = serialization.load_pem_private_key(key_pem, None)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise NotABundle("the key is no RSA key")
    scheme = rsa_padding.PKCS1v15()
    try:
        texts = [private.decrypt(bytes.fromhex(one), scheme) for one in (locked.key, locked.iv)]
        key, iv = (bytes.fromhex(text.decode("ascii")) for text in texts)
    except ValueError as error:
        raise NotABundle("the bundle was encrypted for another cloud") from error
    if len(key) != 16 or len(iv) != 16:
        raise NotABundle("the bundle was encrypted for another cloud")
    return Key(key, iv)


# --- bytes ---


class Sealer:
    """Encrypts what was packed, a piece at a time."""

    def __init__(self, key: Key) -> None:
        self._encryptor = Cipher(algorithms.AES(key.key), modes.CBC(key.iv)).encryptor()
        self._padder = padding.PKCS7(_BLOCK_BITS).padder()

    def update(self, piece: bytes) -> bytes:
        """Return as much of the encrypted as there is by now."""
        return self._encryptor.update(self._padder.update(piece))

    def finish(self) -> bytes:
        """Return the rest."""
        return self._encryptor.update(self._padder.finalize()) + self._encryptor.finalize()


class Cutter(io.RawIOBase):
    """What a tar is written into: packed, encrypted, cut into parts, each put as soon as it is."""

    def __init__(self, stem: str, key: Key, put: Callable[[str, bytes], None]) -> None:
        super().__init__()
        self._stem = stem
        self._put = put
        self._digest = hashlib.sha1(usedforsecurity=False)
        # Three times as fast as zlib's own choice, for a twelfth more bytes: a disk is gigabytes.
        self._packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
        self._sealer = Sealer(key)
        self._waiting = bytearray()
        self.made: list[Part] = []
        self.bundled_bytes = 0

    @property
    def sha1(self) -> str:
        """Of the tar."""
        return self._digest.hexdigest()

    def write(self, data: "Buffer", /) -> int:
        """Take a piece of the tar."""
        data = bytes(data)
        self._digest.update(data)
        self._waiting += self._sealer.update(self._packer.compress(data))
        while len(self._waiting) >= PART_BYTES:
            self._cut(PART_BYTES)
        return len(data)

    def finish(self) -> None:
        """Put the last parts."""
        self._waiting += self._sealer.update(self._packer.flush()) + self._sealer.finish()
        while self._waiting:
            self._cut(PART_BYTES)

    def _cut(self, count: int) -> None:
        data = bytes(self._waiting[:count])
        del self._waiting[:count]
        name = f"{self._stem}.part.{len(self.made)}"
        self._put(name, data)
        sha1 = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        self.made.append(Part(name, sha1))
        self.bundled_bytes += len(data)


def open_parts(parts: Iterable[tuple[Part, bytes]], key: Key) -> Iterator[bytes]:
    """Check and decrypt parts in order; raise `NotABundle`."""
    decryptor = Cipher(algorithms.AES(key.key), modes.CBC(key.iv)).decryptor()
    unpadder = padding.PKCS7(_BLOCK_BITS).unpadder()
    try:
        for part, data in parts:
            found = hashlib.sha1(data, usedforsecurity=False).hexdigest()
            if not hmac.compare_digest(found, part.sha1):
                raise NotABundle(f"the checksum of {part.name} is wrong: it is damaged")
            yield unpadder.update(decryptor.update(data))
        yield unpadder.update(decryptor.finalize()) + unpadder.finalize()
    except ValueError as error:
        raise NotABundle("the parts do not fit together, or the key is another one") from error

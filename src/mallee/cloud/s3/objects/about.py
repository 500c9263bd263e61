"""What S3 keeps with each version of an object, and with each part of one on its way.

The engine stores it without reading it (`walrus.records`). Everything but the bytes, their number
and the ETag is here. Members have defaults and are left out where they have them, so that a usual
object costs some dozens of bytes, and members can be added.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from mallee.model.storage.buckets import Grant
from mallee.walrus.records import Upload, UploadPart, Version

FULL = "FULL_OBJECT"
COMPOSITE = "COMPOSITE"


class PartAbout(msgspec.Struct, frozen=True, array_like=True):
    """A part of an object that came in parts."""

    number: int
    size: int
    checksums: dict[str, bytes] = {}
    """By algorithm (`CRC32`)."""


class Lock(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What keeps a version from being deleted."""

    mode: str = ""
    """`GOVERNANCE`, `COMPLIANCE`, or empty."""
    until_ms: int = 0
    """Milliseconds since the epoch."""
    has_legal_hold: bool = False


class KeyUse(msgspec.Struct, frozen=True, array_like=True):
    """How an object's key is kept under a key of the key store (`kmskeys`)."""

    key_arn: str
    sealed: bytes
    """What the object's key is wrapped with, as the key store sealed it."""
    context: dict[str, str]
    has_bucket_key: bool = False


class Sealing(msgspec.Struct, frozen=True, array_like=True):
    """How an object's bytes are encrypted (`encryption`)."""

    method: str
    """Which kind of key the data key is under."""
    wrapped: bytes
    """The data key."""
    kms: KeyUse | None = None
    """Where it is under a key of the key store."""


class About(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of an object beside its bytes."""

    owner: str
    """The account whose it is, unless the bucket's owner has everything (`acls.owner_of`)."""
    grants: tuple[Grant, ...] | None = None
    """Its access control list; None: all is its owner's, and nothing anybody else's."""
    headers: dict[str, str] = {}
    """By the model's member names: `ContentType`, `CacheControl`, …"""
    metadata: dict[str, str] = {}
    tags: dict[str, str] = {}
    checksums: dict[str, bytes] = {}
    """By algorithm."""
    checksum_type: str = FULL
    parts: tuple[PartAbout, ...] = ()
    """Those that the bytes lie in, of an object that came in parts."""
    is_one: bool = False
    """Whether it counts as one piece although its bytes lie in parts: a copy."""
    upload: str = ""
    """The upload that it came by."""
    renamed_by: str = ""
    """The token of the request that gave it its key, if one did."""
    storage_class: str = "STANDARD"
    lock: Lock = Lock()
    sealing: Sealing | None = None
    """None: the bytes lie as they came."""

    @property
    def pieces(self) -> tuple[PartAbout, ...]:
        """The parts that readers are told of."""
        return () if self.is_one else self.parts


class UploadAbout(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of an upload from its beginning."""

    about: About
    """What the object will have."""
    algorithm: str = ""
    """Of the checksums that its parts have; empty: nobody asked for one."""
    checksum_type: str = ""
    initiator: str = ""
    """ARN of who began it."""


class ArrivedAbout(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a part that has arrived."""

    checksums: dict[str, bytes] = {}


_about = msgspec.msgpack.Decoder(About)
_upload = msgspec.msgpack.Decoder(UploadAbout)
_arrived = msgspec.msgpack.Decoder(ArrivedAbout)


def of(version: Version) -> About:
    """Return what is kept with a version."""
    return _about.decode(version.about)


def of_upload(upload: Upload) -> UploadAbout:
    """Return what is kept with an upload."""
    return _upload.decode(upload.about)


def of_part(part: UploadPart) -> ArrivedAbout:
    """Return what is kept with a part that has arrived."""
    return _arrived.decode(part.about)


def completed(
    upload: UploadAbout, id: str, made: tuple[tuple[PartAbout, ...], dict[str, bytes]]
) -> About:
    """Return what is kept with the object that an upload has become: its parts, its checksums."""
    parts, checksums = made
    return msgspec.structs.replace(
        upload.about,
        upload=id,
        parts=parts,
        checksums=checksums,
        checksum_type=upload.checksum_type or FULL,
    )


def encode(about: About | UploadAbout | ArrivedAbout) -> bytes:
    """Return it as the engine keeps it."""
    return msgspec.msgpack.encode(about)


@dataclass(frozen=True, slots=True)
class Found:
    """A version with what is kept about it."""

    version: Version
    about: About

    @property
    def checksums(self) -> Mapping[str, bytes]:
        """By algorithm."""
        return self.about.checksums

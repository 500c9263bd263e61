"""Headers of LUKS version 1: where the key of a disk's bytes lies, locked by a passphrase.

Written here and not by QEMU, which counts for seconds of processor time how long a bad passphrase
shall take to try: ours have 256 bits, so nobody tries them, and a new layer is made in
milliseconds. What lies behind a header is whoever's business that asks for one. Pure but for random
bytes. Source: LUKS On-Disk Format Specification 1.2.3.
"""

import hashlib
import os
import struct
import uuid

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

SECTOR_BYTES = 512
HEADER_BYTES = 4040 * SECTOR_BYTES
"""With room for the key material of all eight slots, of which the first one is used."""
USED_BYTES = 4096 + 500 * SECTOR_BYTES
"""All that is not zeros of it is before."""
KEY_BYTES = 64
"""AES-256 in XTS mode has two keys."""

_HASH = "sha256"
_ITERATIONS = 1000
"""Of PBKDF2: the least that the format allows."""
_STRIPES = 4000
_SLOTS = 8
_SLOT_AT, _SLOT_SECTORS = 8, 504
"""Where the first slot's material begins, and how far it is to the next one, in sectors."""
_USED, _FREE = 0x00AC71F3, 0x0000DEAD
_HEAD = struct.Struct(">6sH32s32s32sII20s32sI40s")
_SLOT = struct.Struct(">II32sII")


def make_header(passphrase: bytes) -> bytes:
    """Return a header with a fresh key that the passphrase opens: its first `USED_BYTES`."""
    key, salt, digest_salt = os.urandom(KEY_BYTES), os.urandom(32), os.urandom(32)
    head = _HEAD.pack(
        b"LUKS\xba\xbe",
        1,
        b"aes",
        b"xts-plain64",
        _HASH.encode(),
        HEADER_BYTES // SECTOR_BYTES,
        KEY_BYTES,
        hashlib.pbkdf2_hmac(_HASH, key, digest_salt, _ITERATIONS, 20),
        digest_salt,
        _ITERATIONS,
        str(uuid.uuid4()).encode(),
    )
    slots = [_SLOT.pack(_USED, _ITERATIONS, salt, _SLOT_AT, _STRIPES)]
    for number in range(1, _SLOTS):
        at = _SLOT_AT + number * _SLOT_SECTORS
        slots.append(_SLOT.pack(_FREE, 0, bytes(32), at, _STRIPES))
    lock = hashlib.pbkdf2_hmac(_HASH, passphrase, salt, _ITERATIONS, KEY_BYTES)
    material = _encrypted(lock, _split(key))
    front = (head + b"".join(slots)).ljust(_SLOT_AT * SECTOR_BYTES, b"\0")
    return front + material.ljust(USED_BYTES - len(front), b"\0")


def _split(key: bytes) -> bytes:
    """Spread a key over stripes, so that it is gone when any of them is (TKS1's AF splitter)."""
    stripes = [os.urandom(KEY_BYTES) for _ in range(_STRIPES - 1)]
    mixed = bytes(KEY_BYTES)
    for stripe in stripes:
        mixed = _diffused(_xored(mixed, stripe))
    return b"".join(stripes) + _xored(mixed, key)


def _diffused(block: bytes) -> bytes:
    size = hashlib.new(_HASH).digest_size
    pieces = (block[at : at + size] for at in range(0, len(block), size))
    return b"".join(
        hashlib.new(_HASH, struct.pack(">I", number) + piece).digest()
        for number, piece in enumerate(pieces)
    )


def _xored(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(len(one), "big")


def _encrypted(key: bytes, data: bytes) -> bytes:
    sealed: list[bytes] = []
    for number, at in enumerate(range(0, len(data), SECTOR_BYTES)):
        tweak = number.to_bytes(16, "little")
        encryptor = Cipher(algorithms.AES(key), modes.XTS(tweak)).encryptor()
        sealed.append(encryptor.update(data[at : at + SECTOR_BYTES]) + encryptor.finalize())
    return b"".join(sealed)

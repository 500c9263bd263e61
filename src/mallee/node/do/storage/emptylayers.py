"""Empty encrypted layers: qcow2 files with nothing in them but the header of their encryption.

`layers` makes them; QEMU could, in seconds (see `kit.luks`). Everything else that is done to layers
is done by QEMU's own programs. Pure but for random bytes. Source: docs/interop/qcow2.txt of QEMU.
"""

import struct
from dataclasses import dataclass

from mallee.kit import luks

CLUSTER_BITS = 16
CLUSTER_BYTES = 1 << CLUSTER_BITS
LUKS = 2
"""How the head of a qcow2 file says that it is encrypted so."""

_L2_BYTES = CLUSTER_BYTES // 8 * CLUSTER_BYTES
"""A table of the second level has entries of 8 bytes."""
_HEAD = struct.Struct(">4sIQIIQIIQQIIQQQQII8x")
_EXTENSION = struct.Struct(">II")
FORMAT = 0xE2792ACA
"""Which extension of a head says the form of what the file lies on."""
_ENCRYPTION, _END = 0x0537BE77, 0
_REFCOUNT_ORDER = 4
_REFCOUNT = struct.Struct(">H")


@dataclass(frozen=True, slots=True)
class Below:
    """What a layer lies on."""

    name: str
    form: str


def encode(size_bytes: int, below: Below | None, passphrase: bytes) -> bytes:
    """Return the beginning of the file; after it there are only zeros to `file_bytes`."""
    l1_entries = -(-size_bytes // _L2_BYTES)
    l1_clusters = _clusters(l1_entries * 8)
    luks_at = (3 + l1_clusters) * CLUSTER_BYTES
    head = _head(size_bytes, below, (l1_entries, luks_at))
    table = struct.pack(">Q", 2 * CLUSTER_BYTES)
    counted = _REFCOUNT.pack(1) * (file_bytes(size_bytes) // CLUSTER_BYTES)
    parts = [*map(_padded, (head, table, counted)), bytes(l1_clusters * CLUSTER_BYTES)]
    return b"".join(parts) + luks.make_header(passphrase)


def file_bytes(size_bytes: int) -> int:
    """Return how long the file of an empty layer is."""
    l1_clusters = _clusters(-(-size_bytes // _L2_BYTES) * 8)
    return (3 + l1_clusters + _clusters(luks.HEADER_BYTES)) * CLUSTER_BYTES


def _head(size_bytes: int, below: Below | None, at: tuple[int, int]) -> bytes:
    l1_entries, luks_at = at
    parts = [_extension(_ENCRYPTION, struct.pack(">QQ", luks_at, luks.HEADER_BYTES))]
    if below is not None:
        parts.append(_extension(FORMAT, below.form.encode()))
    extensions = b"".join((*parts, _extension(_END, b"")))
    name = below.name.encode() if below is not None else b""
    name_at = _HEAD.size + len(extensions) if below is not None else 0
    fields = _HEAD.pack(
        *(b"QFI\xfb", 3, name_at, len(name), CLUSTER_BITS, size_bytes, LUKS, l1_entries),
        *(3 * CLUSTER_BYTES, CLUSTER_BYTES, 1, 0, 0, 0, 0, 0),
        *(_REFCOUNT_ORDER, _HEAD.size),
    )
    return fields + extensions + name


def _extension(kind: int, data: bytes) -> bytes:
    return _EXTENSION.pack(kind, len(data)) + data + bytes(-len(data) % 8)


def _clusters(size_bytes: int) -> int:
    return -(-size_bytes // CLUSTER_BYTES)


def _padded(data: bytes) -> bytes:
    return data.ljust(_clusters(len(data)) * CLUSTER_BYTES, b"\0")

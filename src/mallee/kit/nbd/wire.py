"""The NBD protocol's numbers and structures, shared by `client` and `server`.

Names are those of the protocol's document (NetworkBlockDevice, doc/proto.md), without `NBD_`.
Fixed newstyle negotiation only; all numbers are big endian. A unix socket is the only carrier here,
so there is no TLS.
"""

import struct
from enum import IntEnum, IntFlag

MAGIC = b"NBDMAGIC"
OPTION_MAGIC = b"IHAVEOPT"
OPTION_REPLY_MAGIC = 0x3E889045565A9
REQUEST_MAGIC = 0x25609513
SIMPLE_REPLY_MAGIC = 0x67446698
STRUCTURED_REPLY_MAGIC = 0x668E33EF

GREETING = struct.Struct(">8s8sH")
OPTION = struct.Struct(">8sII")
OPTION_REPLY = struct.Struct(">QIiI")
"""Magic, option, type (negative: an error), length."""
INFO_EXPORT = struct.Struct(">HQH")
INFO_BLOCK_SIZE = struct.Struct(">HIII")
REQUEST = struct.Struct(">IHHQQI")
"""Magic, flags, command, cookie, offset, length."""
SIMPLE_REPLY = struct.Struct(">IIQ")
CHUNK = struct.Struct(">IHHQI")
"""Magic, flags, type, cookie, length of what follows."""
OFFSET = struct.Struct(">Q")
HOLE = struct.Struct(">QI")
ERROR = struct.Struct(">IH")
DESCRIPTOR = struct.Struct(">II")
"""Of a meta context: length, flags."""
NUMBER = struct.Struct(">I")

STRING_MAX_BYTES = 4096
PAYLOAD_MAX_BYTES = 32 << 20
"""Of a request or an answer; what every NBD implementation takes."""

BASE_ALLOCATION = "base:allocation"
ALLOCATION_DEPTH = "qemu:allocation-depth"
"""QEMU's own: 0 unallocated, 1 in the layer on top, 2 in the one below, and so on."""


class Handshake(IntFlag):
    """What each side says of itself in its first bytes."""

    FIXED_NEWSTYLE = 1
    NO_ZEROES = 2


class Option(IntEnum):
    """What a client asks before it chooses an export."""

    EXPORT_NAME = 1
    ABORT = 2
    LIST = 3
    INFO = 6
    GO = 7
    STRUCTURED_REPLY = 8
    LIST_META_CONTEXT = 9
    SET_META_CONTEXT = 10


class Reply(IntEnum):
    """Types of answers to options."""

    ACK = 1
    SERVER = 2
    INFO = 3
    META_CONTEXT = 4
    ERR_UNSUP = -0x7FFFFFFF
    ERR_POLICY = -0x7FFFFFFE
    ERR_INVALID = -0x7FFFFFFD
    ERR_UNKNOWN = -0x7FFFFFFA
    ERR_TOO_BIG = -0x7FFFFFF7


class Info(IntEnum):
    """What a server tells of an export."""

    EXPORT = 0
    BLOCK_SIZE = 3


class Transmission(IntFlag):
    """What an export can do."""

    HAS_FLAGS = 1
    READ_ONLY = 2
    SEND_FLUSH = 4
    SEND_DF = 128
    CAN_MULTI_CONN = 256


class Command(IntEnum):
    """What is asked of an export once it is chosen."""

    READ = 0
    WRITE = 1
    DISC = 2
    FLUSH = 3
    TRIM = 4
    CACHE = 5
    WRITE_ZEROES = 6
    BLOCK_STATUS = 7


class CommandFlag(IntFlag):
    """How a command is to be done."""

    DF = 4
    """Do not fragment the answer."""
    REQ_ONE = 8
    """One extent is enough."""


class Chunk(IntEnum):
    """Types of the pieces of a structured reply."""

    NONE = 0
    OFFSET_DATA = 1
    OFFSET_HOLE = 2
    BLOCK_STATUS = 5
    ERROR = 0x8001
    ERROR_OFFSET = 0x8002


CHUNK_DONE = 1

STATE_HOLE = 1
STATE_ZERO = 2

EPERM = 1
EIO = 5
EINVAL = 22
EOVERFLOW = 75
ESHUTDOWN = 108

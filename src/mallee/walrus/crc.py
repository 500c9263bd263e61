"""CRC64NVME: how every byte that is stored is known again (S3's own default checksum).

One place, because the library's annotations know only `bytes`, and its code any buffer.
"""

from awscrt import checksums

BYTES = 8


def crc64(data: bytes | bytearray | memoryview, before: int = 0) -> int:
    """Return the checksum of the data, going on from that of what came before."""
    return checksums.crc64nvme(data, before)  # pyright: ignore[reportArgumentType]

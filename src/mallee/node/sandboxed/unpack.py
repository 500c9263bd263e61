"""Takes a file out of its packing (gzip, xz), up to a size. Runs shut in."""

import contextlib
import gzip
import json
import lzma
import sys
import zlib
from collections.abc import Callable, Mapping
from typing import BinaryIO

from mallee.node.sandboxed.refusals import Refused

UNPACKED = "/out/unpacked"
_CHUNK_BYTES = 1 << 20
_OPENERS: Mapping[str, Callable[[str], gzip.GzipFile | lzma.LZMAFile]] = {
    "gz": gzip.GzipFile,
    "xz": lzma.LZMAFile,
}


def main() -> None:
    """Unpack the file that the command line names: packing, and how large it may get."""
    path, packing, size_max = sys.argv[1], sys.argv[2], int(sys.argv[3])
    said: dict[str, object] = {}
    try:
        with open(UNPACKED, "wb") as out:
            said["size_bytes"] = unpack(path, packing, out, size_max)
    except Refused as error:
        said["refused"] = str(error)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, MemoryError) as error:
        said["refused"] = f"The packing is damaged, or it does not fit: {error}."
    print(json.dumps(said))


def unpack(path: str, packing: str, out: BinaryIO, size_max: int) -> int:
    """Write what is in a file; zeros become holes. Raises `Refused` when there is too much."""
    size = 0
    with contextlib.closing(_OPENERS[packing](path)) as file:
        while piece := file.read(_CHUNK_BYTES):
            size += len(piece)
            if size > size_max:
                raise Refused(f"The file unpacks to more than the {size_max >> 20} MiB allowed.")
            if piece == bytes(len(piece)):
                out.seek(len(piece), 1)
            else:
                out.write(piece)
    out.truncate(size)
    return size

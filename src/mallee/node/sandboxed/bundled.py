"""Takes the one file out of a bundle: a tar, packed by gzip, maybe with holes. Runs shut in."""

import json
import lzma
import sys
import tarfile
import zlib

from mallee.node.sandboxed.refusals import Refused

TAKEN_OUT = "/out/disk"
_CHUNK_BYTES = 1 << 20
_PACKED_BYTES = 4 << 10
"""Unpacked at once: of a disk's holes it becomes a thousand times as much, which is then copied for
each piece that is taken of it."""


def main() -> None:
    """Unpack the file that the command line names; what is in it may be so large."""
    try:
        found: dict[str, object] = {"size_bytes": take_out(sys.argv[1], int(sys.argv[2]))}
    except Refused as error:
        found = {"refused": str(error)}
    except (OSError, EOFError, tarfile.TarError, zlib.error, lzma.LZMAError, ValueError) as error:
        found = {"refused": f"The bundle is damaged, or it does not fit: {error}."}
    print(json.dumps(found))


def take_out(path: str, size_max: int) -> int:
    """Write the file that is in a bundle; return its size. Raises `Refused`."""
    with tarfile.open(path, "r|gz", bufsize=_PACKED_BYTES) as archive:
        member = archive.next()
        if member is None or not member.isreg():
            raise Refused("A bundle has one plain file in it.")
        if member.size > size_max:
            raise Refused(f"The bundle has {member.size} bytes in it, and {size_max} are allowed.")
        inside = archive.extractfile(member)
        assert inside is not None, "it is a plain file"
        with open(TAKEN_OUT, "wb") as out:
            while piece := inside.read(_CHUNK_BYTES):
                if piece == bytes(len(piece)):
                    out.seek(len(piece), 1)
                else:
                    out.write(piece)
            out.truncate(member.size)
        if archive.next() is not None:
            raise Refused("A bundle has one file in it, and here are several.")
        return member.size

"""Takes Debian's kernel apart: the uncompressed kernel for a quick start, and modules in order.

A bzImage carries the kernel compressed behind a boot stub. The kernel inside is an ELF file with a
PVH entry, which QEMU starts at once: no unpacking under emulation. Called by the recipes.
"""

import ctypes
import lzma
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from mallee.images import packages

_SETUP_SECTORS_AT = 0x1F1
_PAYLOAD_AT = 0x248
_SECTOR = 512
_LZ4_LEGACY = b"\x02\x21\x4c\x18"
_LZ4_BLOCK_BYTES_MAX = 8 << 20
_ELF = b"\x7fELF"
_SIGNATURE_MARK = b"~Module signature appended~\n"
_SIGNATURE_TAIL_BYTES = 12


class UnknownFormat(Exception):
    """A kernel or module is packed in a way that is not known here."""


def extract_vmlinux(image: bytes, tools: packages.Unpacked) -> bytes:
    """Return the uncompressed kernel inside a bzImage; raises `UnknownFormat`.

    LZ4 and Zstandard are unpacked with the libraries of `tools`.
    """
    offset, length = struct.unpack_from("<II", image, _PAYLOAD_AT)
    start = ((image[_SETUP_SECTORS_AT] or 4) + 1) * _SECTOR + offset
    payload = image[start : start + length]
    (size,) = struct.unpack("<I", payload[-4:])
    kernel = _decompress(payload[:-4], size, tools)
    if not kernel.startswith(_ELF):
        raise UnknownFormat("the kernel's payload does not unpack to an ELF file")
    return kernel


def module_paths(names: Sequence[str], modules: Path) -> dict[str, Path]:
    """The named modules and those they need, by name, each after what it needs.

    Names that are not there are built into the kernel, or not offered by it, and left out.
    """
    files = {_name(path): path for path in modules.rglob("*.ko*")}
    ordered: dict[str, Path] = {}

    def add(name: str) -> None:
        if name in ordered or name not in files:
            return
        for needed in needs(read_module(files[name])):
            add(needed)
        ordered[name] = files[name]

    for name in names:
        add(name.replace("-", "_"))
    return ordered


def needs(module: bytes) -> tuple[str, ...]:
    """The modules that this one depends on, from its `.modinfo` section."""
    found = re.search(rb"\0depends=([^\0]*)\0", module)
    listed = found[1].decode() if found else ""
    return tuple(name.replace("-", "_") for name in listed.split(",") if name)


def needs_all(name: str, modules: Mapping[str, bytes]) -> tuple[str, ...]:
    """All that the module `NAME.ko` needs, also by way of others, what is needed last coming first.

    That is the order in which modprobe wants them listed.
    """
    found: list[str] = []
    for needed in needs(modules[name]):
        for one in (needed, *needs_all(f"{needed}.ko", modules)):
            if one in found:
                found.remove(one)
            found.append(one)
    return tuple(found)


def read_module(path: Path) -> bytes:
    """A module's ELF file, unpacked and without its signature.

    The guest's kernel does not insist on signatures, and checking one under emulation takes longer
    than all else in loading a module.
    """
    data = path.read_bytes()
    if path.suffix == ".xz":
        data = lzma.decompress(data)
    elif path.suffix != ".ko":
        raise UnknownFormat(f"{path.name}: modules packed this way are not known here")
    if data.endswith(_SIGNATURE_MARK):
        tail = len(data) - len(_SIGNATURE_MARK)
        (length,) = struct.unpack_from(">I", data, tail - 4)
        data = data[: tail - _SIGNATURE_TAIL_BYTES - length]
    return data


def _name(path: Path) -> str:
    return path.name.partition(".ko")[0].replace("-", "_")


def _decompress(data: bytes, size: int, tools: packages.Unpacked) -> bytes:
    if data.startswith(_LZ4_LEGACY):
        return _decompress_lz4(data, ctypes.CDLL(str(tools.find("**/liblz4.so.1*"))))
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        library = ctypes.CDLL(str(tools.find("**/libzstd.so.1*")))
        whole = ctypes.create_string_buffer(size)
        library.ZSTD_decompress.restype = ctypes.c_size_t
        written = library.ZSTD_decompress(whole, ctypes.c_size_t(size), data, len(data))
        return whole.raw[:written] if written == size else b""
    if data.startswith(b"\xfd7zXZ"):
        return lzma.LZMADecompressor().decompress(data)
    if data.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(wbits=31).decompress(data)
    raise UnknownFormat(f"the kernel is packed in an unknown way (it begins {data[:6].hex()})")


def _decompress_lz4(data: bytes, library: ctypes.CDLL) -> bytes:
    block = ctypes.create_string_buffer(_LZ4_BLOCK_BYTES_MAX)
    blocks: list[bytes] = []
    at = len(_LZ4_LEGACY)
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        packed = data[at + 4 : at + 4 + length]
        written = library.LZ4_decompress_safe(packed, block, len(packed), _LZ4_BLOCK_BYTES_MAX)
        if written < 0:
            raise UnknownFormat("the kernel's LZ4 payload is damaged")
        blocks.append(block.raw[:written])
        at += 4 + length
    return b"".join(blocks)

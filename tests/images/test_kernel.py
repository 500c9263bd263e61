"""Modules come after what they need; kernels packed in a known way are unpacked."""

import gzip
import lzma
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from mallee.images import kernel, packages

ELF = b"\x7fELF" + bytes(range(256)) * 64
NO_TOOLS = packages.Unpacked(Path("/nonexistent"))


def module(*needed: str) -> bytes:
    return b"\x7fELF\0license=GPL\0depends=" + ",".join(needed).encode() + b"\0name=x\0"


def image(payload: bytes) -> bytes:
    """A bzImage: one boot sector, one setup sector, then the payload 16 bytes into the rest."""
    packed = payload + struct.pack("<I", len(ELF))
    head = bytearray(1024)
    head[0x1F1] = 1
    head[0x248:0x250] = struct.pack("<II", 16, len(packed))
    return bytes(head) + b"\0" * 16 + packed + b"behind"


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    for name, needed in {
        "virtio-ring": ("virtio",),
        "virtio": (),
        "virtio_net": ("virtio_ring", "failover"),
        "failover": ("virtio",),
    }.items():
        (tmp_path / f"{name}.ko").write_bytes(module(*needed))
    return tmp_path


def test_a_module_comes_after_what_it_needs(modules: Path) -> None:
    ordered = list(kernel.module_paths(["virtio_net"], modules))
    assert set(ordered) == {"virtio", "virtio_ring", "failover", "virtio_net"}
    assert ordered[0] == "virtio"
    assert ordered[-1] == "virtio_net"


def test_a_module_built_into_the_kernel_is_left_out(modules: Path) -> None:
    assert list(kernel.module_paths(["ext4", "virtio"], modules)) == ["virtio"]


def test_everything_needed_is_listed_last_first(modules: Path) -> None:
    files = {
        f"{name}.ko": path.read_bytes()
        for name, path in kernel.module_paths(["virtio_net"], modules).items()
    }
    needed = kernel.needs_all("virtio_net.ko", files)
    assert set(needed) == {"virtio_ring", "failover", "virtio"}
    assert needed[-1] == "virtio"


def test_a_signature_is_taken_off(tmp_path: Path) -> None:
    signature = b"s" * 77
    tail = b"\0" * 8 + struct.pack(">I", len(signature)) + b"~Module signature appended~\n"
    (tmp_path / "a.ko").write_bytes(module() + signature + tail)
    assert kernel.read_module(tmp_path / "a.ko") == module()


def test_a_packed_module_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "a.ko.xz").write_bytes(lzma.compress(module("b")))
    assert kernel.needs(kernel.read_module(tmp_path / "a.ko.xz")) == ("b",)


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_the_kernel_inside_the_image_is_found(pack: Callable[[bytes], bytes]) -> None:
    assert kernel.extract_vmlinux(image(pack(ELF)), NO_TOOLS) == ELF


def test_an_unknown_packing_is_refused() -> None:
    with pytest.raises(kernel.UnknownFormat, match="unknown way"):
        kernel.extract_vmlinux(image(b"gibberish"), NO_TOOLS)


def test_a_payload_that_is_no_kernel_is_refused() -> None:
    with pytest.raises(kernel.UnknownFormat, match="ELF"):
        kernel.extract_vmlinux(image(gzip.compress(b"no kernel")), NO_TOOLS)

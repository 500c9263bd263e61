"""Files of strangers: what is taken, what is refused, and that nothing else can be reached."""

import asyncio
import hashlib
import io
import os
import shutil
import struct
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mallee.kit.nbd import client
from mallee.node.do.storage import sandbox
from mallee.node.do.storage.sandbox import Disk, Refused, Work

DATA = os.urandom(1 << 20)
SIZE = 8 << 20
SECRET = "what only root may read"


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk: a MiB that is something, and zeros."""
    path = tmp_path_factory.mktemp("disk") / "disk.raw"
    path.write_bytes(DATA + bytes(SIZE - len(DATA)))
    return path


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Work]:
    place = Work(tmp_path / "work")
    place.make()
    yield place
    place.remove()


def made(raw: Path, *form: str) -> bytes:
    """The disk in another format."""
    out = raw.parent / f"out-{'-'.join(form).replace('/', '')}"
    subprocess.run(["qemu-img", "convert", "-O", *form, str(raw), str(out)], check=True)
    return out.read_bytes()


def put(work: Work, data: bytes) -> Path:
    work.source.write_bytes(data)
    sandbox.give(work.source)
    return work.source


def looked(work: Work, data: bytes, said: str = "") -> tuple[str, tuple[Disk, ...]]:
    return asyncio.run(sandbox.look(work, put(work, data), said))


def refused(work: Work, data: bytes, said: str = "") -> str:
    with pytest.raises(Refused) as caught:
        looked(work, data, said)
    return str(caught.value)


def content(work: Work, disk: Disk) -> bytes:
    """What the disk shows at its socket."""

    async def read() -> bytes:
        async with sandbox.serving(work, disk) as (path, export):
            with client.Client(path, export) as reader:
                return reader.read(0, min(SIZE, reader.size_bytes))

    return asyncio.run(read())


@pytest.mark.parametrize(
    ("format", "form"),
    [
        ("raw", ("raw",)),
        ("qcow2", ("qcow2",)),
        ("qcow2", ("qcow2", "-c")),
        ("vmdk", ("vmdk",)),
        ("vmdk", ("vmdk", "-o", "subformat=streamOptimized")),
        ("vhd", ("vpc", "-o", "force_size=on")),
        ("vhd", ("vpc", "-o", "subformat=fixed,force_size=on")),
        ("vhdx", ("vhdx",)),
    ],
)
def test_a_disk_is_shown_as_it_was(
    work: Work, raw: Path, format: str, form: tuple[str, ...]
) -> None:
    found, (disk,) = looked(work, made(raw, *form))
    assert found == format
    assert content(work, disk) == raw.read_bytes()


def test_a_format_that_was_said_must_be_the_files(work: Work, raw: Path) -> None:
    assert refused(work, made(raw, "qcow2"), "raw") == (
        "The file was said to be RAW, and it is QCOW2."
    )
    assert "no footer" in refused(work, raw.read_bytes(), "vhd")


def test_a_qcow2_file_leans_on_nothing(work: Work, raw: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET * 4096)
    overlay, data = tmp_path / "overlay", tmp_path / "data"
    make = ["qemu-img", "create", "-q", "-f", "qcow2"]
    subprocess.run([*make, "-b", str(secret), "-F", "raw", str(overlay)], check=True)
    assert "backing file" in refused(work, overlay.read_bytes())
    subprocess.run([*make, "-o", f"data_file={data}", str(overlay), "1M"], check=True)
    assert "another file" in refused(work, overlay.read_bytes())


def test_a_vmdk_file_names_no_others(work: Work, raw: Path) -> None:
    text = (
        "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n"
        'createType="monolithicFlat"\nRW 16 FLAT "/etc/shadow" 0\n'
    )
    assert "other files" in refused(work, text.encode().ljust(4096, b"\0"))
    inside = bytearray(made(raw, "vmdk"))
    at = struct.unpack_from("<Q", inside, 28)[0] * 512
    end = inside.index(b"\0", at)
    foreign = bytes(inside[at:end]).replace(b"SPARSE", b"FLAT  ")
    inside[at:end] = foreign
    assert "names other files" in refused(work, bytes(inside))
    child = bytes(inside[at:end]).replace(b"parentCID=ffffffff", b"parentCID=12345678")
    inside[at:end] = child
    assert "its parent" in refused(work, bytes(inside))


FLAT = b'createType="monolithicFlat"\nparentCID=ffffffff\nRW +8 FLAT "%s" 0\n'
SPARSE = b'parentCID=ffffffff\ncreateType="monolithicSparse"\nRW 8 SPARSE "x"\n'
PARENT = b'parentFileNameHint="%s"\n'


@pytest.mark.parametrize(
    ("sectors", "at", "text", "why", "leads"),
    [
        (0, 1, FLAT + b"\0" + SPARSE, "is empty", True),
        (8, 1, SPARSE + PARENT, "names a parent", True),
        (8, 30, SPARSE + PARENT, "behind its header", True),
        (8, 1, SPARSE + bytes(2000) + PARENT, "names a parent", False),
        (8, 1, SPARSE + b"\0" + FLAT, "behind its end", False),
        (8, 1, FLAT + SPARSE, "twice", False),
    ],
)
def test_a_vmdk_file_is_read_as_qemu_reads_it(
    work: Work, tmp_path: Path, sectors: int, at: int, text: bytes, why: str, *, leads: bool
) -> None:
    """What `leads`, leads QEMU to another file, though its words seem to name none."""
    other = str(tmp_path / "other")
    said = text.replace(b"%s", other.encode())
    head = struct.pack("<4sIIQQQQIQQQ", b"KDMV", 1, 3, sectors, 128, at, 2, 512, 0, 64, 0)
    inside = said.ljust(29 * 512, b"\0") + SPARSE.ljust(1 << 17, b"\0")
    file = head.ljust(512, b"\0") + inside
    assert why in refused(work, file)
    subprocess.run(["qemu-img", "create", "-q", "-f", "vmdk", other, "4096"], check=True)
    told = subprocess.run(
        ["qemu-img", "info", "-f", "vmdk", str(work.source)], capture_output=True, check=False
    )
    assert (other.encode() in told.stdout + told.stderr) is leads


@pytest.mark.parametrize("form", [("qcow2",), ("vmdk",), ("vpc",), ("vhdx",)])
def test_a_file_that_is_cut_off_is_no_disk(work: Work, raw: Path, form: tuple[str, ...]) -> None:
    """It is refused when it is looked at, or nobody can read it to its end."""
    data = made(raw, *form)
    try:
        _, (disk,) = looked(work, data[: len(data) // 4], form[0] if form[0] != "vpc" else "vhd")
        whole = content(work, disk)
    except (Refused, client.Refused):
        return
    assert whole != raw.read_bytes()
    # What is not there may read as zeros: never as anything else.
    assert whole.rstrip(b"\0") in raw.read_bytes()


def test_sizes_that_no_disk_has_are_not_believed(work: Work, raw: Path) -> None:
    data = bytearray(made(raw, "qcow2"))
    struct.pack_into(">Q", data, 24, 1 << 50)
    assert "GiB are the most" in refused(work, bytes(data))
    data = bytearray(made(raw, "qcow2"))
    struct.pack_into(">Q", data, 40, 1 << 40)
    assert "cut off" in refused(work, bytes(data))


def test_a_disk_has_whole_sectors(work: Work) -> None:
    assert "no whole sectors" in refused(work, b"x" * 1000)


def test_a_damaged_footer_is_noticed(work: Work, raw: Path) -> None:
    data = bytearray(made(raw, "vpc", "-o", "subformat=fixed"))
    data[-500] ^= 1
    assert "checksum" in refused(work, bytes(data))


# --- archives ---


OVF = """<?xml version="1.0"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1"
 xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">
<References><File ovf:id="f" ovf:href="{name}"/></References>
<DiskSection><Info/><Disk ovf:diskId="d" ovf:fileRef="f" ovf:capacity="8"
 ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
</DiskSection></Envelope>"""


def ova(disk: bytes, ovf: str = "", more: Callable[[tarfile.TarFile], None] | None = None) -> bytes:
    """An archive with a disk."""
    text = (ovf or OVF.format(name="disk.vmdk")).encode()
    sums = f"SHA256(disk.vmdk)= {hashlib.sha256(disk).hexdigest()}\n".encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in (("vm.ovf", text), ("vm.mf", sums), ("disk.vmdk", disk)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        if more is not None:
            more(archive)
    return out.getvalue()


def member(name: str, type: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = type, link
    return made


def test_an_archive_shows_the_disks_in_it(work: Work, raw: Path) -> None:
    streamed = made(raw, "vmdk", "-o", "subformat=streamOptimized")
    found, (disk,) = looked(work, ova(streamed))
    assert (found, disk.name, disk.format) == ("ova", "disk.vmdk", "vmdk")
    assert content(work, disk) == raw.read_bytes()


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        (member("../../etc/cron.d/x"), "is a path"),
        (member("/etc/passwd"), "is a path"),
        (member("link.vmdk", tarfile.SYMTYPE, "/etc/shadow"), "links have no place"),
        (member("hard.vmdk", tarfile.LNKTYPE, "disk.vmdk"), "links have no place"),
        (member("device", tarfile.CHRTYPE), "links have no place"),
        (member("disk.vmdk"), "twice"),
    ],
)
def test_an_archive_holds_plain_files(
    work: Work, raw: Path, odd: tarfile.TarInfo, words: str
) -> None:
    streamed = made(raw, "vmdk", "-o", "subformat=streamOptimized")
    assert words in refused(work, ova(streamed, more=lambda archive: archive.addfile(odd)))


def test_an_archive_is_whole_and_says_what_is_in_it(work: Work, raw: Path) -> None:
    streamed = made(raw, "vmdk", "-o", "subformat=streamOptimized")
    whole = ova(streamed)
    wrong = whole.replace(hashlib.sha256(streamed).hexdigest().encode(), b"0" * 64)
    assert "checksum of 'disk.vmdk' is wrong" in refused(work, wrong)
    assert "cut off" in refused(work, whole[: len(whole) // 2])
    assert "not in the archive" in refused(work, ova(streamed, OVF.format(name="other.vmdk")))
    assert "not in the archive" in refused(work, ova(streamed, OVF.format(name="../../disk.vmdk")))
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]>' + OVF.format(name="disk.vmdk")
    assert "document type" in refused(work, ova(streamed, bomb))


def test_a_header_longer_than_any_is_not_read(work: Work, raw: Path) -> None:
    """Of a long name nobody reads a GiB."""
    long = member("x", tarfile.GNUTYPE_LONGNAME)
    long.size = 1 << 30
    data = long.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20)
    assert "longer than any" in refused(work, data) or "cut off" in refused(work, data)


# --- packings ---


def test_what_is_packed_is_unpacked_up_to_a_size(work: Work, raw: Path) -> None:
    packed = subprocess.run(["gzip", "-c", str(raw)], check=True, capture_output=True).stdout
    put(work, packed)
    assert asyncio.run(sandbox.unpack(work, "gz", SIZE)).read_bytes() == raw.read_bytes()
    with pytest.raises(Refused, match="more than the 4 MiB"):
        asyncio.run(sandbox.unpack(work, "gz", 4 << 20))
    put(work, packed[:1000])
    with pytest.raises(Refused, match="damaged"):
        asyncio.run(sandbox.unpack(work, "gz", SIZE))


# --- the walls ---


def test_who_is_shut_in_reaches_nothing(work: Work, tmp_path: Path) -> None:
    """Not files, not the network, not other processes, not root's rights."""
    (tmp_path / "secret").write_text(SECRET)
    put(work, b"x")
    script = (
        "import os,socket,json\n"
        "def tried(what):\n"
        "    try: return str(what())\n"
        "    except Exception as error: return type(error).__name__\n"
        "print(json.dumps({'seen': [\n"
        f"  tried(lambda: open({str(tmp_path / 'secret')!r}).read()),\n"
        "  tried(lambda: open('/etc/shadow').read()),\n"
        "  tried(lambda: open('/in/source','w')),\n"
        "  tried(lambda: socket.create_connection(('127.0.0.1', 22), 1)),\n"
        "  tried(lambda: os.setuid(0)),\n"
        "  tried(lambda: os.kill(os.getppid() or 1, 9) if os.getpid() != 1 else 'first'),\n"
        "  tried(lambda: os.geteuid()),\n"
        "  sorted(os.listdir('/'))]}))\n"
    )
    argv = ("/usr/bin/python3", "-I", "-c", script)
    ended = subprocess.run(
        sandbox.command(work, argv, 1 << 20), capture_output=True, check=True, text=True
    )
    assert SECRET not in ended.stdout
    assert "root:" not in ended.stdout
    assert str(sandbox.UID) in ended.stdout
    assert "'etc'" not in ended.stdout
    assert ended.stdout.count("FileNotFoundError") == 2
    assert ended.stdout.count("PermissionError") == 1
    assert '"first"' in ended.stdout


def test_a_socket_that_is_a_link_is_not_followed(work: Work, raw: Path, tmp_path: Path) -> None:
    shutil.copy(raw, work.source)
    sandbox.give(work.source)
    (work.out / "disk.sock").symlink_to(tmp_path / "elsewhere.sock")
    _, (disk,) = asyncio.run(sandbox.look(work, work.source, "raw"))
    assert content(work, disk) == raw.read_bytes()
    assert not (tmp_path / "elsewhere.sock").exists()


def test_too_much_written_ends_it(work: Work) -> None:
    put(work, b"x")
    script = "open('/out/big','wb').write(bytes(2 << 20))"
    argv = ("/usr/bin/python3", "-I", "-c", script)
    ended = subprocess.run(sandbox.command(work, argv, 1 << 20), capture_output=True, check=False)
    assert ended.returncode != 0
    assert (work.out / "big").stat().st_size <= 1 << 20

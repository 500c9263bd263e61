"""Our client and server of NBD, each against QEMU's own and against each other."""

import asyncio
import os
import random
import socket
import subprocess
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mallee.kit.nbd import client, server, wire

STEP = 64 << 10


@dataclass(frozen=True, slots=True)
class Memory:
    """A disk that is bytes; one step of it cannot be read."""

    data: bytes
    bad: int = -1

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    async def read(self, offset: int, length: int) -> bytes:
        await asyncio.sleep(0)
        if offset <= self.bad * STEP < offset + length:
            raise server.Unreadable("this step is gone")
        return self.data[offset : offset + length]

    async def holes(self, offset: int, length: int) -> Iterable[tuple[int, bool]]:
        places = range(offset, offset + length, STEP)
        kinds = groupby(places, lambda n: not self.data[n : n + STEP].strip(b"\0"))
        left = length
        found: list[tuple[int, bool]] = []
        for is_hole, group in kinds:
            size = min(sum(STEP for _ in group), left)
            found.append((size, is_hole))
            left -= size
        return found


def bytes_of(seed: int, size: int) -> bytes:
    """A disk with data and holes, alike for a seed."""
    chance = random.Random(seed)
    steps = (chance.randbytes(STEP) if chance.random() < 0.5 else bytes(STEP) for _ in range(32))
    return b"".join(steps)[:size]


@contextmanager
def serving(path: Path, **exports: Memory) -> Generator[Path]:
    """Our server in a thread of its own."""
    loop = asyncio.new_event_loop()
    listener = loop.run_until_complete(server.Server(exports).start(path))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield path
    finally:
        loop.call_soon_threadsafe(listener.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
            loop.run_until_complete(asyncio.wait([task]))
        loop.close()


def wait_for_socket(path: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody listens."""
    while process.poll() is None:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)) == 0:
                return
        os.sched_yield()
    raise AssertionError("the server ended")


@contextmanager
def qemus_server(directory: Path, *arguments: str) -> Generator[Path]:
    """QEMU's storage daemon with a read-only export `x` of the node `top`."""
    path = directory / "qsd.sock"
    export = "type=nbd,id=x,name=x,node-name=top,writable=off,allocation-depth=on"
    listen = f"addr.type=unix,addr.path={path},max-connections=0"
    command = ["qemu-storage-daemon", *arguments, "--nbd-server", listen, "--export", export]
    process = subprocess.Popen(command)
    try:
        wait_for_socket(path, process)
        yield path
    finally:
        process.terminate()
        process.wait()


def run(*command: str, code: int = 0) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def url(path: Path, name: str = "x") -> str:
    return f"nbd+unix:///{name}?socket={path}"


@pytest.mark.parametrize("size", [STEP * 32, STEP * 20 + 512])
def test_qemu_reads_what_is_served(tmp_path: Path, size: int) -> None:
    disk = Memory(bytes_of(1, size))
    with serving(tmp_path / "s", x=disk) as path:
        run("qemu-img", "convert", "-O", "raw", url(path), str(tmp_path / "copy"))
        told = run("qemu-img", "map", "--output=json", url(path))
    assert (tmp_path / "copy").read_bytes() == disk.data
    assert told.count('"zero": true') == len(
        [
            1
            for is_hole, _ in groupby(
                disk.data[n : n + STEP].strip(b"\0") == b"" for n in range(0, size, STEP)
            )
            if is_hole
        ]
    )


def test_an_overlay_on_an_export_reads_through_and_takes_in(tmp_path: Path) -> None:
    disk = Memory(bytes_of(2, STEP * 32))
    over = tmp_path / "over.qcow2"
    with serving(tmp_path / "s", x=disk) as path:
        run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", url(path), str(over))
        run("qemu-io", "-c", "write -P 7 100k 10k", str(over))
        run("qemu-img", "rebase", "-q", "-b", "", str(over))
    run("qemu-img", "convert", "-O", "raw", str(over), str(tmp_path / "copy"))
    expected = bytearray(disk.data)
    expected[100 << 10 : 110 << 10] = b"\7" * (10 << 10)
    assert (tmp_path / "copy").read_bytes() == expected


def test_what_cannot_be_read_is_an_error_and_the_rest_is_not(tmp_path: Path) -> None:
    disk = Memory(b"a" * STEP * 4, bad=1)
    with serving(tmp_path / "s", x=disk) as path:
        assert "Input/output error" in run(
            "qemu-io", "-r", "-f", "raw", "-c", f"read {STEP} 1k", url(path), code=1
        )
        assert "Pattern verification" not in run(
            "qemu-io", "-r", "-f", "raw", "-c", f"read -P 97 {STEP * 2} 64k", url(path)
        )


def test_nobody_writes(tmp_path: Path) -> None:
    disk = Memory(b"a" * STEP)
    with serving(tmp_path / "s", x=disk) as path:
        assert run("qemu-io", "-f", "raw", "-c", "write 0 512", url(path), code=1) != ""
        with client.Client(path, "x") as reader:
            assert reader.read(0, 512) == b"a" * 512


def test_an_export_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path / "s", x=Memory(b"")) as path:
        with pytest.raises(client.Refused, match="no such export"):
            client.Client(path, "y")
        with pytest.raises(client.Refused, match="no such export"):
            client.Client(path, "y", (wire.BASE_ALLOCATION,))
        with pytest.raises(client.Refused, match="does not know nonsense"):
            client.Client(path, "x", ("nonsense",))


def test_our_client_reads_what_qemu_serves(tmp_path: Path) -> None:
    data = bytes_of(3, STEP * 32)
    (tmp_path / "raw").write_bytes(data)
    node = f"driver=raw,node-name=top,file.driver=file,file.filename={tmp_path / 'raw'}"
    with (
        qemus_server(tmp_path, "--blockdev", node) as path,
        client.Client(path, "x") as reader,
    ):
        assert reader.size_bytes == len(data)
        assert reader.read(0, len(data)) == data
        assert reader.read(12345, 67890) == data[12345 : 12345 + 67890]
        assert reader.read(len(data), 0) == b""
        with pytest.raises(ValueError, match="of 2097152"):
            reader.read(1, len(data))


def test_the_depth_of_layers_is_told(tmp_path: Path) -> None:
    ground, top = tmp_path / "ground", tmp_path / "top"
    create = ("qemu-img", "create", "-q", "-f", "qcow2", "-o")
    run(*create, "cluster_size=128k,extended_l2=on", str(ground), "4M")
    run("qemu-io", "-c", "write -P 1 1M 1M", str(ground))
    over = ("-F", "qcow2", "-b", str(ground))
    run(*create, "cluster_size=128k,extended_l2=on", *over, str(top))
    run("qemu-io", "-c", "write -P 2 1536k 4k", str(top))
    node = f"driver=qcow2,node-name=top,file.driver=file,file.filename={top}"
    contexts = (wire.ALLOCATION_DEPTH, wire.BASE_ALLOCATION)
    with (
        qemus_server(tmp_path, "--blockdev", node) as path,
        client.Client(path, "x", contexts) as reader,
    ):
        depths = {(e.offset, e.length): e.flags for e in reader.extents(wire.ALLOCATION_DEPTH)}
        assert depths == {
            (0, 1 << 20): 0,
            (1 << 20, 512 << 10): 2,
            (1536 << 10, 4 << 10): 1,
            (1540 << 10, 508 << 10): 2,
            (2 << 20, 2 << 20): 0,
        }
        data = [e for e in reader.extents(wire.BASE_ALLOCATION) if not e.flags]
        assert sum(extent.length for extent in data) == 1 << 20
        assert reader.read(1535 << 10, 6 << 10) == b"\1" * 1024 + b"\2" * 4096 + b"\1" * 1024


@given(st.integers(0, 99), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=9))
@settings(deadline=None, max_examples=25)
def test_client_and_server_agree(seed: int, reads: list[tuple[int, int]]) -> None:
    data = bytes_of(seed, STEP * 9 + 1000)
    name = Path("/tmp") / f"m-nbd-{os.getpid()}-{seed}"
    try:
        with (
            serving(name, x=Memory(data)) as path,
            client.Client(path, "x", (wire.BASE_ALLOCATION,)) as reader,
        ):
            for first, count in reads:
                offset = min(first * 20_000, len(data))
                length = min(count * 20_000, len(data) - offset)
                assert reader.read(offset, length) == data[offset : offset + length]
            for extent in reader.extents(wire.BASE_ALLOCATION):
                stretch = data[extent.offset : extent.offset + extent.length]
                assert (stretch.strip(b"\0") == b"") == bool(extent.flags)
    finally:
        name.unlink(missing_ok=True)


@given(st.binary(max_size=200), st.booleans())
@settings(deadline=None, max_examples=50)
def test_garbage_ends_its_own_connection_only(noise: bytes, is_early: bool) -> None:
    name = Path("/tmp") / f"m-nbd-{os.getpid()}-noise"
    try:
        with (
            serving(name, x=Memory(b"a" * STEP)) as path,
            client.Client(path, "x") as reader,
            socket.socket(socket.AF_UNIX) as rude,
        ):
            rude.connect(str(path))
            # The server may have hung up before it is all said.
            with suppress(ConnectionError):
                rude.sendall(noise if is_early else wire.NUMBER.pack(3) + noise)
                rude.shutdown(socket.SHUT_WR)
                while rude.recv(4096):
                    continue
            assert reader.read(0, STEP) == b"a" * STEP
    finally:
        name.unlink(missing_ok=True)

"""Layers of volumes: cut, merged, enlarged; whatever is stopped, no byte and no cut is lost.

A volume is written through qemu-io, and compared with plain bytes that were written alike.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mallee.kit import process
from mallee.node.do import disks, layers

SIZE = 4 << 20
STEP = 64 << 10
"""Writes begin at multiples of it: two of them share a cluster."""


@pytest.fixture
def directory(root_dir: Path) -> Path:
    root_dir.chmod(0o711)
    return root_dir / "volumes" / "vol-1"


def write(directory: Path, number: int, offset: int, pattern: int, length: int = 8192) -> None:
    command = f"write -P {pattern} {offset} {length}"
    process.run(("qemu-io", "-f", "qcow2", "-c", command, str(layers.path_of(directory, number))))


def content(directory: Path, number: int) -> bytes:
    """What a guest reads from a layer and those below it."""
    copy = directory.parent / "copy"
    path = str(layers.path_of(directory, number))
    process.run(("qemu-img", "convert", "-U", "-O", "raw", path, str(copy)))
    return copy.read_bytes()


def cut(directory: Path) -> int:
    """Make a cut of a volume that no guest has; return the number of what was the face."""
    number = layers.face(directory)
    assert number is not None
    layers.prepare_cut(directory, number)
    return number


def test_a_cut_keeps_what_was(directory: Path) -> None:
    layers.make(directory, 1, SIZE)
    write(directory, 1, 0, 1)
    assert cut(directory) == 1
    assert layers.face(directory) == 2
    write(directory, 2, 0, 2, 4096)
    assert content(directory, 1)[:8192] == b"\1" * 8192
    assert content(directory, 2)[:8192] == b"\2" * 4096 + b"\1" * 4096
    assert [layer.number for layer in layers.chain(directory, 2)] == [2, 1]


def test_only_what_was_written_is_in_a_layer(directory: Path) -> None:
    layers.make(directory, 1, SIZE)
    write(directory, 1, 0, 1, 1 << 20)
    cut(directory)
    assert layers.written(layers.path_of(directory, 2)) == []
    write(directory, 2, 5 * STEP + 4096, 2, 4096)
    assert layers.written(layers.path_of(directory, 2)) == [(5 * STEP + 4096, 4096)]


def test_a_merge_keeps_every_byte(directory: Path) -> None:
    layers.make(directory, 1, SIZE)
    write(directory, 1, 0, 1)
    cut(directory)
    write(directory, 2, STEP, 2)
    cut(directory)
    write(directory, 3, 2 * STEP, 3)
    before = content(directory, 3)
    layers.merge_down(directory, 2)
    assert layers.numbers(directory) == [1, 3]
    assert layers.read(directory, 3).below == 1
    assert content(directory, 3) == before
    layers.merge_down(directory, 3)
    assert (layers.face(directory), content(directory, 1)) == (1, before)


def test_a_volume_that_grew_is_merged(directory: Path) -> None:
    layers.make(directory, 1, SIZE)
    cut(directory)
    layers.enlarge(layers.path_of(directory, 2), 2 * SIZE)
    write(directory, 2, SIZE, 7)
    before = content(directory, 2)
    layers.merge_down(directory, 2)
    assert content(directory, 1) == before
    assert len(before) == 2 * SIZE


WRITES = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, SIZE // STEP - 1), st.integers(1, 255)),
        st.tuples(st.just("cut"), st.just(0), st.just(0)),
        st.tuples(st.just("merge"), st.integers(0, 5), st.just(0)),
    ),
    max_size=14,
)


@given(WRITES)
@settings(
    deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_history_reads_as_plain_bytes_do(
    directory: Path, history: list[tuple[str, int, int]]
) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    layers.make(directory, 1, SIZE)
    plain = bytearray(SIZE)
    cuts: dict[int, bytes] = {}
    for what, place, pattern in history:
        face = layers.face(directory)
        assert face is not None
        if what == "write":
            write(directory, face, place * STEP, pattern)
            plain[place * STEP : place * STEP + 8192] = bytes([pattern]) * 8192
        elif what == "cut":
            cuts[cut(directory)] = bytes(plain)
        else:
            under = [n for n in layers.numbers(directory)[1:-1] if n <= place]
            if under:
                layers.merge_down(directory, under[-1])
                # What is merged down is the cut's no more, nor is what lay below it.
                cuts = {n: data for n, data in cuts.items() if n > under[-1]}
    face = layers.face(directory)
    assert face is not None
    assert content(directory, face) == plain
    for number, data in cuts.items():
        assert content(directory, number) == data


def stopped_at(stop: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have one step of a merge be the last; return what lets steps be done again."""
    real_unlink, real_run = Path.unlink, process.run

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if stop == "unlink":
            raise InterruptedError
        real_unlink(path, missing_ok=missing_ok)

    def run(argv: tuple[str, ...], **more: Any) -> process.Finished:
        if argv[1] == stop:
            raise InterruptedError
        return real_run(argv, **more)

    monkeypatch.setattr(Path, "unlink", unlink)
    monkeypatch.setattr(process, "run", run)
    return monkeypatch.undo


@pytest.mark.parametrize("stop", ["commit", "rebase", "unlink"])
def test_a_merge_that_was_stopped_is_done_again(
    directory: Path, monkeypatch: pytest.MonkeyPatch, stop: str
) -> None:
    layers.make(directory, 1, SIZE)
    write(directory, 1, 0, 1)
    for number in (2, 3):
        cut(directory)
        write(directory, number, number * STEP, number)
    before = content(directory, 3)
    undo = stopped_at(stop, monkeypatch)
    with pytest.raises(InterruptedError):
        layers.merge_down(directory, 2)
    undo()
    assert content(directory, 3) == before
    if layers.read(directory, 3).below == 2:
        layers.merge_down(directory, 2)
    layers.remove_unreached(directory, [3])
    assert layers.numbers(directory) == [1, 3]
    assert content(directory, 3) == before


def test_a_commit_that_was_killed_hides_nothing(directory: Path) -> None:
    layers.make(directory, 1, SIZE)
    for number in range(1, SIZE // STEP, 2):
        write(directory, 1, number * STEP, 1)
    cut(directory)
    for number in range(0, SIZE // STEP, 3):
        write(directory, 2, number * STEP, 2)
    cut(directory)
    before = content(directory, 3)
    for _ in range(5):
        command = ["qemu-img", "commit", "-q", "-d", str(layers.path_of(directory, 2))]
        child = subprocess.Popen(command)
        os.sched_yield()
        child.kill()
        child.wait()
        assert content(directory, 3) == before
    layers.merge_down(directory, 2)
    assert content(directory, 3) == before


def test_a_cut_that_was_never_finished_is_forgotten(directory: Path) -> None:
    layers.make(directory, 1, SIZE)
    write(directory, 1, 0, 1)
    layers.prepare_cut(directory, 1)
    # The guest runs with the first one still.
    write(directory, 1, STEP, 2)
    layers.forget_unused(directory, in_use=1)
    assert layers.numbers(directory) == [1]
    assert content(directory, 1)[STEP] == 2


def test_a_layer_that_points_elsewhere_is_not_followed(directory: Path, root_dir: Path) -> None:
    secret = root_dir / "secret"
    secret.write_bytes(b"x" * 4096)
    secret.chmod(0o600)
    layers.make(directory, 1, SIZE)
    path = layers.path_of(directory, 1)
    # As a guest might that has its QEMU in hand.
    command = ("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "raw", "-b", str(secret))
    process.run((*command, str(path)))
    assert layers.read(directory, 1).below is None
    with pytest.raises(process.Failed, match="Permission denied"):
        layers.written(path)
    layers.rebase(layers.read(directory, 1), "9.qcow2")
    with pytest.raises(OSError, match="not below it"):
        layers.chain(directory, 1)


def test_what_is_no_layer_is_not_read(directory: Path) -> None:
    layers.make(directory, 1, SIZE)
    layers.path_of(directory, 2).write_bytes(b"QFI")
    with pytest.raises(OSError, match=r"is no qcow2 file"):
        layers.read(directory, 2)
    assert layers.path_of(directory, 1).owner() == disks.QEMU_USER


@pytest.mark.parametrize("at", [8, 24])
def test_a_head_that_a_guest_has_spoilt_is_no_layer(directory: Path, at: int) -> None:
    path = layers.make(directory, 1, SIZE)
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xff" * 8)
    with pytest.raises(OSError, match="head"):
        layers.read(directory, 1)

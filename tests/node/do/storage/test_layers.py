"""Layers of volumes: cut, merged, enlarged; whatever is stopped, no byte and no cut is lost.

A volume is written through qemu-io, and compared with plain bytes that were written alike.
"""

import contextlib
import dataclasses
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mallee.kit import process
from mallee.model.storage.datakeys import OpenedKey
from mallee.node.do.storage import disks, filling, layers

SIZE = 4 << 20
STEP = 32 << 10
"""Writes begin at multiples of it: two of them share a cluster."""


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume's directory, and what its layers are encrypted with, if they are."""

    directory: Path
    key: OpenedKey | None

    def make(self) -> Path:
        return layers.make(self.directory, 1, layers.Empty(SIZE, key=self.key))

    def write(self, number: int, offset: int, pattern: int, length: int = 8192) -> None:
        how = self.opening(number)
        command = f"write -P {pattern} {offset} {length}"
        process.run(("qemu-io", *how.words, "-c", command, how.file), how.stdin)

    def content(self, number: int) -> bytes:
        """What a guest reads from a layer and those below it."""
        how = self.opening(number)
        copy = self.directory.parent / "copy"
        process.run(
            ("qemu-img", "convert", "-U", *how.words, "-O", "raw", how.file, str(copy)), how.stdin
        )
        return copy.read_bytes()

    def cut(self) -> int:
        """Make a cut of a volume that no guest has; return the number of what was the face."""
        number = layers.face(self.directory)
        assert number is not None
        layers.prepare_cut(self.directory, number, self.key)
        return number

    def merge_down(self, number: int) -> None:
        layers.merge_down(self.directory, number, self.key)

    def enlarge(self, number: int, size_bytes: int) -> None:
        layers.enlarge(layers.path_of(self.directory, number), size_bytes, self.key)

    def written(self, number: int) -> list[tuple[int, int]]:
        return layers.written(layers.path_of(self.directory, number), self.key)

    def opening(self, number: int) -> layers.Opening:
        return layers.opening(layers.path_of(self.directory, number), self.key)


@pytest.fixture(params=[None, OpenedKey("one", b"k" * 32)], ids=["plain", "encrypted"])
def volume(request: pytest.FixtureRequest, root_dir: Path) -> Volume:
    root_dir.chmod(0o711)
    return Volume(root_dir / "volumes" / "vol-1", request.param)


def test_a_cut_keeps_what_was(volume: Volume) -> None:
    volume.make()
    volume.write(1, 0, 1)
    assert volume.cut() == 1
    assert layers.face(volume.directory) == 2
    volume.write(2, 0, 2, 4096)
    assert volume.content(1)[:8192] == b"\1" * 8192
    assert volume.content(2)[:8192] == b"\2" * 4096 + b"\1" * 4096
    assert [layer.number for layer in layers.chain(volume.directory, 2)] == [2, 1]


def test_only_clusters_that_were_written_are_in_a_layer(volume: Volume) -> None:
    volume.make()
    volume.write(1, 0, 1, 1 << 20)
    volume.cut()
    assert volume.written(2) == []
    volume.write(2, 5 * STEP + 4096, 2, 4096)
    assert volume.written(2) == [(4 * STEP, 2 * STEP)]


def test_what_is_copied_up_behind_a_part_that_was_written_is_whole(volume: Volume) -> None:
    volume.make()
    volume.write(1, 0, 1, 1 << 20)
    volume.cut()
    volume.write(2, 0, 2, 4096)
    # As QEMU does while it fills a volume under a guest that writes.
    how = layers.opening(layers.path_of(volume.directory, 2), volume.key)
    copy_up = ("qemu-io", "-C", *how.words, "-c", "read -q 8192 4096", how.file)
    process.run(copy_up, how.stdin)
    assert volume.content(2)[:16384] == b"\2" * 4096 + b"\1" * 12288


def test_a_merge_keeps_every_byte(volume: Volume) -> None:
    volume.make()
    volume.write(1, 0, 1)
    volume.cut()
    volume.write(2, STEP, 2)
    volume.cut()
    volume.write(3, 2 * STEP, 3)
    before = volume.content(3)
    volume.merge_down(2)
    assert layers.numbers(volume.directory) == [1, 3]
    assert layers.read(volume.directory, 3).below == 1
    assert volume.content(3) == before
    volume.merge_down(3)
    assert (layers.face(volume.directory), volume.content(1)) == (1, before)


def test_a_volume_that_grew_is_merged(volume: Volume) -> None:
    volume.make()
    volume.cut()
    volume.enlarge(2, 2 * SIZE)
    volume.write(2, SIZE, 7)
    before = volume.content(2)
    volume.merge_down(2)
    assert volume.content(1) == before
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
    volume: Volume, history: list[tuple[str, int, int]]
) -> None:
    shutil.rmtree(volume.directory, ignore_errors=True)
    volume.make()
    plain = bytearray(SIZE)
    cuts: dict[int, bytes] = {}
    for what, place, pattern in history:
        face = layers.face(volume.directory)
        assert face is not None
        if what == "write":
            volume.write(face, place * STEP, pattern)
            plain[place * STEP : place * STEP + 8192] = bytes([pattern]) * 8192
        elif what == "cut":
            cuts[volume.cut()] = bytes(plain)
        else:
            under = [n for n in layers.numbers(volume.directory)[1:-1] if n <= place]
            if under:
                volume.merge_down(under[-1])
                # What is merged down is the cut's no more, nor is what lay below it.
                cuts = {n: data for n, data in cuts.items() if n > under[-1]}
    face = layers.face(volume.directory)
    assert face is not None
    assert volume.content(face) == plain
    for number, data in cuts.items():
        assert volume.content(number) == data


def stopped_at(stop: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have one step of a merge be the last; return what lets steps be done again."""
    real_unlink, real_run = Path.unlink, process.run

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if stop == "unlink":
            raise InterruptedError
        real_unlink(path, missing_ok=missing_ok)

    def run(argv: tuple[str, ...], stdin: bytes = b"", **more: Any) -> process.Finished:
        if argv[1] == stop:
            raise InterruptedError
        return real_run(argv, stdin, **more)

    monkeypatch.setattr(Path, "unlink", unlink)
    monkeypatch.setattr(process, "run", run)
    return monkeypatch.undo


@pytest.mark.parametrize("stop", ["commit", "rebase", "unlink"])
def test_a_merge_that_was_stopped_is_done_again(
    volume: Volume, monkeypatch: pytest.MonkeyPatch, stop: str
) -> None:
    volume.make()
    volume.write(1, 0, 1)
    for number in (2, 3):
        volume.cut()
        volume.write(number, number * STEP, number)
    before = volume.content(3)
    undo = stopped_at(stop, monkeypatch)
    with pytest.raises(InterruptedError):
        volume.merge_down(2)
    undo()
    assert volume.content(3) == before
    if layers.read(volume.directory, 3).below == 2:
        volume.merge_down(2)
    layers.remove_unreached(volume.directory, [3])
    assert layers.numbers(volume.directory) == [1, 3]
    assert volume.content(3) == before


def test_a_commit_that_was_killed_hides_nothing(volume: Volume) -> None:
    volume.make()
    for number in range(1, SIZE // STEP, 2):
        volume.write(1, number * STEP, 1)
    volume.cut()
    for number in range(0, SIZE // STEP, 3):
        volume.write(2, number * STEP, 2)
    volume.cut()
    before = volume.content(3)
    for tries in range(5):
        command = layers.prepare_merge(volume.directory, 2, volume.key)
        with contextlib.suppress(process.TimedOut):
            process.run(command.argv, command.stdin, timeout_s=0.002 * tries)
        assert volume.content(3) == before
    volume.merge_down(2)
    assert volume.content(3) == before


def test_a_cut_that_was_never_finished_is_forgotten(volume: Volume) -> None:
    volume.make()
    volume.write(1, 0, 1)
    layers.prepare_cut(volume.directory, 1, volume.key)
    # The guest runs with the first one still.
    volume.write(1, STEP, 2)
    layers.forget_unused(volume.directory, in_use=1)
    assert layers.numbers(volume.directory) == [1]
    assert volume.content(1)[STEP] == 2


def test_a_layer_that_points_elsewhere_is_not_followed(volume: Volume, root_dir: Path) -> None:
    secret = root_dir / "secret"
    secret.write_bytes(b"x" * 4096)
    secret.chmod(0o600)
    volume.make()
    path = layers.path_of(volume.directory, 1)
    # As a guest might that has its QEMU in hand.
    how = layers.opening_alone(path, volume.key)
    command = ("qemu-img", "rebase", "-u", *how.words, "-F", "raw", "-b", str(secret), how.file)
    process.run(command, how.stdin)
    assert layers.read(volume.directory, 1).below is None
    with pytest.raises(process.Failed, match="Permission denied"):
        filling.missing(path, volume.key)
    # Nor is it needed for this.
    volume.enlarge(1, 2 * SIZE)
    layers.rebase(layers.read(volume.directory, 1), "9.qcow2", volume.key)
    with pytest.raises(OSError, match="not below it"):
        layers.chain(volume.directory, 1)


def test_what_is_no_layer_is_not_read(volume: Volume) -> None:
    volume.make()
    layers.path_of(volume.directory, 2).write_bytes(b"QFI")
    with pytest.raises(OSError, match=r"is no qcow2 file"):
        layers.read(volume.directory, 2)
    assert layers.path_of(volume.directory, 1).owner() == disks.QEMU_USER


@pytest.mark.parametrize("at", [8, 24])
def test_a_head_that_a_guest_has_spoilt_is_no_layer(volume: Volume, at: int) -> None:
    path = volume.make()
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xff" * 8)
    with pytest.raises(OSError, match="head"):
        layers.read(volume.directory, 1)


def test_an_encrypted_volume_shows_its_bytes_to_its_key_alone(volume: Volume) -> None:
    path = volume.make()
    volume.write(1, 0, 0x5A, 64 << 10)
    volume.cut()
    volume.write(2, STEP, 0x5A, 64 << 10)
    shown = [
        b"Z" * 512 in (volume.directory / name).read_bytes() for name in ("1.qcow2", "2.qcow2")
    ]
    assert shown == [volume.key is None] * 2
    if volume.key is None:
        return
    with pytest.raises(OSError, match="its key is not there"):
        layers.opening(path, None)
    other = dataclasses.replace(volume, key=OpenedKey("two", b"x" * 32))
    with pytest.raises(process.Failed, match="Invalid password"):
        other.content(2)


def test_no_key_is_on_a_command_line_or_in_words(volume: Volume) -> None:
    volume.make()
    volume.cut()
    command = layers.prepare_merge(volume.directory, 2, volume.key)
    key = volume.key or OpenedKey("none", b"k" * 32)
    secret = layers.passphrase_of(key).decode()
    assert secret not in repr(command)
    assert secret not in " ".join(command.argv)
    assert "kkkk" not in repr(key)


def test_an_encrypted_layer_may_lie_on_a_plain_one(root_dir: Path) -> None:
    root_dir.chmod(0o711)
    under = Volume(root_dir / "volumes" / "vol-1", None)
    path = under.make()
    under.write(1, 0, 7)
    above = Volume(root_dir / "volumes" / "vol-2", OpenedKey("one", b"k" * 32))
    layers.make(above.directory, 1, layers.Empty(SIZE, str(path), above.key))
    above.write(1, 4096, 8, 4096)
    above.cut()
    assert above.content(2)[:8192] == b"\7" * 4096 + b"\x08" * 4096


def test_a_volume_lies_on_an_encrypted_layer_of_another(root_dir: Path) -> None:
    root_dir.chmod(0o711)
    key = OpenedKey("one", b"k" * 32)
    under = Volume(root_dir / "volumes" / "vol-1", key)
    path = under.make()
    under.write(1, 0, 7)
    above = Volume(root_dir / "volumes" / "vol-2", key)
    layers.make(above.directory, 1, layers.Empty(2 * SIZE, str(path), key))
    above.cut()
    above.write(2, SIZE, 8)
    above.merge_down(2)
    assert above.content(1)[:8192] == b"\7" * 8192
    assert above.content(1)[SIZE : SIZE + 8192] == b"\x08" * 8192

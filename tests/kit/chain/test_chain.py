"""A chain tells of every change: a line altered, removed, moved, cut off; and of every crash."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from mallee.kit.chain import keyfile, lines, recovery, segments, verify, writer

KEY = bytes(range(32))
NOW = 1_795_000_000.0
LARGE = writer.Bounds()
SMALL = writer.Bounds(segment_bytes=600)


def begin(directory: Path, bounds: writer.Bounds = LARGE) -> writer.Writer:
    return writer.Writer(directory, KEY, bounds, NOW)


def fill(directory: Path, count: int, bounds: writer.Bounds = LARGE) -> None:
    """Add lines by a process of their own."""
    one = begin(directory, bounds)
    for number in range(count):
        one.add(b'{"said":"%d"}' % number)
        one.write(NOW)
    one.close(NOW)


def kill(one: writer.Writer) -> None:
    """What a kill leaves of a writer: nothing but its files."""
    os.close(one._file)
    os.close(one._lock)


def look(directory: Path, *known: lines.Place) -> verify.Report:
    return verify.verify(directory, KEY, known)


def faults(directory: Path, *known: lines.Place) -> list[str]:
    return [fault.what for fault in look(directory, *known).faults]


def all_lines(directory: Path) -> list[bytes]:
    found = [path.path.read_bytes() for path in segments.find_all(directory)]
    return b"".join(found).splitlines()


def edit(directory: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Change the lines of the last file as somebody with an editor would."""
    path = segments.find_all(directory)[-1].path
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


# --- a chain in peace ---


def test_lines_come_back_in_order_and_whole(tmp_path: Path) -> None:
    fill(tmp_path, 50)
    report = look(tmp_path)
    assert report.is_whole, report.faults
    assert (report.lines, report.first, report.last.number) == (51, 1, 51)
    assert b'"chain":"began"' in all_lines(tmp_path)[0]


def test_the_chain_goes_through_restarts_and_files(tmp_path: Path) -> None:
    for _ in range(4):
        fill(tmp_path, 10, SMALL)
    report = look(tmp_path)
    assert report.is_whole, report.faults
    assert report.segments > 4
    numbers = [line.place.number for text in all_lines(tmp_path) if (line := lines.parse(text))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_two_writers_at_once_cannot_be(tmp_path: Path) -> None:
    one = begin(tmp_path)
    with pytest.raises(writer.Held):
        begin(tmp_path)
    one.close(NOW)
    begin(tmp_path).close(NOW)


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    fill(tmp_path / "chain", 1)
    for path in (tmp_path / "chain", *(tmp_path / "chain").iterdir()):
        assert path.stat().st_mode & 0o077 == 0, path


def test_lines_are_read_backward_as_forward(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, 40)
    path = segments.find_all(tmp_path)[0].path
    forward = [(offset, text[:-1]) for offset, text in segments.read_lines(path)]
    for block in (1, 7, 100, 1000, 1 << 20):
        monkeypatch.setattr(segments, "BLOCK_BYTES", block)
        assert list(segments.read_lines_backward(path)) == forward[::-1]
        offset = forward[20][0]
        assert list(segments.read_lines_backward(path, offset)) == forward[:20][::-1]
    path.write_bytes(path.read_bytes() + b"half a li")
    assert list(segments.read_lines_backward(path)) == forward[::-1]


# --- somebody with an editor ---


def test_a_changed_line_is_found(tmp_path: Path) -> None:
    fill(tmp_path, 9)
    edit(tmp_path, lambda old: [line.replace(b'"said":"4"', b'"said":"5"') for line in old])
    assert faults(tmp_path) == ["line 6 was changed"]


def test_every_single_byte_counts(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    path = segments.find_all(tmp_path)[0].path
    whole = path.read_bytes()
    for place in random.Random(1).sample(range(len(whole)), 120):
        spoilt = bytearray(whole)
        spoilt[place] ^= 1
        path.write_bytes(spoilt)
        assert not look(tmp_path).is_whole, place


def test_a_removed_line_is_found(tmp_path: Path) -> None:
    fill(tmp_path, 9)
    edit(tmp_path, lambda old: old[:3] + old[5:])
    assert faults(tmp_path) == ["lines 4 to 5 are missing before line 6"]


def test_reordered_lines_are_found(tmp_path: Path) -> None:
    fill(tmp_path, 9)
    edit(tmp_path, lambda old: [*old[:3], old[4], old[3], *old[5:]])
    found = faults(tmp_path)
    assert "line 4 stands after line 5" in found


def test_a_doubled_line_is_found(tmp_path: Path) -> None:
    fill(tmp_path, 9)
    edit(tmp_path, lambda old: [*old[:4], old[3], *old[4:]])
    assert faults(tmp_path)[0] == "line 4 stands after line 4"


def test_a_line_made_without_the_key_is_found(tmp_path: Path) -> None:
    fill(tmp_path, 9)
    last = look(tmp_path).last
    forged, _ = lines.link(bytes(32), last, b'{"said":"nothing"}')
    edit(tmp_path, lambda old: [*old, forged])
    assert faults(tmp_path) == ["line 11 was changed"]


@pytest.mark.parametrize("removed", [1, 2, 9])
def test_a_cut_end_is_found(tmp_path: Path, removed: int) -> None:
    fill(tmp_path, 9)
    edit(tmp_path, lambda old: old[:-removed])
    assert faults(tmp_path) == ["cut off: the chain went on to line 10, and ends here"]


def test_a_cut_end_is_not_healed_by_a_restart(tmp_path: Path) -> None:
    fill(tmp_path, 9)
    edit(tmp_path, lambda old: old[:-2])
    fill(tmp_path, 9)
    assert "when this was written, lines up to 10 were gone" in faults(tmp_path)


def test_a_cut_within_a_line_is_found(tmp_path: Path) -> None:
    fill(tmp_path, 9)
    edit(tmp_path, lambda old: [*old[:-1], old[-1][:20]])
    assert faults(tmp_path) == ["cut off: the chain went on to line 10, and ends here"]


def test_a_noted_place_proves_what_the_head_does_not(tmp_path: Path) -> None:
    fill(tmp_path, 9)
    noted = look(tmp_path).last
    edit(tmp_path, lambda old: old[:-2])
    (tmp_path / recovery.HEAD).unlink()
    assert faults(tmp_path) == []
    assert faults(tmp_path, lines.parse_place(str(noted))) == [
        "cut off: the chain went on to line 10, and ends here"
    ]
    fill(tmp_path, 9)
    assert "line 10 is another than the one that was noted" in faults(tmp_path, noted)


@pytest.mark.parametrize("which", [0, 1, -1])
def test_a_removed_file_is_found(tmp_path: Path, which: int) -> None:
    fill(tmp_path, 30, SMALL)
    segments.find_all(tmp_path)[which].path.unlink()
    assert not look(tmp_path).is_whole


def test_a_renamed_file_is_found(tmp_path: Path) -> None:
    fill(tmp_path, 30, SMALL)
    path = segments.find_all(tmp_path)[1].path
    path.rename(path.with_name(segments.name_of(9, NOW)))
    assert not look(tmp_path).is_whole


@pytest.mark.parametrize("text", ["", "1", "1:zz", ":", "1:" + "a" * 63, "-1:" + "a" * 64])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no place"):
        lines.parse_place(text)


# --- crashes ---


@pytest.mark.parametrize(
    "left", [b"", b"{", b'{"n":11,"sa', bytes(300), b"x" * 300, b"\n\n", b"{}\n"]
)
def test_what_a_kill_leaves_is_told_and_nothing_is_lost(tmp_path: Path, left: bytes) -> None:
    fill(tmp_path, 9)
    path = segments.find_all(tmp_path)[0].path
    path.write_bytes(path.read_bytes() + left)
    fill(tmp_path, 5)
    report = look(tmp_path)
    assert report.is_whole, report.faults
    assert report.last.number == 16
    assert any("a crash left" in note for note in report.notes) is bool(left)
    assert path.read_bytes().endswith(left)


def test_what_a_crash_left_may_not_be_changed_later(tmp_path: Path) -> None:
    fill(tmp_path, 9)
    path = segments.find_all(tmp_path)[0].path
    path.write_bytes(path.read_bytes() + b"half")
    fill(tmp_path, 5)
    path.write_bytes(path.read_bytes().replace(b"half", b"help"))
    assert faults(tmp_path) == ["what a crash left here is not what the next start found"]


def test_a_kill_at_any_byte_loses_nothing_that_was_written_before(tmp_path: Path) -> None:
    fill(tmp_path, 4)
    path = segments.find_all(tmp_path)[0].path
    one = begin(tmp_path)
    one.add(b'{"said":"last"}')
    one.write(NOW)
    kill(one)
    whole = path.read_bytes()
    synced = whole.index(b'{"n":6')
    for end in range(synced, len(whole)):
        place = tmp_path / str(end)
        place.mkdir()
        (place / path.name).write_bytes(whole[:end])
        (place / recovery.HEAD).write_bytes((tmp_path / recovery.HEAD).read_bytes())
        fill(place, 2)
        report = look(place)
        assert report.is_whole, (end, report.faults)
        assert report.last.number == 5 + whole[synced:end].count(b"\n") + 3


def test_a_kill_right_after_a_file_was_begun_is_no_fault(tmp_path: Path) -> None:
    fill(tmp_path, 9)
    (tmp_path / segments.name_of(11, NOW + 5)).touch()
    fill(tmp_path, 3)
    assert look(tmp_path).is_whole
    assert len(segments.find_all(tmp_path)) == 2


def test_what_was_synced_and_is_gone_is_no_crash(tmp_path: Path) -> None:
    one = begin(tmp_path)
    one.add(b'{"said":"kept"}')
    one.write(NOW)
    one.begin_sync()()
    kill(one)
    edit(tmp_path, lambda old: old[:-1])
    fill(tmp_path, 1)
    assert not look(tmp_path).is_whole


def test_a_line_being_written_is_no_fault(tmp_path: Path) -> None:
    fill(tmp_path, 9)
    path = segments.find_all(tmp_path)[0].path
    path.write_bytes(path.read_bytes() + b'{"n":11,"said"')
    report = look(tmp_path)
    assert report.is_whole
    assert "ends within a line" in report.notes[0]


# --- room ---


def test_a_full_disk_loses_lines_only_beyond_a_bound_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "PENDING_BYTES_MAX", 2000)
    one = begin(tmp_path)
    full = os.open("/dev/full", os.O_WRONLY)
    room, one._file = one._file, full
    for number in range(100):
        one.add(b'{"said":"%d"}' % number)
    with pytest.raises(OSError, match="No space"):
        one.write(NOW)
    one._file = room
    os.close(full)
    one.close(NOW)
    report = look(tmp_path)
    assert report.is_whole, report.faults
    assert 10 < report.lines < 40
    assert any("were not kept" in note for note in report.notes)


def test_a_write_that_was_cut_short_is_finished_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = begin(tmp_path)
    one.write(NOW)
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, bytes(data)[:7]))
    one.add(b'{"said":"slowly"}')
    one.write(NOW)
    monkeypatch.undo()
    one.close(NOW)
    assert look(tmp_path).is_whole


def test_old_files_are_forgotten_and_the_chain_says_so(tmp_path: Path) -> None:
    bounds = writer.Bounds(segment_bytes=600, kept_bytes=2000)
    for _ in range(3):
        fill(tmp_path, 30, bounds)
    report = look(tmp_path)
    assert report.is_whole, report.faults
    assert report.first > 1
    assert sum(one.path.stat().st_size for one in segments.find_all(tmp_path)) < 4000
    assert any("forgotten" in note for note in report.notes)


def test_what_was_forgotten_on_purpose_hides_no_other_removal(tmp_path: Path) -> None:
    fill(tmp_path, 60, writer.Bounds(segment_bytes=600, kept_bytes=4000))
    segments.find_all(tmp_path)[0].path.unlink()
    assert not look(tmp_path).is_whole


def test_old_age_is_forgotten_too(tmp_path: Path) -> None:
    one = writer.Writer(tmp_path, KEY, writer.Bounds(segment_s=10, kept_s=100), NOW)
    for minute in range(10):
        one.add(b'{"said":"x"}')
        one.write(NOW + 60 * minute)
    one.close(NOW + 600)
    report = look(tmp_path)
    assert report.is_whole, report.faults
    assert 3 <= report.segments <= 5


# --- a place where somebody else writes ---


def test_who_verifies_follows_no_link(tmp_path: Path) -> None:
    trail, secret = tmp_path / "trail", tmp_path / "secret"
    fill(trail, 3)
    secret.write_text("root:x")
    (trail / segments.name_of(5, NOW + 1)).symlink_to(secret)
    with pytest.raises(OSError, match="symbolic links"):
        look(trail)


def test_who_verifies_waits_for_no_pipe(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    os.mkfifo(tmp_path / segments.name_of(5, NOW + 1))
    with pytest.raises(OSError, match="no plain file"):
        look(tmp_path)


def test_a_key_is_made_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert keyfile.load_or_create(path) == keyfile.load_or_create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    with pytest.raises(keyfile.BadKey, match="chmod 600"):
        keyfile.load(path)
    path.chmod(0o600)
    path.write_text("no key\n")
    with pytest.raises(keyfile.BadKey, match="64 hexadecimal"):
        keyfile.load(path)

"""What two hosts of one share find out of it, by files alone: the share, its links, its locks."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from mallee.kit import files
from mallee.model.layout import Layout
from mallee.node.do.storage import disks, imagelocks, layers, shares
from mallee.node.do.storage.shares import NotShared, OtherPlace, Proof

pytestmark = pytest.mark.host

OLD, NEW = "host-0123456789abcdef0", "host-0123456789abcdef1"
ID = "vol-0123456789abcdef0"


def host(root: Path, share: Path, name: str) -> Layout:
    """A host that keeps its volumes in a directory, as others do."""
    made = Layout(root / name, placed=share / name / "volumes")
    assert made.placed is not None
    made.placed.mkdir(parents=True)
    made.node.mkdir(parents=True, exist_ok=True)
    return made


@pytest.fixture
def old(root_dir: Path) -> Layout:
    return host(root_dir, root_dir / "a share", OLD)


@pytest.fixture
def new(root_dir: Path) -> Layout:
    return host(root_dir, root_dir / "a share", NEW)


def nothing(descriptor: int) -> None:
    """Locks as some shares keep them."""


def files_of(layout: Layout) -> list[str]:
    assert layout.placed is not None
    return sorted(os.listdir(layout.placed.parent))


def test_hosts_of_one_share_find_that_out_and_leave_nothing(old: Layout, new: Layout) -> None:
    with shares.proving(old) as proof:
        assert proof is not None
        with shares.looking(new, OLD, proof.name) as share:
            assert proof.holds(share.read, share.wrote)
            assert not proof.holds(share.read, "0" * 32)
            assert not proof.holds("0" * 32, share.wrote)
            assert not proof.holds(share.read, "")
            proof.let_go()
            assert share.has_let_go()
    assert files_of(old) == files_of(new) == ["volumes"]


def test_a_lock_that_stays_is_seen(
    old: Layout, new: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "LET_GO_S", 0.1)
    with shares.proving(old) as proof:
        assert proof is not None
        with shares.looking(new, OLD, proof.name) as share:
            assert not share.has_let_go()


def test_hosts_of_two_places_share_nothing(root_dir: Path, old: Layout) -> None:
    elsewhere = host(root_dir, root_dir / "other", NEW)
    alone = Layout(root_dir / "alone")
    with shares.proving(old) as proof:
        assert proof is not None
        for layout in (elsewhere, alone):
            with pytest.raises(OtherPlace), shares.looking(layout, OLD, proof.name):
                pass
    with shares.proving(alone) as proof:
        assert proof is None


def test_a_place_that_is_copied_is_no_share(root_dir: Path, old: Layout, new: Layout) -> None:
    """As a backup's or a mirror's is: the same names and words, other files."""
    with shares.proving(old) as proof:
        assert proof is not None
        assert old.placed is not None
        copied = host(root_dir, root_dir / "copy", NEW)
        shutil.copytree(root_dir / "a share" / OLD, root_dir / "copy" / OLD)
        with pytest.raises(NotShared, match="locks"), shares.looking(copied, OLD, proof.name):
            pass
        there = root_dir / "copy" / OLD / proof.name
        with there.open("rb") as file:
            imagelocks.forbid_writing(file.fileno())
            with shares.looking(copied, OLD, proof.name) as share:
                assert not proof.holds(share.read, share.wrote)


def test_a_share_that_keeps_no_locks_is_found_out(
    old: Layout, new: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imagelocks, "forbid_writing", nothing)
    with shares.proving(old) as proof:
        assert proof is not None
        with pytest.raises(NotShared, match="keep locks"), shares.looking(new, OLD, proof.name):
            pass


def _link_file(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _directory(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _someones(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("make", [_link_file, _directory, _pipe, _someones])
def test_only_files_of_qemus_user_are_linked(
    old: Layout, new: Layout, make: Callable[[Path], None]
) -> None:
    theirs, into = old.volumes / ID, new.volumes / ID
    theirs.mkdir()
    into.mkdir()
    make(layers.path_of(theirs, 1))
    with shares.proving(old) as proof:
        assert proof is not None
        with shares.looking(new, OLD, proof.name) as share, pytest.raises(NotShared):
            share.link(ID, (1,), into)
    assert os.listdir(into) == []


def test_no_link_leads_out_of_the_share(root_dir: Path, old: Layout, new: Layout) -> None:
    secret, into = root_dir / "secret", new.volumes / ID
    secret.mkdir()
    into.mkdir()
    _someones(layers.path_of(secret, 1))
    (old.volumes / ID).symlink_to(secret)
    with shares.proving(old) as proof:
        assert proof is not None
        with shares.looking(new, OLD, proof.name) as share, pytest.raises(OSError):
            share.link(ID, (1,), into)


@pytest.mark.parametrize("name", ["../x", "", "proof-", "volumes", f"proof-{'0' * 32}/.."])
def test_a_proof_has_a_name_of_its_own(new: Layout, name: str) -> None:
    with pytest.raises(NotShared), shares.looking(new, OLD, name):
        pass


def test_what_a_killed_agent_left_goes_and_what_is_held_stays(old: Layout) -> None:
    assert old.placed is not None
    left = old.placed.parent / f"proof-{'0' * 32}"
    left.write_bytes(b"")
    with shares.proving(old) as first, shares.proving(old) as second:
        assert isinstance(first, Proof)
        assert isinstance(second, Proof)
        assert files_of(old) == sorted([first.name, second.name, "volumes"])


def test_what_others_put_in_the_way_is_neither_waited_for_nor_followed(
    old: Layout, tmp_path: Path
) -> None:
    assert old.placed is not None
    own, kept = old.placed.parent, tmp_path / "kept"
    kept.write_text("not of the share")
    os.mkfifo(own / f"proof-{'0' * 32}")
    (own / f"proof-{'1' * 32}").symlink_to(kept)
    (own / f"proof-{'2' * 32}").mkdir()
    with shares.proving(old) as proof:
        assert proof is not None
    assert files_of(old) == [f"proof-{'2' * 32}", "volumes"]
    assert kept.exists()
    layer = layers.path_of(old.placed, 1)
    os.mkfifo(layer)
    with pytest.raises(OSError, match="no plain file"):
        layers.read_file(layer)


def test_linked_files_are_the_same_file(old: Layout, new: Layout) -> None:
    theirs, into = old.volumes / ID, new.volumes / ID
    theirs.mkdir()
    into.mkdir()
    for number in (1, 3):
        path = layers.path_of(theirs, number)
        path.write_bytes(b"0" * 4096)
        path.chmod(files.PRIVATE)
        disks.give_to_qemu(path)
    with shares.proving(old) as proof:
        assert proof is not None
        with shares.looking(new, OLD, proof.name) as share:
            linked = share.link(ID, (1, 3), into)
    layers.path_of(theirs, 1).write_bytes(b"1" * 4096)
    assert [path.name for path in linked] == ["1.qcow2", "3.qcow2"]
    assert linked[0].read_bytes() == b"1" * 4096
    shutil.rmtree(theirs)
    assert linked[0].read_bytes() == b"1" * 4096


def test_why_a_share_will_not_do_is_kept_until_it_does(old: Layout, new: Layout) -> None:
    shares.note(new, OLD, "it keeps no locks")
    shares.note(old, NEW, "it keeps no links")
    shares.note(new, OLD, "")
    assert shares.read_causes(new) == {}
    assert shares.read_causes(old) == {NEW: "it keeps no links"}


def test_what_was_found_of_a_share_ends_with_its_mount(old: Layout, new: Layout) -> None:
    assert old.placed is not None
    share = old.placed.parent.parent
    shares.note(new, OLD, "it keeps no locks")
    assert shares.read_causes(new) == {OLD: "it keeps no locks"}
    with beneath(share):
        for one in (old, new):
            assert one.placed is not None
            one.placed.mkdir(parents=True)
        assert shares.read_causes(new) == {}
        shares.note(new, OLD, "it keeps no links")
        assert shares.read_causes(new) == {OLD: "it keeps no links"}
    assert shares.read_causes(new) == {}


def test_what_was_found_with_a_host_that_has_left_is_no_more(old: Layout, new: Layout) -> None:
    shares.note(new, OLD, "it keeps no locks")
    assert old.placed is not None
    shutil.rmtree(old.placed.parent)
    assert shares.read_causes(new) == {}


@contextlib.contextmanager
def beneath(path: Path) -> Generator[None]:
    """Mount something else in a place whose name has a space, as names may."""
    subprocess.run(["mount", "-t", "tmpfs", "mallee-share", str(path)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)

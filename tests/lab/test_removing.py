"""What is mounted in a lab's directory is somebody else's, and is not removed with the lab."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mallee.box import steps
from mallee.kit import process
from mallee.lab import up as making
from mallee.lab.rooms import Place


@contextmanager
def mounted_at(there: Path, theirs: Path) -> Generator[None]:
    """Have a directory mounted in this process's mounts alone."""
    theirs.mkdir()
    there.mkdir(parents=True)
    process.run(("mount", "--bind", str(theirs), str(there)))
    try:
        yield
    finally:
        process.run(("umount", str(there)))


@pytest.fixture
def mounted(root_dir: Path) -> Iterator[Path]:
    """A directory with a file that is mounted in a lab's."""
    there = root_dir / "lab" / "host with images"
    with mounted_at(there, root_dir / "theirs"):
        (there / "image").write_text("x")
        yield there


def test_a_lab_in_which_something_is_mounted_is_left_whole(root_dir: Path, mounted: Path) -> None:
    place = Place(root_dir / "lab")
    place.document.write_text("{}")
    with pytest.raises(steps.Failed, match=f"mounted at {mounted}") as refused:
        making.down_plan(place)[-1].do(print)
    assert refused.value.cure == f"umount '{mounted}'"
    assert (mounted / "image").read_text() == "x"
    assert place.document.exists()


def test_a_lab_on_a_disk_of_its_own_leaves_that_empty(root_dir: Path) -> None:
    place, disk = Place(root_dir / "labs" / "a lab"), root_dir / "disk"
    with mounted_at(place.path, disk):
        place.document.write_text("{}")
        place.root("n1").mkdir()
        said = making.down_plan(place)[-1].do(print)
        assert said == (
            f"{place.path} is empty, and stays: it is mounted "
            f"(umount '{place.path}'; rmdir '{place.path}')"
        )
        assert list(disk.iterdir()) == []
        assert making.down_plan(place)[-1].do(print) == said
    assert making.down_plan(place)[-1].do(print) == f"{place.path} is gone"
    assert not place.path.exists()

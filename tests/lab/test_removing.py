"""What is mounted in a lab's directory is somebody else's, and is not removed with the lab."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.box import steps
from mallee.kit import process
from mallee.lab import up as making
from mallee.lab.rooms import Place


@pytest.fixture
def mounted(root_dir: Path) -> Iterator[Path]:
    """A directory with a file that is mounted in a lab's, in this process's mounts alone."""
    theirs, there = root_dir / "theirs", root_dir / "lab" / "host with images"
    theirs.mkdir()
    (theirs / "image").write_text("x")
    there.mkdir(parents=True)
    process.run(("mount", "--bind", str(theirs), str(there)))
    try:
        yield there
    finally:
        process.run(("umount", str(there)))


def test_a_lab_in_which_something_is_mounted_is_left_whole(root_dir: Path, mounted: Path) -> None:
    place = Place(root_dir / "lab")
    place.document.write_text("{}")
    with pytest.raises(steps.Failed, match=f"mounted at {mounted}") as refused:
        making.down_plan(place)[-1].do(print)
    assert refused.value.cure == f"umount '{mounted}'"
    assert (mounted / "image").read_text() == "x"
    assert place.document.exists()

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.box import destroy, steps
from mallee.model.configuration.settings import Volumes
from mallee.model.layout import Layout
from mallee.node.do.storage import places


class Quiet:
    def begin(self, step: steps.Step) -> None: ...

    def say(self, line: str) -> None: ...

    def finish(self, step: steps.Step, result: str, took_s: float) -> None: ...


def test_a_directory_that_is_no_clouds_root_is_refused(root_dir: Path) -> None:
    (root_dir / "thesis.txt").write_text("precious")
    with pytest.raises(steps.Failed, match="does not look like"):
        steps.run(destroy.plan(Layout(root_dir)), Quiet())
    assert (root_dir / "thesis.txt").exists()
    with pytest.raises(steps.Failed, match="does not look like"):
        steps.run(destroy.plan(Layout(Path("/var/lib"))), Quiet())


@pytest.mark.parametrize("theirs", ["libvirt", "run", "node", "cloud"])
def test_a_directory_with_something_of_that_name_is_refused(root_dir: Path, theirs: str) -> None:
    (root_dir / theirs).mkdir()
    with pytest.raises(steps.Failed, match="does not look like"):
        steps.run(destroy.plan(Layout(root_dir)), Quiet())
    assert (root_dir / theirs).exists()


@pytest.mark.host
def test_destroying_what_is_gone_is_done(tmp_path: Path) -> None:
    steps.run(destroy.plan(Layout(tmp_path / "gone")), Quiet())


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own for a cloud."""
    where = tmp_path / "disk"
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", where], check=True)
    yield where
    subprocess.run(["umount", where], check=True)


@pytest.mark.host
def test_a_disk_that_is_the_root_is_emptied(disk: Path) -> None:
    layout = Layout(disk)
    for folder in (layout.cloud, layout.node):
        (folder / "deep").mkdir(parents=True)
    layout.settings.write_text("")
    (disk / "link").symlink_to(layout.cloud)
    for _ in range(2):
        steps.run(destroy.plan(layout), Quiet())
        assert list(disk.iterdir()) == []


@pytest.mark.host
def test_volumes_elsewhere_go_too_and_no_others(root_dir: Path) -> None:
    layout, at = Layout(root_dir / "root"), root_dir / "srv"
    at.mkdir()
    (at / "thesis.txt").write_text("precious")
    wanted = Volumes(directory=str(at), mount=False)
    other = Layout(root_dir / "other")
    for host_id, one in (("host-1", layout), ("host-2", other)):
        for folder in (one.cloud, one.node):
            folder.mkdir(parents=True)
        placed = places.choose(one, wanted, host_id)
        places.ensure(placed, wanted, host_id)
        (placed.volumes / "vol-1").mkdir()
    steps.run(destroy.plan(layout), Quiet())
    assert not layout.root.exists()
    assert {path.name for path in at.iterdir()} == {"thesis.txt", "host-2"}
    # What is not mounted cannot be removed: it stays, and nothing else of that name goes.
    (at / "host-2" / "mallee.json").unlink()
    steps.run(destroy.plan(other), Quiet())
    assert not other.root.exists()
    assert (at / "host-2" / "volumes" / "vol-1").is_dir()

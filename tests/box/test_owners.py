import stat
from pathlib import Path

import pytest

from mallee.box import owners, steps
from mallee.model import settings
from mallee.model.layout import Layout


@pytest.mark.parametrize("root", ["relative", "/has space", "/a'b", "/" + "long" * 20, "/100%"])
def test_a_root_that_cannot_be_used_is_refused_with_a_cure(root: str) -> None:
    with pytest.raises(steps.Failed) as caught:
        owners.check_root_path(Path(root))
    assert "--root" in caught.value.cure


def test_a_root_below_a_closed_directory_is_refused(root_dir: Path) -> None:
    closed = root_dir / "c"
    closed.mkdir(mode=0o700)
    with pytest.raises(steps.Failed, match=r"cannot be passed") as caught:
        owners.check_root_path(closed / "mallee")
    assert str(closed) in caught.value.cure


@pytest.mark.host
def test_directories_are_made_and_put_right(root_dir: Path) -> None:
    owners.ensure_user()
    layout = Layout(root_dir)
    owners.ensure_directories(layout)
    layout.node.chmod(0o777)
    owners.ensure_directories(layout)
    for wanted in owners.directories(layout):
        is_now = wanted.path.stat()
        assert stat.S_IMODE(is_now.st_mode) == wanted.mode, wanted.path
        assert (wanted.path.owner(), wanted.path.group()) == (wanted.owner, wanted.group)


def test_nothing_that_holds_secrets_is_open_to_others() -> None:
    layout = Layout(Path("/r"))
    modes = {one.path: one.mode for one in owners.directories(layout)}
    for secret in (layout.admin_credentials.parent, layout.node_pki, layout.lost):
        assert modes[secret] & 0o077 == 0
    # Disks and caches may be passed through, by QEMU's user, but not listed.
    for passed in (layout.node, layout.instances, layout.node_images):
        assert modes[passed] == 0o711


def test_the_settings_of_a_cloud_are_written_once(root_dir: Path) -> None:
    layout = Layout(root_dir)
    first = settings.Settings(region="eu-test-1", zone="eu-test-1a")
    assert owners.ensure_settings(layout, first) == first
    assert owners.ensure_settings(layout, settings.Settings()) == first
    layout.settings.write_text("zone = 7")
    with pytest.raises(steps.Failed, match=r"mallee\.toml"):
        owners.read_settings(layout)

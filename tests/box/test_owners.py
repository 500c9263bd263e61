import stat
from pathlib import Path

import pytest

from mallee.box import owners, steps
from mallee.model.configuration import settings
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
    for secret in (layout.admin_credentials.parent, layout.keys, layout.node_pki, layout.lost):
        assert modes[secret] & 0o077 == 0
    # Disks and caches may be passed through, by QEMU's user, but not listed.
    for passed in (layout.node, layout.instances, layout.node_images):
        assert modes[passed] == 0o711


@pytest.mark.host
def test_a_link_in_the_clouds_own_directory_gives_nothing_away(root_dir: Path) -> None:
    owners.ensure_user()
    layout = Layout(root_dir)
    owners.ensure_directories(layout)
    others = root_dir / "others"
    others.mkdir(mode=0o750)
    layout.blobs.rmdir()
    layout.blobs.symlink_to(others)
    with pytest.raises(steps.Failed, match="link"):
        owners.ensure_directories(layout)
    assert (others.owner(), stat.S_IMODE(others.stat().st_mode)) == ("root", 0o750)


def test_the_clouds_user_writes_nowhere_but_where_root_reads_nothing() -> None:
    layout = Layout(Path("/r"))
    clouds = {one.path for one in owners.directories(layout) if one.owner == owners.CLOUD_USER}
    assert clouds == {
        layout.admin_credentials.parent,
        layout.cloud,
        layout.blobs,
        layout.catalogue,
        # Root reads it, and follows no link there: tests/kit/chain.
        layout.trail,
        # Root reads nothing there: only the process of S3 opens it.
        layout.objects,
    }
    # Nobody writes into another's directory by way of a group.
    assert not any(one.mode & 0o022 for one in owners.directories(layout))
    for roots in (layout.key_of("first"), layout.known_hosts, layout.log / "cloud.log"):
        assert roots.parent not in clouds


@pytest.mark.host
def test_a_databases_password_is_for_root_and_the_cloud(root_dir: Path) -> None:
    owners.ensure_user()
    layout = Layout(root_dir)
    owners.ensure_settings(layout, settings.Settings(database_url="postgresql://u:secret@db/m"))
    found = layout.settings.stat()
    assert stat.S_IMODE(found.st_mode) == 0o640
    assert (layout.settings.owner(), layout.settings.group()) == ("root", owners.CLOUD_USER)


@pytest.mark.host
def test_the_settings_of_a_cloud_are_written_once(root_dir: Path) -> None:
    owners.ensure_user()
    layout = Layout(root_dir)
    first = settings.Settings(region="eu-test-1", zone="eu-test-1a")
    assert owners.ensure_settings(layout, first) == first
    assert owners.ensure_settings(layout, settings.Settings()) == first
    layout.settings.write_text("zone = 7")
    with pytest.raises(steps.Failed, match=r"mallee\.toml"):
        owners.read_settings(layout)

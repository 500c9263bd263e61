"""Files of others among the store's own: what a file system or a program that copies leaves there.

NFS calls a file that somebody has open and that is removed `.nfs…` until it is closed; rsync that
is killed leaves `.NAME.XXXXXX`, or a directory `.rsync-partial`.
"""

from pathlib import Path

import pytest

from mallee.walrus import seam
from mallee.walrus.engine import Engine
from mallee.walrus.places import Places
from tests.walrus.stores import get, put

LARGE = bytes(seam.SMALL_MAX + 1)
NAMES = (".nfs000000000003e01d00000001", ".0000010000000001.u3Zx9Q", ".rsync-partial/part", "ff_ff")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store whose last writer was killed, and that has files of others."""
    made = Engine(tmp_path)
    put(made, b"small", b"small")
    put(made, b"large", LARGE)
    made.close()
    where = Places(tmp_path)
    (where.writers / "1").touch()
    for folder in (*where.directories(), *(one for one in where.files.iterdir() if one.is_dir())):
        for name in NAMES:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).touch()
    return tmp_path


def strangers(root: Path) -> list[Path]:
    """Those of the files of others that lie where objects are."""
    where = Places(root)
    return sorted(
        path
        for folder in (where.packs, where.files)
        for path in folder.rglob("*")
        if any(path.match(name) for name in NAMES)
    )


def test_a_store_with_files_of_others_opens_and_keeps_them(store: Path) -> None:
    before = strangers(store)
    assert len(before) == 3 * len(NAMES)
    opened = Engine(store)
    assert not (Places(store).writers / "1").exists()
    assert (get(opened, b"small"), get(opened, b"large")) == (b"small", LARGE)
    opened.close()
    assert strangers(store) == before


def test_the_check_takes_nothing_of_others_for_its_own(store: Path) -> None:
    before = strangers(store)
    opened = Engine(store)
    findings = opened.check(repairs=True)
    opened.close()
    assert (findings.missing, findings.orphans) == ((), ())
    assert strangers(store) == before


def test_an_index_that_is_gone_beside_files_of_others_alone_is_an_empty_store(
    tmp_path: Path,
) -> None:
    Engine(tmp_path).close()
    where = Places(tmp_path)
    where.index.unlink()
    (where.files / ".nfs000000000003e01d00000001").touch()
    opened = Engine(tmp_path)
    assert get(opened, b"small") is None
    opened.close()

"""`mallee images`: what is wrong is said before anything is done."""

from pathlib import Path

import pytest

from mallee.cli import main
from mallee.cli.images import imagefiles


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What the command complains of."""
    assert main.run(["images", *words]) == 1
    return capsys.readouterr().err


def test_a_name_that_is_no_image_and_no_file_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    told = said(capsys, "build", "debian-11", "--root", str(tmp_path))
    assert "no built-in image of that name (tiny, debian-12, debian-13)" in told


def test_all_that_is_wrong_in_a_recipe_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "course.toml"
    path.write_text("base = 'tiny'\nsize = '1'\nhostname = '-'\n")
    told = said(capsys, "build", str(path), "--root", str(tmp_path))
    assert "course.toml, line 2, size" in told
    assert "course.toml, line 3, hostname" in told
    assert [child.name for child in tmp_path.iterdir()] == ["course.toml"]


@pytest.mark.parametrize(
    ("what", "option"),
    [
        ("tiny", "--refresh"),
        ("debian-12", "--packages=/tmp"),
        ("tiny", "--mirror=http://x/y"),
        ("course.toml", "--refresh"),
        ("course.toml", "--mirror=http://x/y"),
    ],
)
def test_an_option_that_means_nothing_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, what: str, option: str
) -> None:
    path = tmp_path / "course.toml"
    path.write_text("base = 'ami-0123456789abcdef0'\n")
    asked = str(path) if what == path.name else what
    told = said(capsys, "build", asked, option, "--root", str(tmp_path))
    assert f"{option.partition('=')[0]} means nothing here" in told
    assert [child.name for child in tmp_path.iterdir()] == ["course.toml"]


@pytest.mark.parametrize("verb", [("test",), ("customise", "--name", "new", "--run", "true")])
def test_without_a_cloud_nothing_is_launched(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, verb: tuple[str, ...]
) -> None:
    told = said(capsys, *verb, "ami-0123456789abcdef0", "--root", str(tmp_path))
    assert f"no cloud runs under {tmp_path}" in told


def test_an_image_is_exported_only_as_what_can_be_made(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = ("export", "ami-0123456789abcdef0", "--root", str(tmp_path))
    assert "no qcow2 is made" in said(capsys, *asked, str(tmp_path / "disk.qcow2"))
    assert "no ova is made" in said(capsys, *asked, str(tmp_path / "disk.raw"), "--format=ova")


@pytest.mark.parametrize(
    ("file", "said_as", "format"),
    [
        (None, "", "vmdk"),
        ("disk", "", "vmdk"),
        ("disk.raw", "", "raw"),
        ("disk.IMG", "", "raw"),
        ("disk.vhd", "", "vhd"),
        ("disk.raw", "VMDK", "vmdk"),
    ],
)
def test_what_an_exported_file_is_its_name_says(
    file: str | None, said_as: str, format: str
) -> None:
    assert imagefiles.format_of(Path(file) if file else None, said_as) == format


def test_a_name_that_no_image_can_have_is_said_before_a_file_is_sent(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("t", "what?ever", "n" * 129):
        path = tmp_path / f"{name}.qcow2"
        path.write_bytes(b"")
        assert "cannot be an image's name" in said(
            capsys, "import", str(path), "--root", str(tmp_path)
        )

"""Packages of a recipe are fetched with all that they need, and installed without a network."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mallee.images.recipes import bases, build, jail, recipe
from mallee.model.layout import Layout
from tests.images.recipes import builds, debianroots

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def mirror(fresh_layout: Callable[[], Layout]) -> Path:
    return debianroots.make_mirror(fresh_layout().root / "mirror")


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch, mirror: Path) -> None:
    """Have Debian be one of this machine's own files."""

    def debian(wanted: recipe.Recipe, store: object) -> bases.Base:
        return debianroots.base(mirror)

    monkeypatch.setattr(bases, "debian", debian)


def parts(layout: Layout, text: str) -> dict[str, str]:
    """Do all of a build but the disk; what each part said."""
    wanted = builds.parse(text, layout.root)
    with build.begun(layout, wanted, build.Options()) as begun:
        return {part.name: part.do(lambda line: None) for part in begun.parts()[:-2]}


def test_what_a_debian_takes_is_named_with_its_cure(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = builds.parse("base = 'debian-12'", layout.root)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with (
        pytest.raises(build.Failed, match="mmdebstrap is not there: apt-get install"),
        build.begun(layout, wanted, build.Options()) as begun,
        build.telling(),
    ):
        begun.parts()[0].do(lambda line: None)


@pytest.mark.usefixtures("begin")
def test_packages_come_with_what_they_need(layout: Layout) -> None:
    packages = "base = 'debian-12'\npackages = ['course-tool']\n"
    text = f"{packages}run = ['course-tool; cat /etc/course-tool']"
    parts(layout, text)
    told = builds.log(layout)
    assert "Setting up course-words" in told
    assert "words of the course\nconfigured" in told
    assert "policy-rc.d denied" in told or "invoke-rc.d: not found" in told
    said = parts(layout, text)
    assert said["Install course-tool"] == "done before"


@pytest.mark.usefixtures("begin")
def test_what_is_not_needed_by_name_may_go(layout: Layout) -> None:
    text = "base = 'debian-12'\npackages = ['course-tool']\nrun = ['apt-mark showmanual']"
    parts(layout, text)
    shown = builds.log(layout).partition("== Run apt-mark showmanual")[2].split()
    assert "course-tool" in shown
    assert "course-words" not in shown


@pytest.mark.usefixtures("begin")
def test_an_image_says_which_packages_it_has(layout: Layout) -> None:
    text = "base = 'debian-12'\npackages = ['course-tool']"
    wanted = builds.parse(text, layout.root)
    with build.begun(layout, wanted, build.Options()) as begun:
        for part in begun.parts()[:-2]:
            part.do(lambda line: None)
        manifest = begun.store.layer(begun.keys[-1]) / "usr/share/mallee/manifest"
        assert "course-words 1.0 amd64" in manifest.read_text().splitlines()


@pytest.mark.usefixtures("begin")
def test_a_package_that_is_not_there_is_named(layout: Layout) -> None:
    with pytest.raises((build.Failed, jail.Failed), match="Unable to locate package no-such-tool"):
        parts(layout, "base = 'debian-12'\npackages = ['no-such-tool']")


@pytest.mark.usefixtures("begin")
def test_a_version_that_is_not_there_is_named(layout: Layout) -> None:
    with pytest.raises(build.Failed, match="Version '9' for 'course-tool' was not found"):
        parts(layout, "base = 'debian-12'\npackages = ['course-tool=9']")


@pytest.mark.usefixtures("begin")
def test_a_damaged_mirror_is_not_believed(layout: Layout, mirror: Path) -> None:
    deb = mirror / "pool/course-tool_1.0_amd64.deb"
    whole = deb.read_bytes()
    deb.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        with pytest.raises(build.Failed, match=r"Hash Sum mismatch|unexpected size"):
            parts(layout, "base = 'debian-12'\npackages = ['course-tool', 'course-words']")
    finally:
        deb.write_bytes(whole)

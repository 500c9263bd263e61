"""Builds upon the tiny guest: whole, the same again, only what changed, and nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mallee.images.recipes import build, jail
from mallee.model.images import catalogue
from mallee.model.layout import Layout
from tests.images.recipes import builds

pytestmark = pytest.mark.host

SOON_S = 60.0
COURSE = """
name = "course"
base = "tiny"
users = [{ name = "anna", password = "sesam" }]
files = [{ path = "/srv/www/index.html", content = "hello\\n", owner = "anna", mode = "0640" }]
run = ["echo one >/srv/one", "echo two >/srv/two"]
services = ["/usr/sbin/httpd -f -h /srv/www"]
hostname = "lab"
user-data = "#!/bin/sh\\necho nothing was said\\n"
test = ["wget -qO- localhost"]
"""


def read(layout: Layout, image: catalogue.CatalogueImage, *paths: str) -> str:
    """Files and their owners in the image's file system, as debugfs shows them."""
    raw = layout.root / "raw"
    disk = catalogue.blob_path(layout, image.blob)
    subprocess.run(["qemu-img", "convert", "-O", "raw", disk, raw], check=True)
    asked = "\n".join(f"stat {path}\ncat {path}" for path in paths)
    done = subprocess.run(
        ["/usr/sbin/debugfs", f"{raw}?offset=1048576"],
        input=asked,
        capture_output=True,
        text=True,
        check=True,
    )
    raw.unlink()
    return done.stdout


def test_a_recipe_becomes_an_image(layout: Layout) -> None:
    image = builds.run(layout, COURSE).image
    assert (image.name, image.disk_gib, image.is_public) == ("course", 1, False)
    assert image.tags["mallee:base"] == "tiny"
    assert image.direct_boot is not None
    told = read(layout, image, "/srv/www/index.html", "/etc/shadow", "/etc/inittab", "/srv/two")
    assert "User:  1000   Group:  1000" in told
    assert "Mode:  0640" in told
    assert "anna:$6$rounds=" in told
    assert "::respawn:/usr/sbin/httpd -f -h /srv/www" in told
    assert "\ntwo\n" in told


def test_no_password_is_told_in_plain(layout: Layout) -> None:
    builds.run(layout, COURSE)
    told = subprocess.run(
        ["grep", "-rla", "sesam", *(layout.root / name for name in ("log", "cloud", "cache"))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.stdout == ""
    assert "$6$" not in builds.log(layout)


def test_the_same_recipe_gives_the_same_bytes(
    layout: Layout, fresh_layout: Callable[[], Layout]
) -> None:
    first, second = builds.run(layout, COURSE), builds.run(fresh_layout(), COURSE)
    assert first.image == second.image


def test_only_what_changed_is_done_again(layout: Layout) -> None:
    builds.run(layout, COURSE)
    again = builds.run(layout, COURSE)
    done = {name for name, said in again.said.items() if said not in ("done before", "made before")}
    assert done == {"Write the disk", "Offer it to the cloud"}
    changed = builds.run(layout, COURSE.replace("echo two", "echo three"))
    assert changed.said["Run echo one >/srv/one"] == "done before"
    assert changed.said["Run echo three >/srv/two"] == ""
    assert changed.image.blob != again.image.blob


def test_a_build_leaves_nothing_but_layers(layout: Layout) -> None:
    builds.run(layout, "name = 'left'\nbase = 'tiny'\n")
    assert str(layout.root) not in Path("/proc/mounts").read_text()
    assert {path.name for path in layout.recipes.iterdir()} == {"layers"}
    named: set[str] = set()
    for path in layout.catalogue.iterdir():
        [image] = catalogue.decode(path.read_bytes()).images
        assert image.direct_boot is not None
        assert image.direct_boot.ramdisk is not None
        boot = image.direct_boot
        named |= {blob.sha256 for blob in (image.blob, boot.kernel, boot.ramdisk)}
    assert named <= {path.name for path in layout.blobs.iterdir()}


def test_layers_are_behind_a_door_that_no_user_passes(layout: Layout) -> None:
    builds.run(layout, COURSE)
    as_nobody = subprocess.run(["ls", layout.recipes], user="nobody", group="nogroup", check=False)
    assert as_nobody.returncode != 0
    assert (layout.log / "image-course.log").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("run = ['echo so it is; exit 3']", "it ended with status 3\n  so it is"),
        ("files = [{ path = '/x', content = '', owner = 'bob' }]", "there is no user bob"),
        ("services = ['/bin/nothing -f']", "no program /bin/nothing"),
        ("size = '128 MiB'\nrun = ['dd if=/dev/zero of=/x bs=1M count=200']", "it ended with"),
        (
            "size = '128 MiB'\nrun = ['for i in 1 2; do dd if=/dev/urandom of=/$i bs=1M count=70;"
            " done']",
            "its files do not fit into 128 MiB: give a larger `size`",
        ),
    ],
)
def test_what_fails_says_why_and_offers_nothing(layout: Layout, line: str, told: str) -> None:
    with pytest.raises((build.Failed, jail.Failed)) as failed:
        builds.run(layout, f"name = 'failing'\nbase = 'tiny'\n{line}\n")
    assert told in str(failed.value)
    assert not catalogue.document_path(layout, "recipe-failing").exists()
    assert {path.name for path in layout.recipes.iterdir()} == {"layers"}


BUILDER = """
import signal
import sys
from pathlib import Path
from mallee.images.recipes import build, recipe
from mallee.model.layout import Layout
# Who runs tests in the background has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
wanted = recipe.read(Path(sys.argv[2]), input)
with build.begun(Layout(Path(sys.argv[1])), wanted, build.Options()) as begun:
    for part in begun.parts():
        part.do(lambda line: print(line, flush=True))
"""


def sleepers(word: str) -> list[str]:
    """Processes of this machine in whose command line the word is, the builder's aside."""
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            told = path.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if word in told:
            found.append(told)
    return found


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_a_build_that_is_broken_off_leaves_nothing(layout: Layout, end: signal.Signals) -> None:
    word = f"9{os.getpid()}{end.value}"
    recipe = layout.root / "course.toml"
    recipe.write_text(f"name = 'broken'\nbase = 'tiny'\nrun = ['echo it begins; sleep {word}']\n")
    with subprocess.Popen(
        [sys.executable, "-c", BUILDER, layout.root, recipe], stdout=subprocess.PIPE, text=True
    ) as builder:
        assert builder.stdout is not None
        assert any("it begins" in line for line in builder.stdout)
        assert sleepers(word)
        builder.send_signal(end)
    deadline = time.monotonic() + SOON_S
    while sleepers(word):
        assert time.monotonic() < deadline, sleepers(word)
        time.sleep(0.05)
    assert str(layout.root) not in Path("/proc/mounts").read_text()
    assert not catalogue.document_path(layout, "recipe-broken").exists()
    builds.run(layout, "base = 'tiny'\nrun = ['true']\n")
    assert {path.name for path in layout.recipes.iterdir()} == {"layers"}


def test_two_builds_do_not_meet(layout: Layout) -> None:
    wanted = builds.parse("base = 'tiny'\n", layout.root)
    with (
        build.begun(layout, wanted, build.Options()),
        pytest.raises(build.Failed, match="another build"),
        build.begun(layout, wanted, build.Options()),
    ):
        pass


def test_what_is_made_anew_is_built_upon_from_then_on(layout: Layout) -> None:
    text = "name = 'anew'\nbase = 'tiny'\nrun = ['date +%s%N >/root/born']\n"
    first = builds.run(layout, text).image
    wanted = builds.parse(text, layout.root)
    with build.begun(layout, wanted, build.Options(refresh=True)) as begun:
        assert begun.found() is None
        for part in begun.parts():
            part.do(lambda line: None)
        assert begun.final_key() != first.tags["mallee:recipe"]
    other = builds.run(layout, text.replace("anew", "other"))
    assert other.said["Run date +%s%N >/root/born"] == "done before"
    assert other.image.blob != first.blob


def test_a_layer_without_its_mark_is_not_believed(layout: Layout) -> None:
    text = "name = 'torn'\nbase = 'tiny'\nrun = ['echo torn >/root/torn']\n"
    wanted = builds.parse(text, layout.root)
    with build.begun(layout, wanted, build.Options()) as begun:
        for part in begun.parts():
            part.do(lambda line: None)
        torn = begun.store.layer(begun.keys[1])
    torn.with_name(f"{torn.name}.whole").write_text("of a machine's life before a power cut")
    assert builds.run(layout, text).said["Run echo torn >/root/torn"] == ""
    torn.with_name(f"{torn.name}.whole").unlink()
    assert builds.run(layout, text).said["Run echo torn >/root/torn"] == ""

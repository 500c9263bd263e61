import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mallee.box import client, faststart, owners, ranges, steps
from mallee.images import tiny
from mallee.model.configuration import settings
from mallee.model.images import catalogue
from mallee.model.layout import Layout

OPTIONS = faststart.Options
ACCESS = client.Access(
    endpoint="http://127.0.0.1:1",
    region="us-east-1",
    account_id="1" * 12,
    access_key_id="AKIA",
    secret_access_key="s",
)


@pytest.fixture(autouse=True)
def _no_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "fetch_routes", list)


def test_without_options_everything_is_chosen(root_dir: Path) -> None:
    assert faststart.choose_settings(Layout(root_dir), OPTIONS()) == settings.Settings()


def test_ports_are_the_usual_ones_or_the_next_that_nobody_has() -> None:
    usual = settings.Ports()
    assert faststart.free_ports() == usual
    with socket.create_server(("127.0.0.1", usual.agents)):
        assert faststart.free_ports() == settings.Ports(usual.services + 10, usual.agents + 10)
    assert faststart.free_ports() == usual


@pytest.mark.parametrize("program", ["", "0" * 64])
def test_an_image_of_another_version_is_kept_and_said(root_dir: Path, program: str) -> None:
    """Somebody may launch it by its id: faststart takes it from nobody."""
    layout = Layout(root_dir)
    path = catalogue.document_path(layout, catalogue.TINY)
    path.parent.mkdir(parents=True)
    told: list[str] = []
    for made_by, said in ((program, "mallee images build tiny"), (tiny.program(), "built before")):
        made = catalogue.Catalogue(name="tiny", description="x", images=(), program=made_by)
        path.write_bytes(catalogue.encode(made))
        result = faststart.build_image(layout, told.append)
        assert said in result
    assert (result, told) == (faststart.BUILT, [])


def test_the_zone_follows_the_region(root_dir: Path) -> None:
    chosen = faststart.choose_settings(Layout(root_dir), OPTIONS(region="eu-test-1"))
    assert (chosen.region, chosen.zone) == ("eu-test-1", "eu-test-1a")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (OPTIONS(public_range="nonsense"), "--public-range"),
        (OPTIONS(public_range="10.0.0.0/30"), "too few"),
        (OPTIONS(private_range="10.0.0.0/8"), "between /16 and"),
        (OPTIONS(public_range="10.0.0.0/24", private_range="10.0.0.0/16"), "overlaps"),
        (OPTIONS(address="beech"), "address: "),
        (OPTIONS(address="127.0.0.1"), "no other host"),
        (OPTIONS(address="10.0.3.4", private_range="10.0.0.0/16"), "which is the guests'"),
    ],
)
def test_ranges_that_cannot_be_are_refused(
    root_dir: Path, options: faststart.Options, words: str
) -> None:
    with pytest.raises(steps.Failed, match=words):
        faststart.choose_settings(Layout(root_dir), options)


def test_a_front_end_listens_for_others_and_stays_where_it_is(root_dir: Path) -> None:
    layout, wish = Layout(root_dir), OPTIONS(address="192.0.2.1")
    first = faststart.choose_settings(layout, wish)
    assert (first.listen, first.address) == ("0.0.0.0", "192.0.2.1")
    layout.settings.write_text(settings.encode(first))
    assert faststart.choose_settings(layout, wish) == first
    with pytest.raises(steps.Failed, match=r"reached at 192\.0\.2\.1") as caught:
        faststart.choose_settings(layout, OPTIONS(address="192.0.2.2"))
    assert 'address = "192.0.2.2"' in caught.value.cure


def test_a_cloud_in_a_box_is_told_how_it_becomes_a_front_end(root_dir: Path) -> None:
    layout = Layout(root_dir)
    owners.ensure_settings(layout, faststart.choose_settings(layout, OPTIONS()))
    with pytest.raises(steps.Failed, match="for its own machine alone") as caught:
        faststart.choose_settings(layout, OPTIONS(address="192.0.2.2"))
    assert "mallee config apply" in caught.value.cure


def test_a_host_of_another_cloud_is_not_made_a_cloud(root_dir: Path) -> None:
    layout = Layout(root_dir)
    layout.join_token.parent.mkdir()
    layout.join_token.write_text("{}")
    with pytest.raises(steps.Failed, match="a host of a cloud elsewhere") as caught:
        faststart.choose_settings(layout, OPTIONS())
    assert "./faststart --program" in caught.value.cure


def test_a_range_that_the_host_uses_is_refused(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    routes = [(ranges.Network("10.1.0.0/16"), "10.1.0.0/16 by eth0")]
    monkeypatch.setattr(ranges, "fetch_routes", lambda: routes)
    with pytest.raises(
        steps.Failed, match=r"overlaps a route of this host: 10\.1\.0\.0/16 by eth0"
    ):
        faststart.choose_settings(Layout(root_dir), OPTIONS(public_range="10.1.2.0/24"))


def test_a_second_run_keeps_the_settings_and_refuses_others(root_dir: Path) -> None:
    layout = Layout(root_dir)
    first = faststart.choose_settings(layout, OPTIONS(region="eu-test-1"))
    owners.ensure_settings(layout, first)
    assert faststart.choose_settings(layout, OPTIONS()) == first
    assert faststart.choose_settings(layout, OPTIONS(region="eu-test-1")) == first
    with pytest.raises(steps.Failed, match=r"--region eu-test-1, not us-east-1") as caught:
        faststart.choose_settings(layout, OPTIONS(region="us-east-1"))
    assert "mallee destroy" in caught.value.cure


def test_the_last_host_key_on_the_console_counts() -> None:
    console = (
        "mallee-tiny: host key ssh-ed25519 OLD root@a\r\nlogin: \r\n"
        "mallee-tiny: host key ssh-ed25519 NEW root@b\r\nmallee-tiny: host key ssh-ed"
    )
    assert faststart.read_host_key(console) == "ssh-ed25519 NEW"
    assert faststart.read_host_key("nothing yet") == ""


def test_a_name_has_one_host_key() -> None:
    known = faststart.with_host_key("", ("192.0.2.1", "i-1"), "ssh-ed25519 ONE")
    known += "|1|hashed= ssh-ed25519 OTHER\n"
    known = faststart.with_host_key(known, ("192.0.2.1", "i-2"), "ssh-ed25519 TWO")
    assert known == "|1|hashed= ssh-ed25519 OTHER\n192.0.2.1,i-2 ssh-ed25519 TWO\n"


def test_without_an_instance_the_plan_ends_when_the_image_is_there(root_dir: Path) -> None:
    summary = faststart.Summary()
    names = [
        step.name
        for step in faststart.plan(Layout(root_dir), OPTIONS(with_instance=False), summary)
    ]
    assert names[-1] == "Wait for the image's registration"
    assert "Run an instance" not in names


def test_too_small_a_disk_is_told_with_a_cure(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(_: client.Access, __: str, operation: str, ___: dict[str, Any]) -> dict[str, Any]:
        if operation == "RunInstances":
            raise client.Refused("InsufficientInstanceCapacity", "Host vm is short of disk")
        return {"Reservations": [], "Images": [{"ImageId": "ami-1"}]}

    monkeypatch.setattr(client, "call", call)
    summary = faststart.Summary(access=ACCESS)
    planned = faststart.plan(Layout(root_dir), faststart.Options(), summary)
    [run] = [step for step in planned if step.name == "Run an instance"]
    with pytest.raises(steps.Failed) as failed:
        run.do(lambda line: None)
    assert (failed.value.cause, "--root" in failed.value.cure) == ("Host vm is short of disk", True)


def test_the_command_runs_no_module_of_the_directory_that_root_stands_in(tmp_path: Path) -> None:
    script = (Path(__file__).parents[2] / "faststart").read_text()
    starts = re.findall(r"python (.*)-m mallee\.cli\.main", script)
    assert starts == ["-I ", "-I "]
    for name in ("json.py", "mallee/__init__.py", "sitecustomize.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("raise SystemExit('a stranger was run')")
    command = [sys.executable, *starts[0].split(), "-m", "mallee.cli.main", "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


_PYTHON = """#!/bin/sh
# Says and makes what `faststart` needs of Python: an environment is a directory with this in it.
here=$(dirname "$(dirname "$0")")
case "$*" in
    --version) echo "Python 3" ;;
    "-m venv "*)
        for place; do :; done
        mkdir -p "$place/bin" "$place/packages"
        cp "$0" "$place/bin/python"
        cp "$0" "$place/bin/pip" ;;
    *"install --require-hashes"*) [ ! -e fails ] ;;
    -c*) echo "$here/packages" ;;
    *"mallee.cli.main down"*)
        [ -e "$here/packages/mallee.pth" ] || exit 1
        echo "down by $(cat "$here/../src/edition")" >> SAID ;;
    *"mallee.cli.main up"*) echo "again by $(cat "$here/../src/edition")" >> SAID ;;
    *"mallee.cli.main faststart"*) echo "up by $(cat "$here/../src/edition")" >> SAID ;;
esac
"""


def _install(place: Path, edition: str, lock: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Run `faststart` of a clone with this program and this lock, all that it touches below."""
    programs, clone = place / "bin", place / "clone"
    for directory in (programs, clone / "src", clone / "requirements", place / "root/run"):
        directory.mkdir(parents=True, exist_ok=True)
    said = str(place / "said")
    stubs = {"id": "echo 0", "dpkg-query": "echo installed", "apt-cache": "", "apt-get": ""}
    texts = {name: f"#!/bin/sh\n{line}\n" for name, line in stubs.items()}
    for name, text in {**texts, "python3": _PYTHON.replace("SAID", said)}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    script = (Path(__file__).parents[2] / "faststart").read_text()
    for real, ours in (("/opt/mallee", "opt"), ("/usr/local/bin", "bin"), ("/usr/bin/", "bin/")):
        script = script.replace(real, str(place / ours) + "/" * real.endswith("/"))
    (clone / "faststart").write_text(script)
    (clone / "src/edition").write_text(edition)
    (clone / "requirements/runtime.txt").write_text(lock)
    (clone / "requirements/debian-host.txt").write_text("nftables\n")
    return subprocess.run(
        ["bash", clone / "faststart", "--root", place / "root", *more],
        env={"PATH": f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_runs_is_ended_by_the_program_of_before_when_packages_change(tmp_path: Path) -> None:
    said = tmp_path / "said"
    assert _install(tmp_path, "one", "a==1").returncode == 0
    assert said.read_text().splitlines() == ["up by one"]
    (tmp_path / "root/run/supervisor.pid").write_text("1")
    for edition, lock in (("two", "a==2"), ("two", "a==3"), ("three", "a==3"), ("three", "a==3")):
        done = _install(tmp_path, edition, lock)
        assert (done.returncode, "error" in done.stderr) == (0, False), done.stderr
    assert said.read_text().splitlines() == [
        *("up by one", "down by one", "up by two", "down by two", "up by two"),
        *("down by two", "up by three", "up by three"),
    ]


def test_packages_that_cannot_be_fetched_leave_the_program_of_before_alone(tmp_path: Path) -> None:
    assert _install(tmp_path, "one", "a==1").returncode == 0
    (tmp_path / "root/run/supervisor.pid").write_text("1")
    (tmp_path / "clone/fails").touch()
    failed = _install(tmp_path, "two", "a==2")
    assert failed.returncode == 1
    assert "Python packages cannot be installed" in failed.stderr
    assert (tmp_path / "said").read_text() == "up by one\n"
    assert (tmp_path / "opt/src/edition").read_text() == "one"
    assert (tmp_path / "opt/venv/packages/mallee.pth").exists()


def test_the_new_program_ends_what_the_one_of_before_cannot(tmp_path: Path) -> None:
    assert _install(tmp_path, "one", "a==1").returncode == 0
    (tmp_path / "root/run/supervisor.pid").write_text("1")
    # As after an upgrade of Debian: the environment's packages are those of another Python.
    (tmp_path / "opt/venv/packages/mallee.pth").unlink()
    assert _install(tmp_path, "two", "a==2").returncode == 0
    assert (tmp_path / "said").read_text().splitlines()[1:] == ["down by two", "up by two"]


def test_the_program_alone_makes_no_cloud_and_starts_what_ran_before(tmp_path: Path) -> None:
    said = tmp_path / "said"
    done = _install(tmp_path, "one", "a==1", "--program")
    assert (done.returncode, said.exists()) == (0, False), done.stderr
    assert "mallee node join" in done.stderr
    assert (tmp_path / "bin/mallee").exists()
    (tmp_path / "root/run/supervisor.pid").write_text("1")
    assert _install(tmp_path, "two", "a==1", "--program").returncode == 0
    assert said.read_text().splitlines() == ["down by one", "again by two"]

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mallee.box import faststart, owners, ranges, steps
from mallee.model import settings
from mallee.model.layout import Layout

OPTIONS = faststart.Options


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
    ],
)
def test_ranges_that_cannot_be_are_refused(
    root_dir: Path, options: faststart.Options, words: str
) -> None:
    with pytest.raises(steps.Failed, match=words):
        faststart.choose_settings(Layout(root_dir), options)


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


def test_without_an_instance_the_plan_ends_when_the_image_is_there(root_dir: Path) -> None:
    summary = faststart.Summary()
    names = [
        step.name
        for step in faststart.plan(Layout(root_dir), OPTIONS(with_instance=False), summary)
    ]
    assert names[-1] == "Wait for the image's registration"
    assert "Run an instance" not in names


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

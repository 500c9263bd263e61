"""The `mallee` command as the owner of a machine types it."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import programs
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine


@pytest.fixture(scope="module")
def guest(cloud: Cloud) -> Iterator[str]:
    """A guest that answers SSH."""
    instance = cloud.run()
    cloud.ssh(instance, "true")
    yield instance
    cloud.terminate(instance)


def said(cloud: Cloud, *words: str, **environment: str) -> str:
    """What a command that succeeds gives on standard output."""
    done = programs.mallee(cloud, *words, **environment)
    assert done.status == 0, f"mallee {' '.join(words)}: {done.err}"
    return done.out


@pytest.mark.parametrize("program", programs.CLIS, ids=["cli-1", "cli-2"])
def test_credentials_env_is_all_that_a_shell_needs(cloud: Cloud, program: Path) -> None:
    script = 'eval "$1"; exec "$2" sts get-caller-identity --query Account --output text'
    plain = {name: "" for name in cloud.environment() if name.startswith("AWS_")}
    line = ("bash", "-c", script, "sh", said(cloud, "credentials", "env"), str(program))
    done = programs.run(cloud, *line, **plain, AWS_PROFILE="work", AWS_SESSION_TOKEN="theirs")
    assert done.out == cloud.access.account_id, done.err


def test_credentials_profile_keeps_what_is_there(cloud: Cloud, tmp_path: Path) -> None:
    home = tmp_path / ".aws"
    home.mkdir()
    own = "# mine\n[work]\naws_access_key_id = AKIAWORK\n"
    (home / "credentials").write_text(own)
    for _ in range(2):
        said(cloud, "credentials", "profile", "mallee", HOME=str(tmp_path))
    written = (home / "credentials").read_text()
    assert written.startswith(own)
    assert written.count("[mallee]") == 1
    assert (home / "credentials").stat().st_mode & 0o077 == 0
    only = {"PATH": cloud.environment()["PATH"], "HOME": str(tmp_path)}
    plain = {name: "" for name in cloud.environment() if name.startswith("AWS_")}
    line = ("env", "-i", *(f"{name}={value}" for name, value in only.items()))
    ask = ("--profile", "mallee", "sts", "get-caller-identity", "--query", "Account")
    done = programs.run(cloud, *line, programs.CLIS[0], *ask, "--output", "text", **plain)
    assert done.out == cloud.access.account_id, done.err


def test_credentials_show_tells_no_secret(cloud: Cloud) -> None:
    shown = said(cloud, "credentials", "show")
    assert cloud.access.endpoint in shown
    assert cloud.access.secret_access_key not in shown


def test_status_names_each_daemon_and_the_endpoint(cloud: Cloud) -> None:
    shown = said(cloud, "status")
    for name in ("supervisor", "libvirtd", "cloud", "node"):
        assert any(line.startswith(f"{name}\trunning") for line in shown.splitlines())
    assert cloud.access.endpoint in shown
    assert cloud.layout.libvirt_uri in shown


def test_hosts_says_what_each_carries(cloud: Cloud, guest: str) -> None:
    [line] = said(cloud, "hosts").splitlines()
    columns = line.split("\t")
    assert columns[1] == socket.gethostname()
    assert columns[3] == "ENABLED"
    assert int(columns[6].split(" / ")[0]) >= 1


def test_images_list_names_the_built_in_ones(cloud: Cloud) -> None:
    names = [line.split("\t")[-1] for line in said(cloud, "images", "list").splitlines()]
    assert {"mallee-tiny", "mallee-tiny-kernel", "mallee-tiny-ramdisk"} <= set(names)


def test_ssh_runs_a_command_in_an_instance(cloud: Cloud, guest: str) -> None:
    assert said(cloud, "ssh", guest, "hostname").startswith("ip-")
    assert said(cloud, "ssh", guest, "echo", "$((6 * 7))") == "42"
    assert programs.mallee(cloud, "ssh", guest, "exit 7").status == 7


def test_console_log_is_what_the_guest_said(cloud: Cloud, guest: str) -> None:
    assert "mallee-tiny: ssh ready" in said(cloud, "console", guest, "--log")


def test_logs_show_the_daemons_last_lines(cloud: Cloud, guest: str) -> None:
    assert guest in said(cloud, "logs", "node")
    assert "error:" in programs.mallee(cloud, "logs", "nobody").err


def test_another_account_is_a_tenant_of_its_own(cloud: Cloud) -> None:
    made = said(cloud, "accounts", "create", "tenant")
    theirs = dict(line.removeprefix("export ").split("=", 1) for line in made.splitlines())
    line = ("sts", "get-caller-identity", "--query", "Account", "--output", "text")
    account = programs.run(cloud, programs.CLIS[0], *line, **theirs).out
    assert account != cloud.access.account_id
    listed = [line.split("\t")[:2] for line in said(cloud, "accounts", "list").splitlines()]
    assert [account, "tenant"] in listed
    again = programs.mallee(cloud, "accounts", "create", "tenant")
    assert again.status == 1
    assert "tenant" in again.err


def test_quota_is_set_shown_with_its_use_held_and_unset(cloud: Cloud) -> None:
    said(cloud, "accounts", "create", "limited")
    said(cloud, "quota", "set", "addressnumber", "1", "--account", "limited")
    shown = [line.split("\t") for line in said(cloud, "quota", "show", "limited").splitlines()]
    rows = {row[0]: row[1:] for row in shown}
    assert rows["ec2:quota-addressnumber"][:3] == ["", "0", "1"]
    assert rows["ec2:quota-addressnumber"][4] == "account policy quotas"
    assert "cloudformation:quota-stacknumber" not in rows
    assert "cloudformation:quota-stacknumber" in said(cloud, "quota", "show", "limited", "--every")
    said(cloud, "quota", "unset", "addressnumber", "--account", "limited")
    refused = programs.mallee(cloud, "quota", "unset", "addressnumber", "--account", "limited")
    assert refused.status == 1
    assert "ec2:quota-addressnumber cannot be found" in refused.err
    nonsense = programs.mallee(cloud, "quota", "set", "nonsense", "1", "--account", "limited")
    assert "mallee quota show --every" in nonsense.err


def test_explain_tells_how_a_resource_came_to_this(cloud: Cloud, guest: str) -> None:
    shown = said(cloud, "explain", guest)
    assert '"power":"running"' in shown.replace(" ", "")
    assert "running" in shown.partition("seen:")[2]


@pytest.mark.parametrize("line", ["ssh i-0123456789abcdef0", "explain i-0123456789abcdef0"])
def test_what_is_not_there_is_named(cloud: Cloud, line: str) -> None:
    done = programs.mallee(cloud, *line.split())
    assert done.status == 1
    assert done.err.startswith("error:")
    assert "i-0123456789abcdef0" in done.err
    assert "Traceback" not in done.err

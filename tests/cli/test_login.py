"""`mallee login`: asks for what is needed and no more, and writes a profile that works."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from mallee.cli import main
from mallee.cli.people import login
from tests.cloud.iam.devices import Device
from tests.cloud.running import RunningCloud, fresh

PASSWORD = "Correct-Horse-7"
OTHER = "Battery-Staple-8"
_names = itertools.count(1)


@pytest.fixture(scope="module")
def cloud() -> Iterator[RunningCloud]:
    with fresh() as running:
        yield running


@pytest.fixture
def iam(cloud: RunningCloud) -> Any:
    return cloud.client("iam")


@pytest.fixture
def person(iam: Any) -> str:
    name = f"person{next(_names)}"
    iam.create_user(UserName=name)
    iam.create_login_profile(UserName=name, Password=PASSWORD)
    return name


class Typing:
    """Somebody at a terminal, who knows what he will be asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
        self.asked: list[str] = []
        self._answers = iter(answers)
        monkeypatch.setattr(login.getpass, "getpass", self)

    def __call__(self, prompt: str) -> str:
        self.asked.append(prompt)
        return next(self._answers)


def sign_in(cloud: RunningCloud, person: str, directory: Path, *more: str) -> int:
    command = ["login", "admin", person, "--endpoint", cloud.url, "--directory", str(directory)]
    return run(*command, *more)


def run(*command: str) -> int:
    """Run a command; return its exit status."""
    try:
        return main.run(list(command))
    except SystemExit as ended:
        return int(ended.code or 0)


def who(cloud: RunningCloud, directory: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whom the profile speaks for, as boto3 reads it."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(directory / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(directory / "credentials"))
    session = boto3.Session(profile_name="mallee")
    return session.client("sts").get_caller_identity()["Arn"]


def test_profile_is_the_persons(
    cloud: RunningCloud, person: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typing = Typing(monkeypatch, PASSWORD)
    assert sign_in(cloud, person, tmp_path / "aws", "--hours", "1") == 0
    assert typing.asked == ["Password: "]
    assert who(cloud, tmp_path / "aws", monkeypatch).endswith(f":user/{person}")
    assert (tmp_path / "aws/credentials").stat().st_mode & 0o077 == 0
    assert PASSWORD not in (tmp_path / "aws/credentials").read_text()


def test_code_is_asked_for_when_it_is_needed(
    cloud: RunningCloud, iam: Any, person: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Device(iam, person)
    device.enable(iam, person)
    typing = Typing(monkeypatch, PASSWORD, device.code())
    assert sign_in(cloud, person, tmp_path) == 0
    assert typing.asked == ["Password: ", "Code of your MFA device: "]
    typing = Typing(monkeypatch, PASSWORD)
    assert sign_in(cloud, person, tmp_path, "--mfa-code", device.code()) == 0


def test_password_that_must_be_changed_is_asked_for_twice(
    cloud: RunningCloud, iam: Any, person: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    iam.update_login_profile(UserName=person, PasswordResetRequired=True)
    Typing(monkeypatch, PASSWORD, OTHER, "something else")
    assert sign_in(cloud, person, tmp_path) == 1
    Typing(monkeypatch, PASSWORD, OTHER, OTHER)
    assert sign_in(cloud, person, tmp_path) == 0
    Typing(monkeypatch, OTHER)
    assert sign_in(cloud, person, tmp_path) == 0


def test_wrong_password_writes_nothing_and_says_so(
    cloud: RunningCloud,
    person: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Typing(monkeypatch, OTHER)
    assert sign_in(cloud, person, tmp_path / "aws") == 1
    assert not (tmp_path / "aws").exists()
    told = capsys.readouterr().err
    assert "is not right" in told
    assert OTHER not in told


def test_password_comes_from_standard_input_for_scripts(
    cloud: RunningCloud, person: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = iter([f"{PASSWORD}\n", ""])
    monkeypatch.setattr(login.sys.stdin, "readline", lambda: next(lines), raising=False)
    assert sign_in(cloud, person, tmp_path, "--password-stdin") == 0
    assert who(cloud, tmp_path, monkeypatch).endswith(person)


def test_without_a_cloud_it_asks_where_one_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("login", "admin", "x", "--root", str(tmp_path)) == 1
    assert "--endpoint" in capsys.readouterr().err


def test_password_is_not_sent_over_a_network_without_a_word(
    capsys: pytest.CaptureFixture[str],
) -> None:
    login._warn("http://192.0.2.1:8773")
    assert "unencrypted" in capsys.readouterr().err
    login._warn("http://127.0.0.1:8773")
    login._warn("https://192.0.2.1:8773")
    assert capsys.readouterr().err == ""

"""From a wish to a profile that works, on the command line, with no secret among arguments."""

import configparser
from pathlib import Path

from tests.cli.conftest import Run
from tests.cloud.running import RunningCloud


def test_wish_becomes_a_profile(cloud: RunningCloud, run: Run, tmp_path: Path) -> None:
    asked = run("request", "physics", "ann@example.org", "--name", "Ann", "--endpoint", cloud.url)
    assert asked.status == 0, asked.err
    (line,) = run("registrations", "list", "--state", "requested").out.splitlines()
    id = line.split("\t")[0]
    token = run("registrations", "approve", id).out.strip()
    accepted = run(
        *("accept", "--endpoint", cloud.url, "--profile", "mine", "--directory", tmp_path),
        "--password",
        lines=f"{token}\nCorrect-Horse-9\n",
    )
    assert accepted.status == 0, accepted.err
    assert "you are admin of the account physics" in accepted.err
    profile = configparser.ConfigParser()
    profile.read([tmp_path / "credentials", tmp_path / "config"])
    key = {
        "access_key_id": profile["mine"]["aws_access_key_id"],
        "secret_access_key": profile["mine"]["aws_secret_access_key"],
    }
    assert profile["profile mine"]["endpoint_url"] == cloud.url
    arn = cloud.client("sts", key).get_caller_identity()["Arn"]
    assert arn.endswith(":user/admin")
    assert (tmp_path / "credentials").stat().st_mode & 0o077 == 0
    again = run("accept", "--directory", tmp_path, lines=f"{token}\n")
    assert (again.status, "InvalidToken" in again.err) == (1, True)
    assert token not in again.err


def test_wish_is_rejected(run: Run) -> None:
    run("request", "chemistry", "eve@example.org")
    (line,) = run("registrations", "list", "--state", "requested").out.splitlines()
    id = line.split("\t")[0]
    assert run("registrations", "reject", id, "--reason", "no room").status == 0
    assert run("registrations", "list", "--state", "requested").out == ""
    invited = run("registrations", "invite", "chemistry", "eve@example.org", "--name", "Eve")
    assert invited.status == 0


def test_without_a_cloud_an_address_is_wanted(run: Run, tmp_path: Path) -> None:
    said = run("request", "x", "a@example.org", "--root", tmp_path / "none")
    assert (said.status, "--endpoint" in said.err) == (1, True)

"""Accounts on the command line: nothing goes before it was shown, and then all of it does."""

from pathlib import Path

from tests.cli.conftest import Run
from tests.cloud.running import RunningCloud


def test_account_is_shown_and_deleted_whole(cloud: RunningCloud, run: Run) -> None:
    assert run("accounts", "create", "brief").status == 0
    shown = run("accounts", "show", "brief")
    assert "brief), active" in shown.err
    assert "vpc\t" in shown.out
    dry = run("accounts", "delete", "brief", "--dry-run")
    assert (dry.status, "nothing was" in dry.err) == (0, True)
    wrong = run("accounts", "delete", "brief", lines="other\n")
    assert (wrong.status, "nothing was deleted" in wrong.err) == (1, True)
    assert "brief" in run("accounts", "list").out
    gone = run("accounts", "delete", "brief", lines="brief\n")
    assert gone.status == 0, gone.err
    assert "nothing of it is left" in gone.err
    assert "brief" not in run("accounts", "list").out


def test_account_with_things_wants_recursion(cloud: RunningCloud, run: Run) -> None:
    made = run("accounts", "create", "full").out
    words = dict(line.removeprefix("export ").split("=", 1) for line in made.splitlines())
    key = {
        "access_key_id": words["AWS_ACCESS_KEY_ID"],
        "secret_access_key": words["AWS_SECRET_ACCESS_KEY"],
    }
    cloud.client("ec2", key).create_key_pair(KeyName="k", KeyType="ed25519")
    refused = run("accounts", "delete", "full", "--yes")
    assert (refused.status, "1 things of its own" in refused.err) == (1, True)
    assert run("accounts", "delete", "full", "--yes", "--recursive").status == 0
    assert run("accounts", "show", "full").status == 1


def test_account_is_suspended_and_resumed(run: Run) -> None:
    run("accounts", "create", "late")
    assert run("accounts", "suspend", "late").status == 0
    assert "suspended" in run("accounts", "show", "late").err
    assert run("accounts", "resume", "late").status == 0
    assert run("accounts", "suspend", "admin").status == 1


def test_policies_over_an_account(run: Run, tmp_path: Path) -> None:
    run("accounts", "create", "bounded")
    file = tmp_path / "policy.json"
    file.write_text(
        '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*"}}'
    )
    assert run("accounts", "put-policy", "bounded", "no-s3", file).status == 0
    shown = run("accounts", "policies", "bounded")
    assert "no-s3:" in shown.err
    assert '"s3:*"' in shown.out
    assert run("accounts", "delete-policy", "bounded", "no-s3").status == 0
    assert run("accounts", "policies", "bounded").out == ""
    file.write_text("nonsense")
    assert "MalformedPolicyDocument" in run("accounts", "put-policy", "bounded", "x", file).err

"""Each file of the credentials to take away, by the client that it is for."""

import configparser
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mallee.aws import clientfiles
from tests import wholecloud
from tests.clients.identity.conftest import AWS, Person, bearer_of, settle
from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender

WHO = ("sts", "get-caller-identity", "--query", "Account", "--output", "text")


@AWS
def test_the_environment_is_all_that_the_cli_needs(administrator: Person, program: Path) -> None:
    assert administrator.aws(program, *WHO) == administrator.bearer.account_id
    assert "DescribeInstances" not in administrator.aws(program, "ec2", "describe-instances")
    assert administrator.aws(program, "iam", "list-users", "--query", "Users[].UserName") == "admin"


@AWS
def test_the_data_directory_alone_leads_every_cli_here(
    administrator: Person, program: Path
) -> None:
    """What only newer ones know is taken away."""
    script = '. ./env; unset AWS_ENDPOINT_URL; exec "$0" "$@"'
    said = administrator.run("bash", "-ec", f"cd mallee; {script}", program, *WHO)
    assert said.out == administrator.bearer.account_id, said.err


@AWS
def test_the_administration_is_a_service_of_the_cli(administrator: Person, program: Path) -> None:
    listed = administrator.aws(program, "mallee", "list-accounts", "--query", "Accounts[].Arn")
    assert listed == f"arn:aws:iam::{administrator.bearer.account_id}:root"


def test_the_profile_is_all_that_a_new_cli_needs(administrator: Person) -> None:
    folder = administrator.folder / "aws"
    said = administrator.run(
        *(wholecloud.AWS_1, "--profile", clientfiles.PROFILE, *WHO),
        AWS_CONFIG_FILE=str(folder / "config"),
        AWS_SHARED_CREDENTIALS_FILE=str(folder / "credentials"),
    )
    assert said.out == administrator.bearer.account_id, said.err


def test_boto3_finds_the_cloud_by_either(administrator: Person) -> None:
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    for change in ("true", "unset AWS_ENDPOINT_URL"):
        script = f'cd mallee; . ./env; {change}; exec "$0" -c "$1"'
        said = administrator.run("bash", "-ec", script, sys.executable, program)
        assert said.out == administrator.bearer.account_id, said.err


def test_the_old_files_lead_where_eucalyptus_clients_look(
    cloud: RunningCloud, administrator: Person
) -> None:
    shown = administrator.shell("cd mallee; . ./eucarc; env").out.splitlines()
    named = dict(line.split("=", 1) for line in shown if "=" in line)
    ini = configparser.ConfigParser()
    ini.read(administrator.folder / "euca2ools.ini")
    region, user = ini["region mallee"], ini["user mallee"]
    assert ini["global"]["default-region"] == "mallee"
    assert (user["key-id"], user["secret-key"]) == (
        named["AWS_ACCESS_KEY"],
        named["AWS_SECRET_KEY"],
    )
    assert user["account-id"] == named["EC2_ACCOUNT_NUMBER"] == administrator.bearer.account_id
    sender = Sender(
        cloud.port,
        {"access_key_id": named["EC2_ACCESS_KEY"], "secret_access_key": named["EC2_SECRET_KEY"]},
    )
    for variable, option, service, action in (
        ("EC2_URL", "ec2-url", "ec2", "DescribeInstances"),
        ("EUARE_URL", "iam-url", "iam", "ListUsers"),
        ("TOKEN_URL", "sts-url", "sts", "GetCallerIdentity"),
    ):
        assert named[variable] == region[option]
        path = urlsplit(named[variable]).path
        answer = sender.send(sender.signed(service, {"Action": action}, path=path))
        assert answer.status == 200, answer.text
    old = {"Action": "DescribeInstances", "Version": "2009-11-30"}
    answer = sender.send(sender.signed_v2(old, urlsplit(named["EC2_URL"]).path))
    assert answer.status == 200, answer.text


def test_a_session_travels_with_its_token(cloud: RunningCloud, tmp_path: Path) -> None:
    token = cloud.client("sts").get_session_token()["Credentials"]
    key = {
        "account_id": cloud.admin["account_id"],
        "access_key_id": token["AccessKeyId"],
        "secret_access_key": token["SecretAccessKey"],
        "session_token": token["SessionToken"],
    }
    person = settle(bearer_of(cloud, key), tmp_path)
    assert person.aws(wholecloud.AWS_1, *WHO) == key["account_id"]
    assert (
        f"security-token = {token['SessionToken']}" in (person.folder / "euca2ools.ini").read_text()
    )


def test_a_zip_is_made_by_the_command_and_opens_to_its_owner_only(
    cloud: RunningCloud, tmp_path: Path
) -> None:
    cloud.client("iam").create_user(UserName="anna")
    root = ("--root", str(cloud.layout.root))
    for number, words in enumerate(([], ["--user", "anna"])):
        home = tmp_path / str(number)
        home.mkdir()
        line = ["credentials", "zip", str(home / "c.zip"), *words, *root]
        subprocess.run([sys.executable, "-m", "mallee.cli.main", *line], check=True)
        assert stat.S_IMODE((home / "c.zip").stat().st_mode) == 0o600
        subprocess.run(["unzip", "-q", "c.zip"], cwd=home, check=True)
        for path in (home / "mallee").rglob("*"):
            secret = "secret" in path.name or path.name in ("env", "credentials", "eucarc")
            assert not secret or stat.S_IMODE(path.stat().st_mode) == 0o600, path
        person = Person(home, bearer_of(cloud, cloud.admin))
        arn = person.aws(wholecloud.AWS_2, "sts", "get-caller-identity", "--query", "Arn")
        assert arn.endswith("user/anna" if words else "user/admin")
        again = subprocess.run([sys.executable, "-m", "mallee.cli.main", *line], check=False)
        assert again.returncode == 1, "what is there stays"


def test_no_key_is_made_that_cannot_be_written(cloud: RunningCloud, tmp_path: Path) -> None:
    cloud.client("iam").create_user(UserName="keyless")
    words = ("credentials", "zip", str(tmp_path / "nowhere/c.zip"), "--user", "keyless")
    line = [sys.executable, "-m", "mallee.cli.main", *words, "--root", str(cloud.layout.root)]
    said = subprocess.run(line, check=False, capture_output=True, text=True)
    assert (said.returncode, "cannot be written" in said.stderr) == (1, True), said.stderr
    assert not cloud.client("iam").list_access_keys(UserName="keyless")["AccessKeyMetadata"]


def test_nothing_is_left_of_a_zip_that_is_refused(cloud: RunningCloud, tmp_path: Path) -> None:
    words = ("credentials", "zip", str(tmp_path / "c.zip"), "--user", "nobody-there")
    line = [sys.executable, "-m", "mallee.cli.main", *words, "--root", str(cloud.layout.root)]
    assert subprocess.run(line, check=False).returncode == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("endpoint", ["http://x;rm -rf", "$(reboot)", "http://a b:1", "ftp://a:1"])
def test_an_endpoint_that_a_shell_would_run_is_refused(cloud: RunningCloud, endpoint: str) -> None:
    sender = Sender(cloud.port, cloud.admin)
    before = sender.ask("iam", "ListAccessKeys").text.count("<member>")
    answer = sender.ask("mallee", "CreateCredentials", Endpoint=endpoint.ljust(10))
    assert answer.status == 400
    assert sender.ask("iam", "ListAccessKeys").text.count("<member>") == before

"""The files for clients: what is in them, who may read them, and nothing that a shell would run."""

import io
import shlex
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallee.aws import clientfiles

BEARER = clientfiles.Bearer(
    endpoint="http://192.0.2.1:8773",
    region="us-east-1",
    account_id="111122223333",
    user_name="anna",
    access_key_id="AKIAIOSFODNN7EXAMPLE",
    secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
)


def entries(bearer: clientfiles.Bearer) -> dict[str, zipfile.ZipInfo]:
    packed = zipfile.ZipFile(io.BytesIO(clientfiles.archive(bearer)))
    return {entry.filename: entry for entry in packed.infolist()}


def test_every_file_lies_in_one_folder() -> None:
    assert {name.partition("/")[0] for name in entries(BEARER)} == {clientfiles.FOLDER}


def test_what_holds_the_secret_is_its_owners_only() -> None:
    secret = BEARER.secret_access_key
    holding = {name for name, text in clientfiles.files(BEARER).items() if secret in text}
    assert holding == {"env", "eucarc", "euca2ools.ini", "aws/credentials"}
    for name, entry in entries(BEARER).items():
        is_private = name.removeprefix(f"{clientfiles.FOLDER}/") in holding
        assert (entry.external_attr >> 16) & 0o777 == (0o600 if is_private else 0o644)


def test_the_same_credentials_are_the_same_bytes() -> None:
    assert clientfiles.archive(BEARER) == clientfiles.archive(BEARER)


def test_a_session_token_is_there_exactly_where_it_is_one() -> None:
    for text in clientfiles.files(BEARER).values():
        assert "export AWS_SESSION_TOKEN" not in text
        assert "security-token" not in text
    temporary = clientfiles.files(replace(BEARER, session_token="FwoGZXIvYXdzE="))
    holding = {name for name, text in temporary.items() if "FwoGZXIvYXdzE=" in text}
    assert holding == {"env", "eucarc", "euca2ools.ini", "aws/credentials"}
    assert "unset AWS_PROFILE\n" in temporary["env"], "its own token stays set"


def test_a_bearer_does_not_show_his_secret() -> None:
    assert BEARER.secret_access_key not in repr(BEARER)


def test_a_strict_shell_takes_every_line_and_forgets_other_endpoints(tmp_path: Path) -> None:
    (tmp_path / "env").write_text(clientfiles.files(BEARER)["env"])
    elsewhere = {
        f"AWS_ENDPOINT_URL{name}": "http://elsewhere"
        for name in ("", "_EC2", "_EC2_INSTANCE_CONNECT", "_S3", "_IAM")
    }
    done = subprocess.run(
        ["bash", "-euc", ". ./env; env"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", **elsewhere},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "elsewhere" not in done.stdout
    assert f"AWS_ENDPOINT_URL={BEARER.endpoint}\n" in done.stdout


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_a_shell_evaluates_the_lines(shell: str) -> None:
    lines = "\n".join(clientfiles.shell_lines(BEARER))
    done = subprocess.run(
        [shell, "-euc", 'eval "$1"; env', "sh", lines],
        env={"PATH": "/usr/bin:/bin", "AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "theirs"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"AWS_ENDPOINT_URL={BEARER.endpoint}\n" in done.stdout
    assert "AWS_PROFILE" not in done.stdout
    assert "AWS_SESSION_TOKEN" not in done.stdout


@given(st.text(max_size=40))
def test_an_endpoint_that_a_shell_would_read_otherwise_is_refused(tail: str) -> None:
    bearer = replace(BEARER, endpoint=f"http://{tail}")
    try:
        text = clientfiles.files(bearer)["env"]
    except clientfiles.BadEndpoint:
        return
    line = next(line for line in text.splitlines() if "AWS_ENDPOINT_URL=" in line)
    assert shlex.split(line) == ["export", f"AWS_ENDPOINT_URL={bearer.endpoint}"]


@pytest.mark.parametrize("endpoint", ["", "http://", "http://a/b", "file:///etc", "http://a\nb"])
def test_what_is_no_endpoint_is_refused(endpoint: str) -> None:
    with pytest.raises(clientfiles.BadEndpoint):
        clientfiles.archive(replace(BEARER, endpoint=endpoint))

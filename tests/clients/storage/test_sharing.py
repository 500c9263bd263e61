"""AWS CLI and s3cmd, as they are, share objects by lists and show a bucket as a website."""

from pathlib import Path

import pytest

from tests import wholecloud
from tests.clients.storage.conftest import User
from tests.standby import programs as standby

AWS = pytest.mark.parametrize(
    "program", [wholecloud.AWS_1, wholecloud.AWS_2], ids=["cli-1", "cli-2"]
)


def _open(user: User, bucket: str) -> None:
    """Make a bucket in which lists count, also public ones."""
    client = user.cloud.s3()
    client.create_bucket(Bucket=bucket, ObjectOwnership="ObjectWriter")
    client.delete_public_access_block(Bucket=bucket)


def _status(user: User, url: str, *options: str) -> str:
    return user.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *options, url)


@AWS
def test_the_aws_cli_shares_and_shows(user: User, tree: Path, program: Path) -> None:
    bucket = f"cli{program.parts[1].strip('.')}{len(program.parts)}"
    _open(user, bucket)

    standing = standby.aws(program)

    def aws(*words: str | Path) -> str:
        return user.run(standing, "--endpoint-url", user.cloud.url, *words)

    url = f"{user.cloud.url}/{bucket}/index.html"
    aws("s3", "cp", tree / "small", f"s3://{bucket}/index.html", "--acl", "public-read")
    assert user.run("curl", "-sSf", url) == "small"
    named = ("--bucket", bucket, "--key", "index.html")
    aws("s3api", "put-object-acl", *named, "--acl", "private")
    assert _status(user, url) == "403"
    everybody = "uri=http://acs.amazonaws.com/groups/global/AllUsers"
    aws("s3", "cp", tree / "small", f"s3://{bucket}/index.html", "--grants", f"read={everybody}")
    assert _status(user, url) == "200"
    assert "AllUsers" in aws("s3api", "get-object-acl", *named)
    aws("s3api", "put-bucket-acl", "--bucket", bucket, "--grant-read", everybody)
    assert _status(user, f"{user.cloud.url}/{bucket}") == "200"
    aws("s3", "website", f"s3://{bucket}", "--index-document", "index.html")
    host = f"Host: {bucket}.s3-website-us-east-1.cloud.example"
    assert user.run("curl", "-sSf", "-H", host, f"{user.cloud.url}/") == "small"
    assert _status(user, f"{user.cloud.url}/gone", "-H", host) == "404"


def test_s3cmd_sets_lists_and_a_website(user: User, tree: Path) -> None:
    _open(user, "shares")
    key = user.cloud.admin
    host = user.cloud.url.removeprefix("http://")
    options = (
        *("--no-ssl", f"--host={host}", f"--host-bucket={host}"),
        *(f"--access_key={key['access_key_id']}", f"--secret_key={key['secret_access_key']}"),
    )

    def s3cmd(*words: str | Path) -> str:
        return user.run("s3cmd", *options, *words)

    url = f"{user.cloud.url}/shares/index.html"
    s3cmd("put", "--acl-public", tree / "small", "s3://shares/index.html")
    assert _status(user, url) == "200"
    s3cmd("setacl", "--acl-private", "s3://shares/index.html")
    assert _status(user, url) == "403"
    s3cmd("setacl", "--acl-public", "s3://shares/index.html")
    assert _status(user, url) == "200"
    owner = user.cloud.s3().list_buckets()["Owner"]["ID"]
    s3cmd("setacl", f"--acl-revoke=full_control:{owner}", "s3://shares/index.html")
    s3cmd("setacl", f"--acl-grant=write_acp:{owner}", "s3://shares/index.html")
    told = s3cmd("info", "s3://shares/index.html")
    assert ("WRITE_ACP" in told, "FULL_CONTROL" in told) == (True, False)
    s3cmd("setacl", "--acl-public", "--recursive", "s3://shares")
    s3cmd("ws-create", "--ws-index=index.html", "s3://shares")
    assert "index.html" in s3cmd("ws-info", "s3://shares")
    named = "Host: shares.s3-website.cloud.example"
    assert user.run("curl", "-sSf", "-H", named, f"{user.cloud.url}/") == "small"
    s3cmd("ws-delete", "s3://shares")
    assert _status(user, f"{user.cloud.url}/", "-H", named) == "404"

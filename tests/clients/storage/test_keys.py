"""Files under keys of the key store, by both generations of the AWS CLI."""

from pathlib import Path

import pytest

from tests import wholecloud
from tests.clients.storage.conftest import User

AWS = pytest.mark.parametrize(
    "program", [wholecloud.AWS_1, wholecloud.AWS_2], ids=["cli-1", "cli-2"]
)


@AWS
def test_files_are_kept_under_a_key(user: User, tmp_path: Path, program: Path) -> None:
    def aws(*words: str | Path) -> str:
        return user.run(program, "--endpoint-url", user.cloud.url, "--output", "text", *words)

    key = aws("kms", "create-key", "--query", "KeyMetadata.Arn")
    bucket = f"keys-{program.parent.parent.name.strip('.').lower()}"
    (tmp_path / "file").write_bytes(b"0123456789" * 1_000_000)
    aws("s3", "mb", f"s3://{bucket}")
    under = ("--sse", "aws:kms", "--sse-kms-key-id", key)
    aws("s3", "cp", tmp_path / "file", f"s3://{bucket}/file", *under)
    head = ("head-object", "--bucket", bucket, "--key", "file")
    assert aws("s3api", *head, "--query", "SSEKMSKeyId") == key
    aws("s3", "cp", f"s3://{bucket}/file", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "file").read_bytes()
    aws("kms", "disable-key", "--key-id", key)
    get = ("s3api", "get-object", *head[1:], tmp_path / "nothing")
    refused = user.say(program, "--endpoint-url", user.cloud.url, *get)
    assert "(KMS.DisabledException)" in refused.err

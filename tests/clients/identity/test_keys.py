"""The key store and files under its keys, by the AWS CLI with the credentials that Mallee gives."""

import base64
from pathlib import Path

from tests.clients.identity.conftest import AWS, Person, bearer_of, settle
from tests.cloud.s3 import running


@AWS
def test_a_secret_goes_there_and_comes_back(administrator: Person, program: Path) -> None:
    def aws(*words: str) -> str:
        return administrator.aws(program, "kms", *words)

    made = ("--description", "of a test", "--tags", "TagKey=team,TagValue=red")
    key = aws("create-key", *made, "--query", "KeyMetadata.KeyId")
    alias = f"alias/{key}"
    aws("create-alias", "--alias-name", alias, "--target-key-id", key)
    (administrator.home / "secret").write_bytes(b"correct horse")
    context = ("--encryption-context", "tenant=7")
    sealed = aws(
        "encrypt", "--key-id", alias, "--plaintext", "fileb://secret", *context,
        "--query", "CiphertextBlob",
    )  # fmt: skip
    (administrator.home / "sealed").write_bytes(base64.b64decode(sealed))
    opening = ("decrypt", "--ciphertext-blob", "fileb://sealed", "--query", "Plaintext")
    assert base64.b64decode(aws(*opening, *context)) == b"correct horse"
    refused = administrator.refusal(program, "kms", *opening)
    assert "(InvalidCiphertextException)" in refused
    aws("enable-key-rotation", "--key-id", key)
    status = aws("get-key-rotation-status", "--key-id", key, "--query", "KeyRotationEnabled")
    assert status == "True"
    shown = aws("list-aliases", "--key-id", key, "--query", "Aliases[0].AliasName")
    assert shown == alias
    gone = ("schedule-key-deletion", "--key-id", key, "--pending-window-in-days", "7")
    assert aws(*gone, "--query", "KeyState") == "PendingDeletion"


@AWS
def test_files_are_kept_under_a_key(tmp_path: Path, program: Path) -> None:
    with running.fresh() as cloud:
        person = settle(bearer_of(cloud, cloud.admin), tmp_path)
        key = person.aws(program, "kms", "create-key", "--query", "KeyMetadata.Arn")
        (tmp_path / "file").write_bytes(b"0123456789" * 1_000_000)
        person.aws(program, "s3", "mb", "s3://bucket")
        under = ("--sse", "aws:kms", "--sse-kms-key-id", key)
        person.aws(program, "s3", "cp", "file", "s3://bucket/file", *under)
        head = ("s3api", "head-object", "--bucket", "bucket", "--key", "file")
        assert person.aws(program, *head, "--query", "SSEKMSKeyId") == key
        person.aws(program, "s3", "cp", "s3://bucket/file", "back")
        assert (tmp_path / "back").read_bytes() == (tmp_path / "file").read_bytes()
        person.aws(program, "kms", "disable-key", "--key-id", key)
        refused = person.refusal(program, "s3api", "get-object", *head[2:], "nothing")
        assert "(KMS.DisabledException)" in refused

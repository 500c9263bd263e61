"""The key store, by both generations of the AWS CLI."""

import base64
from pathlib import Path

from tests.clients.identity.conftest import AWS, Person


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


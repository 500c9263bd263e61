"""QEMU opens the headers that are made here, with the passphrase and nothing else."""

from pathlib import Path

import pytest

from mallee.kit import luks, process

PASSPHRASE = b"p" * 64


def opened(path: Path, passphrase: bytes, *commands: str) -> str:
    options = f"driver=luks,key-secret=key,file.driver=file,file.filename={path}"
    words = [word for command in commands for word in ("-c", command)]
    argv = ("qemu-io", "--object", "secret,id=key,format=raw,file=/dev/stdin", *words)
    return process.run((*argv, "--image-opts", options), process.InMemory(passphrase)).text


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A LUKS volume with a MiB behind its header."""
    path = tmp_path / "disk"
    with path.open("xb") as file:
        file.write(luks.make_header(PASSPHRASE))
        file.truncate(luks.HEADER_BYTES + (1 << 20))
    return path


def test_qemu_opens_it_and_keeps_bytes_in_it(disk: Path) -> None:
    opened(disk, PASSPHRASE, "write -P 90 0 64k")
    assert "read 65536/65536" in opened(disk, PASSPHRASE, "read -P 90 0 64k")
    assert b"Z" * 512 not in disk.read_bytes()


def test_another_passphrase_opens_nothing(disk: Path) -> None:
    with pytest.raises(process.Failed, match="Invalid password"):
        opened(disk, b"q" * 64, "read 0 512")


def test_each_header_has_a_key_of_its_own() -> None:
    one, other = luks.make_header(PASSPHRASE), luks.make_header(PASSPHRASE)
    assert len(one) == len(other) == luks.USED_BYTES
    assert one[4096:] != other[4096:]

"""A cloud with S3 and no guests, and somebody who runs programs against it."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.programs import Said
from tests.cloud.s3.running import RunningS3, fresh

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class User:
    """Somebody with a home directory and an access key."""

    home: Path
    cloud: RunningS3

    def say(self, *line: str | Path, given: str = "", **environment: str) -> Said:
        """Run a program of his, with this to read; return how it ended."""
        key = self.cloud.admin
        done = subprocess.run(
            [str(word) for word in line],
            env={
                "PATH": PATH,
                "HOME": str(self.home),
                "AWS_PAGER": "",
                "AWS_ACCESS_KEY_ID": key["access_key_id"],
                "AWS_SECRET_ACCESS_KEY": key["secret_access_key"],
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_EC2_METADATA_DISABLED": "true",
                **environment,
            },
            cwd=self.home,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        return Said(done.returncode, done.stdout.strip(), done.stderr.strip())

    def run(self, *line: str | Path, **environment: str) -> str:
        """Run a program of his that must succeed; return what it printed."""
        said = self.say(*line, **environment)
        assert said.status == 0, f"{line}: {said.out}\n{said.err}"
        return said.out


@pytest.fixture(scope="module")
def storage() -> Iterator[RunningS3]:
    """A cloud with S3."""
    with fresh() as made:
        yield made


@pytest.fixture
def user(storage: RunningS3, tmp_path: Path) -> User:
    """Its administrator, in a fresh home."""
    return User(tmp_path, storage)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Files of all kinds: empty, small, large, with names that are hard to write."""
    top = tmp_path / "tree"
    (top / "deep er/ü").mkdir(parents=True)
    (top / "empty").touch()
    (top / "small").write_bytes(b"small\n")
    (top / "deep er/ü/50% +&=?.txt").write_bytes(b"strange\n")
    (top / "large").write_bytes(os.urandom(20 << 20))
    return top

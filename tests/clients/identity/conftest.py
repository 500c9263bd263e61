"""A cloud process without guests: whom the identity clients of this folder speak to."""

import io
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from mallee.aws import clientfiles
from tests import wholecloud
from tests.clients.programs import Said
from tests.cloud.running import RunningCloud, fresh
from tests.standby import programs as standby

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
AWS = pytest.mark.parametrize(
    "program", [wholecloud.AWS_1, wholecloud.AWS_2], ids=["cli-1", "cli-2"]
)


@dataclass(frozen=True)
class Person:
    """Somebody with a home directory and the files that Mallee makes for its users."""

    home: Path
    bearer: clientfiles.Bearer

    @property
    def folder(self) -> Path:
        """Where his credentials were unpacked."""
        return self.home / clientfiles.FOLDER

    def run(self, *line: str | Path, **environment: str) -> Said:
        """Run a program of his, with nothing in its environment but what is given."""
        done = subprocess.run(
            [str(word) for word in line],
            env={"PATH": PATH, "HOME": str(self.home), "AWS_PAGER": "", **environment},
            cwd=self.home,
            # Whatever the tests themselves were started with is none of the program's.
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            # Several playbooks may be one program, on a loaded machine.
            timeout=1200,
        )
        return Said(done.returncode, done.stdout.strip(), done.stderr.strip())

    def shell(self, script: str, **environment: str) -> Said:
        """Run lines of bash."""
        return self.run("bash", "-ec", script, **environment)

    def aws(self, program: Path, *words: str) -> str:
        """What the AWS CLI prints as text, with `env` of his files; it must succeed."""
        said = self._aws(program, *words)
        assert said.status == 0, f"{' '.join(words)}: {said.err}"
        return said.out

    def refusal(self, program: Path, *words: str) -> str:
        """The last line with which the AWS CLI tells of a refusal."""
        said = self._aws(program, *words)
        assert said.status != 0, f"{' '.join(words)}: {said.out}"
        return said.err.splitlines()[-1]

    def as_(self, program: Path, key_id: str, secret: str) -> Callable[..., Said]:
        """The AWS CLI of somebody else who sits at his desk."""
        script = (
            'cd mallee; . ./env; cd ..; export AWS_ACCESS_KEY_ID="$1" AWS_SECRET_ACCESS_KEY="$2"; '
            'shift 2; exec "$0" --output text "$@"'
        )
        aws = standby.aws(program)
        return lambda *words: self.run("bash", "-ec", script, aws, key_id, secret, *words)

    def _aws(self, program: Path, *words: str) -> Said:
        script = 'cd mallee; . ./env; cd ..; exec "$0" --output text "$@"'
        return self.run("bash", "-ec", script, standby.aws(program), *words)


@pytest.fixture(scope="module")
def cloud() -> Iterator[RunningCloud]:
    with fresh() as running:
        yield running


@pytest.fixture(scope="module")
def administrator(cloud: RunningCloud, tmp_path_factory: pytest.TempPathFactory) -> Person:
    """The first account's administrator, with his credentials unpacked at home."""
    return settle(bearer_of(cloud, cloud.admin), tmp_path_factory.mktemp("home"))


def bearer_of(cloud: RunningCloud, key: Mapping[str, str]) -> clientfiles.Bearer:
    """What somebody with a key has."""
    return clientfiles.Bearer(
        endpoint=cloud.url,
        region="us-east-1",
        account_id=key["account_id"],
        user_name=key.get("user_name", "admin"),
        access_key_id=key["access_key_id"],
        secret_access_key=key["secret_access_key"],
        session_token=key.get("session_token", ""),
    )


def settle(bearer: clientfiles.Bearer, home: Path) -> Person:
    """Unpack credentials at somebody's home, as `unzip` does."""
    with zipfile.ZipFile(io.BytesIO(clientfiles.archive(bearer))) as packed:
        packed.extractall(home)
    return Person(home, bearer)

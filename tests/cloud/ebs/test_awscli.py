"""The unmodified AWS CLI writes a snapshot and reads it again."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.cloud.ebs.writers import BLOCK, checksum, linear
from tests.cloud.s3 import running

DATA = bytes(range(256)) * (BLOCK // 256)


def aws(cloud: running.RunningS3, folder: Path, *words: str) -> Any:
    """Run `aws ebs …`; return its answer."""
    done = subprocess.run(
        [Path(sys.executable).parent / "aws", "ebs", *words, "--output", "json"],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_ENDPOINT_URL": cloud.url,
            "AWS_ACCESS_KEY_ID": cloud.admin["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": cloud.admin["secret_access_key"],
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_PAGER": "",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_snapshot_is_written_and_read(tmp_path: Path) -> None:
    block = tmp_path / "block"
    block.write_bytes(DATA)
    with running.fresh() as cloud:
        id = aws(cloud, tmp_path, "start-snapshot", "--volume-size", "1")["SnapshotId"]
        where = ("--snapshot-id", id, "--block-index", "4")
        algorithm = ("--checksum-algorithm", "SHA256")
        said = ("--data-length", str(BLOCK), "--checksum", checksum(DATA), *algorithm)
        aws(cloud, tmp_path, "put-snapshot-block", *where, *said, "--block-data", str(block))
        total = ("--checksum", linear({4: DATA}), "--checksum-aggregation-method", "LINEAR")
        count = ("--changed-blocks-count", "1")
        snapshot = ("--snapshot-id", id)
        aws(cloud, tmp_path, "complete-snapshot", *snapshot, *count, *total, *algorithm)
        (found,) = aws(cloud, tmp_path, "list-snapshot-blocks", *snapshot)["Blocks"]
        token = ("--block-token", found["BlockToken"])
        got = tmp_path / "got"
        answer = aws(cloud, tmp_path, "get-snapshot-block", *where, *token, str(got))
        assert answer["Checksum"] == checksum(DATA)
        assert got.read_bytes() == DATA

"""Snapshots written while their process is killed: what was acknowledged is there."""

import signal
from pathlib import Path

from tests.cloud.ebs.writers import BLOCK, put, read
from tests.cloud.s3.processes import started

PIECE = bytes(range(256)) * (BLOCK // 256)


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    with started(tmp_path) as processes:
        ebs = processes.client("ebs", attempts=5)
        id = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
        put(ebs, id, 1, PIECE)
        processes.restart("s3", signal.SIGKILL)
        ebs = processes.client("ebs", attempts=5)
        put(ebs, id, 2, PIECE[::-1])
        processes.restart("s3", signal.SIGKILL)
        ebs = processes.client("ebs", attempts=5)
        done = ebs.complete_snapshot(SnapshotId=id, ChangedBlocksCount=2)
        assert done["Status"] == "completed"
        processes.restart("s3", signal.SIGKILL)
        ebs = processes.client("ebs", attempts=5)
        assert read(ebs, id) == {1: PIECE, 2: PIECE[::-1]}

"""Ten thousand connections, objects larger than memory is to be, and the end of any process."""

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import processes as weights
from mallee.kit import openfiles
from mallee.model.configuration.settings import Objects, Settings
from tests.cloud.s3 import processes as running
from tests.cloud.s3.processes import Processes
from tests.cloud.s3.wire import Wire

IDLE = 10_000
AT_ONCE = 500
IDLE_KIB_MAX = 24
"""Of memory for each connection that waits."""
LARGE = 2 << 30
LARGE_MIB_MAX = 128
"""Of memory that a large object may take more than none, in all processes together."""
PIECE = bytes(1 << 20)
PATIENT = """
from mallee.cloud import server
from mallee.cloud.s3.serving import connections
server.IDLE_TIMEOUT_S = connections.IDLE_TIMEOUT_S = 3600.0
"""
"""A minute may pass on a busy machine before each of so many connections had its turn."""
WAIT_S = 240


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    root = tmp_path_factory.mktemp("m")
    with running.started(root, Settings(objects=Objects(processes=2)), PATIENT) as made:
        made.client("s3").create_bucket(Bucket="bucket")
        made.client("s3").put_object(Bucket="bucket", Key="key", Body=b"data")
        yield made


def test_ten_thousand_idle_connections_are_survived(served: Processes) -> None:
    openfiles.raise_limit()
    count = min(IDLE, openfiles.limit() - 1000)
    before = memory_mib(served)
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(wire(served)) for _ in range(count)]
        request = wires[0].head("GET", "/bucket/key")
        for start in range(0, count, AT_ONCE):
            for one in wires[start : start + AT_ONCE]:
                one.send(request)
            assert {one.reply().body for one in wires[start : start + AT_ONCE]} == {b"data"}
        assert (memory_mib(served) - before) * 1024 / count < IDLE_KIB_MAX
        with wire(served) as other:
            assert other.ask("GET", "/bucket/key").body == b"data"
        # Those that waited are as good as new.
        for one in wires[:: count // 100]:
            assert one.ask("GET", "/bucket/key").body == b"data"


@pytest.fixture(scope="module")
def large(served: Processes) -> dict[int, float]:
    """A large object; what S3's processes held before it came."""
    before = peaks_mib(served)
    with wire(served) as one:
        one.send(one.head("PUT", "/bucket/large", {"Content-Length": str(LARGE)}))
        for _ in range(LARGE // len(PIECE)):
            one.send(PIECE)
        assert one.reply().status == 200
    return before


def test_memory_is_bounded_whatever_the_object_is(
    served: Processes, large: dict[int, float]
) -> None:
    with wire(served) as one:
        one.send(one.head("GET", "/bucket/large"))
        one.line()
        one.pass_over(LARGE)
    assert grown_mib(large) < LARGE_MIB_MAX


def test_object_of_many_gib_is_joined_of_parts(served: Processes, large: dict[int, float]) -> None:
    s3, where = served.client("s3", read_timeout=600), {"Bucket": "bucket", "Key": "joined"}
    upload = s3.create_multipart_upload(**where)["UploadId"]
    parts: list[dict[str, Any]] = []
    for number in (1, 2, 3):
        made = s3.upload_part_copy(
            **where, UploadId=upload, PartNumber=number, CopySource="bucket/large"
        )
        parts.append({"PartNumber": number, "ETag": made["CopyPartResult"]["ETag"]})
    s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
    assert s3.head_object(**where)["ContentLength"] == 3 * LARGE > 5 << 30
    assert s3.get_object(**where, Range="bytes=-4")["Body"].read() == bytes(4)
    assert grown_mib(large) < LARGE_MIB_MAX


def test_any_process_may_be_killed(served: Processes) -> None:
    wires = [wire(served) for _ in range(8)]
    with contextlib.ExitStack() as stack:
        for one in wires:
            stack.enter_context(one)
            assert one.ask("GET", "/bucket/key").status == 200
        parent = served.running["s3"].pid
        killed = 0
        for _ in range(4):
            killed = wait_for_both(parent, killed)[0]
            os.kill(killed, signal.SIGKILL)
            # The other one serves whoever comes.
            assert answers_soon(served)
        # No other test shall meet one that dies.
        wait_for_both(parent, killed)
    assert answers_soon(served)


def test_what_each_process_commits_the_others_see_at_once(served: Processes) -> None:
    wires = [wire(served) for _ in range(6)]
    with contextlib.ExitStack() as stack:
        for one in wires:
            stack.enter_context(one)
        for turn in range(10):
            for number, one in enumerate(wires):
                body = f"{turn} {number}".encode()
                assert one.ask("PUT", "/bucket/shared", body).status == 200
                seen = {other.ask("GET", "/bucket/shared").body for other in wires}
                assert seen == {body}


def test_objects_that_many_write_at_once_are_whole(served: Processes) -> None:
    failed: list[object] = []

    def write(number: int) -> None:
        body = os.urandom(1) * (100_000 + number)
        with wire(served) as one:
            for turn in range(10):
                if one.ask("PUT", f"/bucket/many-{number}-{turn % 3}", body).status != 200:
                    failed.append(turn)
                got = one.ask("GET", f"/bucket/many-{number}-{turn % 3}").body
                if got != body:
                    failed.append(got[:10])

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    assert not failed


def wire(served: Processes) -> Wire:
    return Wire(served.port, json.loads(served.layout.admin_credentials.read_text()))


def answers_soon(served: Processes) -> bool:
    """Tell whether a request is answered; one that a dying process had is asked again."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), wire(served) as one:
            if one.ask("GET", "/bucket/key").status == 200:
                return True
    return False


def wait_for_both(parent: int, killed: int) -> list[int]:
    """Wait until two processes serve, without the one that was killed; return them."""
    deadline = time.monotonic() + WAIT_S
    while True:
        found = [pid for pid in weights.descendants(parent) if pid != parent]
        if len(found) == 2 and killed not in found:
            return found
        assert time.monotonic() < deadline, "no process took the place of the killed one"


def memory_mib(served: Processes) -> float:
    """What S3's processes hold together."""
    pids = weights.descendants(served.running["s3"].pid)
    return sum(weights.resident_mib(pid) for pid in pids)


def peaks_mib(served: Processes) -> dict[int, float]:
    """The most that each of S3's processes holds, from now on."""
    pids = weights.descendants(served.running["s3"].pid)
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    return {pid: highest_mib(pid) for pid in pids}


def grown_mib(before: dict[int, float]) -> float:
    """How much more than before all of them together have held at most."""
    return sum(highest_mib(pid) - mib for pid, mib in before.items())


def highest_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"the kernel does not tell the memory of process {pid}")

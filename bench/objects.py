"""Objects of S3: large ones against nginx and the disk, small ones against moto and plain files.

Both our processes stand in a namespace of their own. Requests are presigned URLs, made before the
clock starts, so that neither signing nor hashing in the client is timed; the server verifies each.
`theirs` is what the promise names: nginx sending the same file, a program that writes and syncs
the same bytes, moto's server (which keeps objects in memory), a file per object with a sync each;
and besides, for puts, what MD5 leaves of any server's speed (`readers`).
"""

# boto3 makes its clients' methods as it runs: they have no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent import futures
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from bench import readers, report, sealed, wirefloods
from mallee.model.configuration import settings
from mallee.model.layout import Layout
from mallee.walrus.engine import Engine
from mallee.walrus.pages import Question
from mallee.walrus.records import Version
from mallee.walrus.tx import Tx

LARGE = 64 << 20
SMALL = 4096
CLIENTS = 16
SMALL_REQUESTS = 150
"""Each client's."""
MOTO_REQUESTS = 20
MANY = 1_000_000
FEW = 1000
CHUNK = 1 << 18
START_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Server:
    """Something that speaks S3."""

    port: int
    s3: Any

    def url(self, operation: str, key: str, **parameters: str) -> str:
        """Return the path and query of a presigned URL."""
        asked = {"Bucket": "bench", "Key": key, **parameters}
        signed = urlsplit(self.s3.generate_presigned_url(operation, Params=asked))
        return f"{signed.path}?{signed.query}"

    def head(self, method: str, operation: str, key: str, length: int = 0) -> bytes:
        """Return a request's head."""
        lines = [
            f"{method} {self.url(operation, key)} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            f"Content-Length: {length}",
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n"


def measure(runs: int) -> list[report.Finding]:
    """Measure everything on one cloud."""
    with tempfile.TemporaryDirectory(prefix="m-", dir="/var/tmp") as folder, ExitStack() as stack:
        root = Path(folder)
        cloud = stack.enter_context(both_daemons(root / "cloud"))
        moto = stack.enter_context(_moto())
        for server in (cloud, moto):
            server.s3.create_bucket(Bucket="bench")
        return [
            *_large(cloud, root, runs),
            *_small(cloud, moto, root, runs),
            *_listing(root / "listing", runs),
        ]


def _large(cloud: Server, root: Path, runs: int) -> Generator[report.Finding]:
    data = memoryview(os.urandom(LARGE))
    pieces = [data[start : start + CHUNK] for start in range(0, LARGE, CHUNK)]

    def put(n: int) -> float:
        head = cloud.head("PUT", "put_object", f"large-{n}", LARGE)
        return wirefloods.elapsed_s(cloud.port, [head, *pieces])

    puts, writes = in_turns(runs, put, lambda _: write_s(root / "raw", pieces))
    yield report.Finding(
        promise="PUT 64 MiB, against the disk's own write and sync",
        unit="MiB/s",
        ours=per_second(puts),
        theirs=per_second(writes),
        bar_ratio_min=0.7,
    )
    with readers.reading(LARGE) as port:
        request = [b"PUT / HTTP/1.1\r\n\r\n", *pieces]
        puts, ideal = in_turns(runs, put, lambda _: wirefloods.elapsed_s(port, request))
    yield report.Finding(
        promise="PUT 64 MiB, against reading it and its MD5 alone, nothing stored",
        unit="MiB/s",
        ours=per_second(puts),
        theirs=per_second(ideal),
        bar_ratio_min=0.7,
    )
    if shutil.which("nginx") is None:
        print("nginx is not there: GET of 64 MiB is not measured", file=sys.stderr)
        return
    (root / "raw").chmod(0o644)
    with _nginx(root) as port:
        get = [cloud.head("GET", "get_object", "large-0")]
        plain = [b"GET /raw HTTP/1.1\r\nHost: n\r\n\r\n"]
        ours, theirs = in_turns(
            runs,
            lambda _: wirefloods.elapsed_s(cloud.port, get),
            lambda _: wirefloods.elapsed_s(port, plain),
        )
    yield report.Finding(
        promise="GET 64 MiB, against nginx",
        unit="MiB/s",
        ours=per_second(ours),
        theirs=per_second(theirs),
        bar_ratio_min=0.8,
    )


def _small(cloud: Server, moto: Server, root: Path, runs: int) -> Generator[report.Finding]:
    body = os.urandom(SMALL)
    folder = root / "plain"
    folder.mkdir()
    ours = [_rate(cloud, n, body, SMALL_REQUESTS) for n in range(runs)]
    theirs = [_rate(moto, n, body, MOTO_REQUESTS) for n in range(runs)]
    plain = [_plain_rate(folder, n, body) for n in range(runs)]
    for promise, other, bar in (
        ("PUT 4 KiB, 16 clients, against moto in memory", theirs, 5),
        ("PUT 4 KiB, 16 clients, against a synced file each, without HTTP", plain, 3),
    ):
        yield report.Finding(
            promise=promise,
            unit="objects/s",
            ours=tuple(ours),
            theirs=tuple(other),
            bar_ratio_min=bar,
        )
    ours = [_rate(cloud, 0, b"", SMALL_REQUESTS) for _ in range(runs)]
    theirs = [_rate(moto, 0, b"", MOTO_REQUESTS) for _ in range(runs)]
    yield report.Finding(
        promise="GET 4 KiB, 16 clients, against moto",
        unit="objects/s",
        ours=tuple(ours),
        theirs=tuple(theirs),
        bar_ratio_min=10,
    )


def _listing(root: Path, runs: int) -> Generator[report.Finding]:
    """A page of 1,000 keys out of many and out of few, and opening the store: the engine alone."""
    engine = Engine(root)
    version = Version(id="null", modified_ms=0, size=0, etag="0" * 32)
    for bucket, count in ((1, FEW), (2, MANY)):
        for start in range(0, count, 10_000):
            keys = range(start, min(start + 10_000, count))

            def add(tx: Tx, _blobs: object, bucket: int = bucket, keys: range = keys) -> None:
                for n in keys:
                    tx.add(bucket, b"key-%09d" % n, version)

            engine.commit(add).result()
    many, few = in_turns(
        runs, lambda _: _list_s(engine, 2, b"key-0005"), lambda _: _list_s(engine, 1, b"key-")
    )
    engine.close()
    yield report.Finding(
        promise="List 1,000 of 1,000,000 keys, against 1,000 of 1,000",
        unit="ms",
        ours=tuple(one * 1000 for one in many),
        theirs=tuple(one * 1000 for one in few),
        bar_ratio_max=2,
    )
    opened = tuple(_open_s(root) for _ in range(runs))
    yield report.Finding(promise="Open 1,000,000 objects", unit="s", ours=opened, bar_max=5)


def _list_s(engine: Engine, bucket: int, prefix: bytes) -> float:
    began = time.perf_counter()
    page = engine.reader.list_objects(bucket, Question(prefix=prefix, limit=1000))
    assert len(page.entries) == 1000
    return time.perf_counter() - began


def _open_s(root: Path) -> float:
    began = time.perf_counter()
    Engine(root).close()
    return time.perf_counter() - began


def _rate(server: Server, run: int, body: bytes, count: int) -> float:
    """Return requests a second of 16 clients, each with keys of its own: PUT, or GET of nothing."""
    method, operation = ("PUT", "put_object") if body else ("GET", "get_object")
    lanes = [
        [
            server.head(method, operation, f"{run}/{client}/{n}", len(body)) + body
            for n in range(count)
        ]
        for client in range(CLIENTS)
    ]
    return wirefloods.rate(server.port, lanes)


def _plain_rate(folder: Path, run: int, body: bytes) -> float:
    """Return how many files of their own 16 threads write and sync a second."""
    gate = threading.Barrier(CLIENTS + 1)

    def write(client: int) -> None:
        gate.wait()
        for n in range(SMALL_REQUESTS):
            write_file(folder / f"{run}-{client}-{n}", body)

    with futures.ThreadPoolExecutor(CLIENTS) as threads:
        writing = [threads.submit(write, client) for client in range(CLIENTS)]
        gate.wait()
        began = time.perf_counter()
        for one in writing:
            one.result()
    return CLIENTS * SMALL_REQUESTS / (time.perf_counter() - began)


def write_file(path: Path, body: bytes) -> None:
    for target, flags in ((path, os.O_WRONLY | os.O_CREAT | os.O_EXCL), (path.parent, os.O_RDONLY)):
        descriptor = os.open(target, flags)
        if flags:
            os.write(descriptor, body)
        os.fsync(descriptor)
        os.close(descriptor)


def write_s(path: Path, pieces: Sequence[memoryview]) -> float:
    path.unlink(missing_ok=True)
    began = time.perf_counter()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    for piece in pieces:
        os.write(descriptor, piece)
    os.fsync(descriptor)
    os.close(descriptor)
    return time.perf_counter() - began


def in_turns(
    runs: int, ours: Callable[[int], float], theirs: Callable[[int], float]
) -> tuple[list[float], list[float]]:
    """Measure both in turns, once more than asked for: the first warms up."""
    pairs = [(ours(n), theirs(n)) for n in range(runs + 1)][1:]
    return [one for one, _ in pairs], [other for _, other in pairs]


def per_second(times_s: Sequence[float]) -> tuple[float, ...]:
    return tuple(LARGE / (1 << 20) / one for one in times_s)


@contextmanager
def both_daemons(root: Path) -> Generator[Server]:
    """A cloud's own daemon and that of S3."""
    layout = Layout(root)
    for folder in (layout.cloud, layout.log, layout.admin_credentials.parent, layout.objects):
        folder.mkdir(parents=True, exist_ok=True)
    chosen = settings.Settings(ports=settings.Ports(services=0, agents=0))
    layout.settings.write_text(settings.encode(chosen))
    with ExitStack() as stack:
        for module, sign in (("cloud", layout.cloud_ports), ("cloud.s3", layout.s3_door)):
            argv = [sys.executable, "-m", f"mallee.{module}.daemon", "--root", str(root)]
            stack.enter_context(_started(argv, sign.exists))
        key = json.loads(layout.admin_credentials.read_text())
        port = json.loads(layout.cloud_ports.read_text())["services"]
        yield Server(port, _client(port, key["access_key_id"], key["secret_access_key"]))


@contextmanager
def _moto() -> Generator[Server]:
    port = sealed.free_port()
    argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _started(argv, lambda: sealed.answers(port)):
        yield Server(port, _client(port, "AKIAEXAMPLE", "secret"))


@contextmanager
def _nginx(root: Path) -> Generator[int]:
    """Nginx with its files under the root, sending them from the kernel."""
    port = sealed.free_port()
    text = (
        f"daemon off; worker_processes 1; pid {root}/nginx.pid; error_log stderr; user root;"
        "events {} http { access_log off; sendfile on; tcp_nopush on;"
        f"server {{ listen 127.0.0.1:{port}; root {root}; }} }}"
    )
    configuration = root / "nginx.conf"
    configuration.write_text(text)
    with _started(["nginx", "-c", str(configuration)], lambda: sealed.answers(port)):
        yield port


@contextmanager
def _started(argv: Sequence[str], is_there: Callable[[], bool]) -> Generator[None]:
    """Run a server until the block ends."""
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(argv, stdout=quiet, stderr=quiet)
    deadline = time.monotonic() + START_TIMEOUT_S
    try:
        while not is_there():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{argv} did not start")
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(timeout=START_TIMEOUT_S)


def _client(port: int, key_id: str, secret: str) -> Any:
    client: Any = boto3.client
    return client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)

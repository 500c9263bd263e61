"""EC2's answers while S3 is busy: the data path must not hold up the API.

One cloud's two daemons. DescribeInstances is asked one after the other, first beside nothing, then
while 16 clients put and get small objects as fast as they can. All of them share the machine's
processors, and so does the load's own client; what is left of the ratio is waiting for one.
"""

import json
import multiprocessing
import os
import statistics
import tempfile
import time
from concurrent import futures
from pathlib import Path

from bench import asking, objects, report, sealed, wirefloods
from mallee.model.layout import Layout

ASKED = 200
REQUESTS = 1500
"""Of each of the clients that keep S3 busy."""


def measure(runs: int) -> list[report.Finding]:
    """Measure both on one cloud."""
    with tempfile.TemporaryDirectory(prefix="m-", dir="/var/tmp") as folder:
        root = Path(folder)
        with objects.both_daemons(root) as cloud:
            cloud.s3.create_bucket(Bucket="bench")
            key = json.loads(Layout(root).admin_credentials.read_text())
            client = asking.Client(cloud.port, key["access_key_id"], key["secret_access_key"])
            idle = [_median_ms(client) for _ in range(runs)]
            busy = [_median_busy_ms(client, cloud, run) for run in range(runs)]
    return [
        report.Finding(
            promise="DescribeInstances while 16 clients put and get 4 KiB, against alone",
            unit="ms",
            ours=tuple(busy),
            theirs=tuple(idle),
            bar_ratio_max=2,
        )
    ]


def _median_busy_ms(client: asking.Client, cloud: objects.Server, run: int) -> float:
    body = os.urandom(objects.SMALL)
    lanes = [_lane(cloud, f"{run}/{number}", body) for number in range(objects.CLIENTS)]
    context = multiprocessing.get_context("fork")
    with futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        load = pool.submit(wirefloods.rate, cloud.port, lanes)
        found: list[float] = []
        while not load.done():
            found.append(_ask_ms(client))
        load.result()
    return statistics.median(found)


def _lane(cloud: objects.Server, name: str, body: bytes) -> list[bytes]:
    """Return requests that put an object and get it, again and again."""
    put = cloud.head("PUT", "put_object", name, len(body)) + body
    return [put, cloud.head("GET", "get_object", name)] * (REQUESTS // 2)


def _median_ms(client: asking.Client) -> float:
    return statistics.median(_ask_ms(client) for _ in range(ASKED))


def _ask_ms(client: asking.Client) -> float:
    signed = client.sign("DescribeInstances", {})
    began = time.perf_counter()
    client.send(signed)
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)

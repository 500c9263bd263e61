"""Both processes of a cloud in a thread of the test: all services and S3 at one address."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from msgspec.structs import replace

from mallee.cloud.s3 import daemon
from tests.cloud.running import START_TIMEOUT_S, RunningCloud


class RunningS3(RunningCloud):
    """A cloud whose S3 runs beside it."""

    def start(self) -> None:
        super().start()
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.layout.s3_door.exists():
            assert not self._end.done(), self._end.result()
            assert time.monotonic() < deadline, "S3 did not start in time"
            time.sleep(0.01)

    def s3(self, key: dict[str, str] | None = None, **options: Any) -> Any:
        """A client of S3 that tries once, with paths, as its owner would write it."""
        key = key or self.admin
        client: Any = boto3.client
        return client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=key["access_key_id"],
            aws_secret_access_key=key["secret_access_key"],
            config=Config(
                retries={"max_attempts": 0},
                parameter_validation=False,
                s3={"addressing_style": "path", **options},
            ),
        )

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as group:
            beside = group.create_task(self._serve_s3())
            try:
                await super()._serve()
            finally:
                self._stop_s3.set()
            await beside

    async def _serve_s3(self) -> None:
        self._stop_s3 = asyncio.Event()
        await daemon.serve(self.layout, self.settings, self._stop_s3)


@contextmanager
def fresh(**settings: Any) -> Generator[RunningS3]:
    """A cloud with S3 under a root of its own, with these settings; gone afterwards."""
    root = Path(tempfile.mkdtemp(prefix="m-"))
    cloud = RunningS3(root)
    cloud.settings = replace(cloud.settings, **settings)
    try:
        with cloud:
            yield cloud
    finally:
        shutil.rmtree(root)

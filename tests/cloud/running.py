"""A whole cloud process in a thread of the test: real store, real sockets on free ports."""

import asyncio
import json
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any
from unittest import mock

import boto3
from botocore.config import Config
from msgspec.structs import replace

from mallee.cloud import bootstrap, daemon
from mallee.cloud.state import store
from mallee.model.configuration.settings import Objects, Ports, Settings
from mallee.model.layout import Layout
from tests import inmemory

START_TIMEOUT_S = 120
_open_store = bootstrap.open_store


class RunningCloud:
    """Starts and stops a cloud under one root; starting again finds what was there."""

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)
        self.settings = Settings(ports=Ports(services=0, agents=0), objects=Objects(processes=1))
        self._clients: dict[tuple[str, ...], Any] = {}

    def __enter__(self) -> "RunningCloud":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        self._ready = threading.Event()
        self._executor = ThreadPoolExecutor(1)
        self._end = self._executor.submit(lambda: asyncio.run(self._serve()))
        self._end.add_done_callback(lambda _: self._ready.set())
        assert self._ready.wait(START_TIMEOUT_S), "the cloud did not start in time"
        if self._end.done():
            self._end.result()
        ports = json.loads(self.layout.cloud_ports.read_text())
        self.port, self.agents_port = ports["services"], ports["agents"]
        self.url = f"http://127.0.0.1:{self.port}"
        self.admin: dict[str, str] = json.loads(self.layout.admin_credentials.read_text())

    def stop(self) -> None:
        if not self._end.done():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._end.result(START_TIMEOUT_S)
        self._executor.shutdown()

    def restart(self) -> None:
        self.stop()
        self.start()

    def client(self, service: str, key: dict[str, str] | None = None, **options: Any) -> Any:
        """A boto3 client that tries once, as the administrator or the owner of `key`.

        It is made once, with its connections: what tests ask of it costs less than to make it.
        """
        key = key or self.admin
        options = {"endpoint_url": self.url, **options}
        owner = (key["access_key_id"], key["secret_access_key"])
        what = (service, *owner, *map(repr, options.items()))
        if what not in self._clients:
            self._clients[what] = boto3.client(
                service,
                region_name="us-east-1",
                aws_access_key_id=key["access_key_id"],
                aws_secret_access_key=key["secret_access_key"],
                config=Config(retries={"max_attempts": 0}, parameter_validation=False),
                **options,
            )
        return self._clients[what]

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        announced = asyncio.create_task(self._wait_announced())
        with mock.patch.object(bootstrap, "open_store", self._open_store):
            await daemon.serve(self.layout, self.settings, self._stop)
        announced.cancel()

    def _open_store(self, *arguments: Any) -> store.Store:
        """Open the store for the daemon, and keep it at hand for the test."""
        self.store = _open_store(*arguments)
        return self.store

    async def _wait_announced(self) -> None:
        while not self.layout.cloud_ports.exists():
            await asyncio.sleep(0.01)
        self._ready.set()


@contextmanager
def fresh(**settings: Any) -> Generator[RunningCloud]:
    """A cloud under a root of its own, with these settings; both are gone afterwards."""
    with inmemory.directory() as root:
        cloud = RunningCloud(root)
        cloud.settings = replace(cloud.settings, **settings)
        with cloud:
            yield cloud

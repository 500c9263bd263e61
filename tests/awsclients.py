"""Clients of boto3 for tests: one for all who ask alike, for making one costs as much processor
time as ten questions.

A client keeps its connections. In another network namespace they would lead elsewhere, so each
namespace has clients of its own.
"""

import os
import threading
from typing import Any

import boto3
import botocore.config

from mallee.box import client as api

KEPT_MAX = 16
"""So many are kept: tests make accounts, and each is asked for with its own access."""

_kept: dict[tuple[str, api.Access, int], Any] = {}
_making = threading.Lock()


def client(service: str, who: api.Access) -> Any:
    """Return a client of a service, in the network namespace of the calling thread."""
    key = service, who, os.stat("/proc/thread-self/ns/net").st_ino
    # boto3's own session is not for several threads.
    with _making:
        if key not in _kept:
            while len(_kept) >= KEPT_MAX:
                del _kept[next(iter(_kept))]
            _kept[key] = _make(service, who)
        return _kept[key]


def forget() -> None:
    """Let go of all: a connection keeps its network namespace, and a number of one comes again.

    Who has a client may go on with it.
    """
    with _making:
        for one in _kept.values():
            one.close()
        _kept.clear()


def _make(service: str, who: api.Access) -> Any:
    return boto3.client(
        service,
        region_name=who.region,
        endpoint_url=who.endpoint,
        aws_access_key_id=who.access_key_id,
        aws_secret_access_key=who.secret_access_key,
        config=botocore.config.Config(retries={"max_attempts": 1}, max_pool_connections=64),
    )

"""What processes of S3 do beside answering: loops, each a task until it is cancelled.

Some run in every process, for what is in its own memory; the others in one, for all of them. Wiring
only. Called by `daemon`.
"""

from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Any

from mallee.cloud.ebs import abandoned
from mallee.cloud.s3 import drafts, pipeline
from mallee.cloud.s3.buckets import expiring
from mallee.cloud.s3.events import delivering
from mallee.cloud.s3.inventory import inventorying
from mallee.cloud.s3.logs import flowdelivery, logdelivery, routedelivery


def everywhere(cloud: pipeline.Cloud) -> Iterable[Coroutine[Any, Any, None]]:
    """Return what each process does."""
    yield logdelivery.keep_logging(_writing(cloud), cloud.log)


def alone(cloud: pipeline.Cloud, flow_inbox: Path) -> Iterable[Coroutine[Any, Any, None]]:
    """Return what only one process does, for all of them."""
    yield expiring.keep_expiring(cloud.store, cloud.engine, cloud.clock)
    told = delivering.Means(
        store=cloud.store,
        engine=cloud.engine,
        key_file=cloud.key_file,
        trail=cloud.trail,
        settings=cloud.settings,
        clock=cloud.clock,
    )
    yield delivering.keep_delivering(told)
    yield inventorying.keep_inventories(_writing(cloud))
    yield flowdelivery.keep_delivering(_writing(cloud), flow_inbox)
    yield routedelivery.keep_delivering(_writing(cloud))
    yield abandoned.keep_looking(cloud.store, cloud.engine, cloud.threads, cloud.clock)


def _writing(cloud: pipeline.Cloud) -> drafts.Means:
    """Return what S3 needs to write objects of its own."""
    return drafts.Means(
        store=cloud.store,
        engine=cloud.engine,
        key_file=cloud.key_file,
        settings=cloud.settings,
        clock=cloud.clock,
    )

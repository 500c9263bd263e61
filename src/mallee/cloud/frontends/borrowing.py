"""The lead for a while: a term of the shared directory of objects, for a program that is not S3.

Whoever checks the directory must be alone in it, as who serves it is; so it leads those that share
it, and begins a term. It takes the lead from nobody: front ends that serve S3 are down, or wait.
The lease is renewed in a thread; when it is lost, nothing that is written counts (`terms`).
Called by `s3.checking`. Not its business: what is done in the term.
"""

import contextlib
import os
import threading
import time
from collections.abc import Generator
from pathlib import Path

from mallee.cloud import bootstrap
from mallee.cloud.frontends import leading, presence
from mallee.cloud.state import database, leads, records
from mallee.model.configuration.settings import Settings
from mallee.model.layout import Layout
from mallee.walrus import terms
from mallee.walrus.terms import Term

WAIT_S = 20.0
"""So long a front end that has ended may still be taken for the one that leads."""
LOOK_S = 0.5


class Led(Exception):
    """The directory cannot be led now; the message says why and what to do."""


@contextlib.contextmanager
def term(layout: Layout, configured: Settings) -> Generator[Term]:
    """Lead those that share the objects meanwhile. Raises `Led`, `Fenced`, `StoreError`; blocks."""
    url = bootstrap.database_url(layout, configured)
    directory = Path(configured.objects.directory)
    _check_directory(url, directory)
    own = presence.identify(layout).id
    lead = leads.Lead(url, leading.LEASE, f"{own}/{os.urandom(8).hex()}")
    with contextlib.closing(lead):
        _take(url, lead)
        is_over = threading.Event()
        renewing = threading.Thread(target=_renew, args=(lead, is_over), daemon=True)
        renewing.start()
        try:
            yield terms.begin(directory, lambda: lead.held_until)
        finally:
            is_over.set()
            renewing.join()
            lead.give_up()


def _check_directory(url: str, directory: Path) -> None:
    known = {one.doc.objects_store for one in _front_ends(url)} - {""}
    try:
        seen = (directory / presence.STORE_NAME).read_text()
    except OSError as error:
        raise Led(f"{directory} is not the objects' directory: {error}; mount it there") from error
    if seen not in known:
        raise Led(f"{directory} is not the directory that this cloud's objects are in: mount it")


def _take(url: str, lead: leads.Lead) -> None:
    deadline = time.monotonic() + WAIT_S
    while not lead.take():
        if time.monotonic() > deadline:
            holder = lead.holder().partition("/")[0]
            names = {one.id: one.doc.name for one in _front_ends(url)}
            raise Led(
                f"{names.get(holder, holder) or 'the database does not say who'} serves S3 of this "
                "directory: mallee down on all front ends that share it"
            )
        time.sleep(LOOK_S)


def _renew(lead: leads.Lead, is_over: threading.Event) -> None:
    while not is_over.wait(leading.RENEW_S):
        if not lead.renew():
            lead.held_until = 0.0
            return


def _front_ends(url: str) -> list[records.Record[records.Any, records.Any]]:
    return list(database.Database(url).load().all_of(records.FRONT_END.name, None))

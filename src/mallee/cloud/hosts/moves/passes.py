"""Gives hosts passes to accounts' blocks: to read what their volumes are made of, to write cuts.

A pass is a session of the blocks' role (`blocks.shelf`) which may less than that: one account's
prefix. Nothing is written but a writer's turn (`blocks.turns`). Called by `door`, which knows the
host.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mallee.cloud.blocks import shelf, turns
from mallee.cloud.hosts import refusals
from mallee.cloud.hosts.moves import transferring
from mallee.cloud.hosts.slices import pinslices
from mallee.cloud.identity import sessions
from mallee.cloud.state import records, store
from mallee.kit import clock, secretbox
from mallee.model.identity.accounts import SYSTEM
from mallee.model.identity.sessions import CallerKind, Session
from mallee.model.storage import passes
from mallee.model.storage.passes import Pass, PassRequest

May = Callable[[store.View, str, PassRequest], bool]
"""Tells whether a host may write an account's blocks for what it names."""


@dataclass(slots=True)
class Passes:
    """Gives passes."""

    store: store.Store
    box: secretbox.SecretBox
    region: str
    port: int = 0
    """Where the API answers; 0 while the cloud is starting."""
    now: Callable[[], float] = clock.SYSTEM.now

    async def give(self, host_id: str, asked: PassRequest) -> Pass:
        """Return a pass; raise `Refused` when the host has nothing to do there."""
        view, ends_at = self.store.view, self.now() + passes.PASS_LIFE_S
        if not self.port:
            raise refusals.Refused(503, "the cloud is starting")
        epoch = 0
        if asked.writes_for:
            if not _may_write(view, host_id, asked):
                raise refusals.Refused(403, f"host {host_id} has no such thing to bring")
            epoch = await self._enter(asked, ends_at)
        elif not _may_read(view, host_id, asked.account):
            raise refusals.Refused(403, f"host {host_id} needs no blocks of {asked.account[:12]}")
        made = sessions.issue(self.box, os.urandom, self._session(host_id, asked, ends_at))
        return Pass(
            account=asked.account,
            bucket=passes.BUCKET,
            port=self.port,
            region=self.region,
            access_key_id=made.access_key_id,
            secret_access_key=made.secret,
            token=made.token,
            expires_at=made.expires_at,
            epoch=epoch,
        )

    async def _enter(self, asked: PassRequest, until: float) -> int:
        try:
            return await self.store.run(
                lambda tx: turns.enter(tx, asked.account, asked.writes_for, until)
            )
        except turns.Swept as error:
            raise refusals.Refused(503, str(error)) from error

    def _session(self, host_id: str, asked: PassRequest, ends_at: float) -> Session:
        return Session(
            kind=CallerKind.ROLE,
            account=SYSTEM.id,
            issuer_id=shelf.ROLE_ID,
            name=host_id,
            issued_at=self.now(),
            expires_at=ends_at,
            policies=(shelf.rights_in(asked.account, is_writer=bool(asked.writes_for)),),
        )


def _may_read(view: store.View, host_id: str, account: str) -> bool:
    """Tell whether something of the host is of blocks of the account: a volume, a file that it
    makes, or a snapshot that it keeps at hand."""
    if transferring.may_read(view, host_id, account) or pinslices.may_read(view, host_id, account):
        return True
    return any(
        one.doc.content is not None and one.doc.content.account == account
        for one in view.by(records.VOLUME, "host", host_id)
    )


def _may_write_snapshot(view: store.View, host_id: str, asked: PassRequest) -> bool:
    snapshot = view.get(records.SNAPSHOT, asked.writes_for)
    return (
        snapshot is not None
        and snapshot.account == asked.account
        and snapshot.doc.host_id == host_id
        and bool(snapshot.doc.cut)
        and snapshot.doc.content is None
    )


WRITERS: Mapping[str, May] = {"snap": _may_write_snapshot, "import": transferring.may_write}
"""Who may write for what, by the prefix of its id."""


def _may_write(view: store.View, host_id: str, asked: PassRequest) -> bool:
    may = WRITERS.get(asked.writes_for.partition("-")[0])
    return may is not None and may(view, host_id, asked)

"""The authorities of one of several front ends: its file follows what the store says.

A new authority goes from one front end to another sealed to the key that the other alone has: who
has stolen the old authority's key can show any front end's certificate, and opens nothing by it.
Each front end takes the new one, signs with it when all trust it, and forgets the old one when
nobody needs it; after any kill it finds what is left to do in its file and in the store.
A reconciler of each front end, of the only one too. Not its business: when that is due
(`reconcile.authorities`).
"""

import asyncio
from dataclasses import dataclass

import msgspec

from mallee.cloud.frontends import fellows
from mallee.cloud.frontends.fellows import Fellows
from mallee.cloud.reconcile.identity import authorities as replacing
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.kit import authorities, logs, pki
from mallee.kit.authorities import Authorities
from mallee.model.hosts.frontends import FrontEndSeen

PATH = "/v1/frontends/authority"
EVERY_S = 2.0

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What following takes."""

    opened: store.Store
    own: Authorities
    others: Fellows


def reconciler(means: Means) -> Reconciler:
    """Return the reconciler; its one key is this front end's id."""
    opened, own = means.opened, means.own

    def keys() -> tuple[str, ...]:
        record = opened.view.get(records.FRONT_END, means.others.own)
        told = record.seen.authority_ids if record and record.seen else ()
        is_told = record is None or told == own.ids
        return () if is_told and own.ids == _order(opened.view, own.ids) else (means.others.own,)

    async def settle(_: str) -> None:
        order = _order(opened.view, own.ids)
        if own.ids != order:
            await _follow(means, order)
        await opened.run(lambda tx: _tell(tx, means.others.own, own.ids))

    return Reconciler(
        name="authority of this front end", keys=keys, settle=settle, every_s=EVERY_S, is_local=True
    )


def _order(view: store.View, present: tuple[str, ...]) -> tuple[str, ...]:
    """Return what this front end shall have."""
    found = replacing.newest(view)
    return found.seen.order if found is not None and found.seen is not None else present


async def _follow(means: Means, order: tuple[str, ...]) -> None:
    fetched: list[pki.Authority] = []
    for id in order:
        if id not in means.own.ids:
            one = await asyncio.to_thread(_fetch, means, id)
            if one is None:
                return
            fetched.append(one)
    means.own.choose(order, fetched)
    _log.warning("authorities changed", ids=order)


def _fetch(means: Means, id: str) -> pki.Authority | None:
    """Return an authority that another front end has, if one that has it answers; blocks."""
    for whom in means.others.others():
        record = means.opened.view.get(records.FRONT_END, whom.id)
        if record is None or record.seen is None or id not in record.seen.authority_ids:
            continue
        try:
            [found] = authorities.parse(means.others.ask_sealed(whom, PATH, id))
        except (fellows.Away, fellows.Refused, pki.BadCertificate, ValueError) as error:
            _log.warning("authority not got", authority=id, why=str(error))
            continue
        if authorities.id_of(found) == id:
            return found
    return None


def _tell(tx: store.Tx, own: str, ids: tuple[str, ...]) -> None:
    record = tx.get(records.FRONT_END, own)
    if record is not None:
        seen = record.seen or FrontEndSeen()
        if seen.authority_ids != ids:
            tx.observe(record, msgspec.structs.replace(seen, authority_ids=ids))

"""The keys of identity providers, fetched when a token comes that they should have signed.

A provider's key set is kept for an hour, and fetched again sooner when a token names a key that is
not in it (providers change their keys). Strangers may send as many tokens as they like: a provider
is asked by one request at a time, not again within `AGAIN_S` (longer each time that it fails), and
no more than `DOCUMENTS` are fetched at once in all. An account has one of its providers asked at a
time, and `WAITING_MAX` requests that wait for that: servers that never answer keep its own people
waiting, and nobody else's. While a provider is away, what is known of it goes on counting for a
day. What was believed for one account is believed for no other. Why keys cannot be had stands in
the log: who named the server shall not learn from us what is where in our networks. Belongs to the
event loop's thread.
Not its business: which providers count (`iam.oidcproviders`), and what is in a token (`sts`).
"""

import asyncio
import json
from collections import Counter, OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from mallee.kit import httpsfetch, idtokens, logs
from mallee.model.configuration.settings import Settings
from mallee.model.identity.providers import OidcProvider

FRESH_S = 3600.0
AGAIN_S = 30.0
"""How soon a provider may be asked again."""
DOUBLED_MAX = 3
"""How often that is doubled when it fails again and again."""
STALE_S = 86_400.0
"""How long keys count while their provider is away."""
KEPT_MAX = 1000
"""Providers whose keys are remembered; beyond, the account with most of them forgets one."""
DOCUMENTS = 4
WAITING_MAX = 64
"""Requests of one account that wait for its turn to have a provider asked."""
DISCOVERY = "/.well-known/openid-configuration"

_log = logs.get(__name__)

_Name = tuple[str, str, tuple[str, ...]]
"""Account, issuer, thumbprints."""


class Unreachable(Exception):
    """The provider's keys cannot be had."""


@dataclass(slots=True)
class _Kept:
    keys: tuple[idtokens.Key, ...] = ()
    fetched_at: float = -STALE_S
    tried_at: float = -STALE_S
    failures: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class _Turn:
    """An account's turn to have a provider asked."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class KeySets:
    """The key sets at hand."""

    __slots__ = ("_kept", "_reach", "_threads", "_turns")

    def __init__(self, reach: httpsfetch.Reach | None = None) -> None:
        self._reach = reach or httpsfetch.Reach()
        self._kept: OrderedDict[_Name, _Kept] = OrderedDict()
        self._turns: dict[str, _Turn] = {}
        self._threads = ThreadPoolExecutor(DOCUMENTS, thread_name_prefix="keysets")

    async def of(
        self, account: str, provider: OidcProvider, token: str, now: float
    ) -> tuple[idtokens.Key, ...]:
        """Return the keys that may have signed the token, for an account that has the provider.

        Raises `Unreachable`, and `idtokens.InvalidToken` for what is no token at all.
        """
        if provider.keys is not None:
            return _handed_over(provider.keys)
        kept = self._keep(account, provider)
        async with kept.lock:
            is_fresh = now - kept.fetched_at < FRESH_S
            if not is_fresh or not idtokens.may_be_signed_by(kept.keys, token):
                await self._refresh_in_turn(account, kept, provider, now)
        if now - kept.fetched_at >= STALE_S:
            raise Unreachable(provider.issuer)
        return kept.keys

    def _keep(self, account: str, provider: OidcProvider) -> _Kept:
        name = (account, provider.issuer, provider.thumbprints)
        kept = self._kept.pop(name, None) or _Kept()
        self._kept[name] = kept
        if len(self._kept) > KEPT_MAX:
            greedy = Counter(name[0] for name in self._kept).most_common(1)[0][0]
            del self._kept[next(name for name in self._kept if name[0] == greedy)]
        return kept

    async def _refresh_in_turn(
        self, account: str, kept: _Kept, provider: OidcProvider, now: float
    ) -> None:
        if not _may_be_asked(kept, now):
            return
        turn = self._turns.setdefault(account, _Turn())
        if turn.waiting >= WAITING_MAX:
            raise Unreachable(provider.issuer)
        turn.waiting += 1
        try:
            async with turn.lock:
                await self._refresh(kept, provider, now)
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                del self._turns[account]

    async def _refresh(self, kept: _Kept, provider: OidcProvider, now: float) -> None:
        kept.tried_at = now
        loop = asyncio.get_running_loop()
        try:
            kept.keys = await loop.run_in_executor(self._threads, _fetch, provider, self._reach)
        except (httpsfetch.Unreachable, idtokens.BadKeys) as error:
            kept.failures += 1
            _log.warning("no keys of a provider", issuer=provider.issuer, why=str(error)[:300])
        else:
            kept.failures = 0
            kept.fetched_at = now


def _may_be_asked(kept: _Kept, now: float) -> bool:
    return now - kept.tried_at >= AGAIN_S * 2 ** min(kept.failures, DOUBLED_MAX)


def reach_of(settings: Settings) -> httpsfetch.Reach:
    """Return which servers this cloud may ask."""
    chosen = settings.openid
    return httpsfetch.Reach(
        is_allowed=chosen.fetch, may_be_local=chosen.local, ca_file=chosen.ca_file
    )


@lru_cache(maxsize=64)
def _handed_over(document: str) -> tuple[idtokens.Key, ...]:
    return idtokens.parse_keys(document)


def _fetch(provider: OidcProvider, reach: httpsfetch.Reach) -> tuple[idtokens.Key, ...]:
    """Return a provider's keys: where they are stands in its discovery document."""
    pins = provider.thumbprints
    discovery = httpsfetch.fetch(provider.issuer.rstrip("/") + DISCOVERY, pins, reach)
    try:
        told: Any = json.loads(discovery)
        issuer, place = told["issuer"], told["jwks_uri"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise idtokens.BadKeys("the discovery document does not say where the keys are") from error
    if issuer != provider.issuer or not isinstance(place, str):
        raise idtokens.BadKeys("the discovery document is of another issuer")
    return idtokens.parse_keys(httpsfetch.fetch(place, pins, reach))

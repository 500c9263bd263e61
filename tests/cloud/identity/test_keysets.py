"""Keys of a provider are fetched seldom, kept while it is away, and shared by no two pins."""

import asyncio
import itertools
import threading
from collections.abc import Iterator, Sequence

import pytest
from msgspec.structs import replace

from mallee.cloud.identity import keysets
from mallee.kit import httpsfetch, idtokens
from mallee.kit.httpsfetch import Reach
from mallee.model.identity.providers import SCHEME, OidcProvider
from tests.fakes import oidc

NOW = 1_800_000_000.0
OWN, OTHER = "000000000001", "000000000002"
HOUR_S = 3600.0
AWAY = keysets.AGAIN_S


@pytest.fixture(scope="module")
def running() -> Iterator[oidc.Provider]:
    with oidc.Provider() as provider:
        yield provider


@pytest.fixture
def provider(running: oidc.Provider) -> oidc.Provider:
    running.is_away = False
    running.asked.clear()
    return running


@pytest.fixture
def sets() -> keysets.KeySets:
    return keysets.KeySets(Reach(may_be_local=True))


def known(provider: oidc.Provider) -> OidcProvider:
    return OidcProvider(
        id="OIDC1",
        url=provider.url.removeprefix(SCHEME),
        thumbprints=(provider.thumbprint,),
        created_at=0.0,
    )


def fetches(provider: oidc.Provider) -> int:
    return provider.asked.count("/.well-known/openid-configuration")


async def test_keys_are_fetched_once_in_an_hour(
    sets: keysets.KeySets, provider: oidc.Provider
) -> None:
    token = provider.token()
    for after_s in (0.0, 1.0, HOUR_S - 1):
        assert await sets.of(OWN, known(provider), token, NOW + after_s)
    assert fetches(provider) == 1
    await sets.of(OWN, known(provider), token, NOW + HOUR_S)
    assert fetches(provider) == 2


async def test_many_at_once_are_one_fetch(sets: keysets.KeySets, provider: oidc.Provider) -> None:
    token = provider.token()
    await asyncio.gather(*(sets.of(OWN, known(provider), token, NOW) for _ in range(20)))
    assert fetches(provider) == 1


async def test_keys_of_a_provider_that_is_away_count_for_a_day(
    sets: keysets.KeySets, provider: oidc.Provider
) -> None:
    token = provider.token()
    await sets.of(OWN, known(provider), token, NOW)
    provider.is_away = True
    assert await sets.of(OWN, known(provider), token, NOW + keysets.STALE_S - 1)
    with pytest.raises(keysets.Unreachable):
        await sets.of(OWN, known(provider), token, NOW + keysets.STALE_S + HOUR_S)


async def test_provider_that_fails_is_asked_ever_less(
    sets: keysets.KeySets, provider: oidc.Provider
) -> None:
    provider.is_away = True
    token = provider.token()
    asked_at: list[float] = []
    for second in range(0, 2000, 10):
        before = fetches(provider)
        with pytest.raises(keysets.Unreachable):
            await sets.of(OWN, known(provider), token, NOW + second)
        if fetches(provider) > before:
            asked_at.append(second)
    gaps = [after - before for before, after in itertools.pairwise(asked_at)]
    assert gaps[:3] == [2 * AWAY, 4 * AWAY, 8 * AWAY]
    assert set(gaps[3:]) == {AWAY * 2**keysets.DOUBLED_MAX}
    provider.is_away = False
    assert await sets.of(OWN, known(provider), token, NOW + 3000)


async def test_keys_fetched_for_one_pin_count_for_no_other(
    sets: keysets.KeySets, provider: oidc.Provider
) -> None:
    token = provider.token()
    assert await sets.of(OWN, known(provider), token, NOW)
    with pytest.raises(keysets.Unreachable):
        await sets.of(OWN, replace(known(provider), thumbprints=("0" * 40,)), token, NOW)


async def test_what_is_kept_is_bounded(
    sets: keysets.KeySets, provider: oidc.Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keysets, "KEPT_MAX", 3)
    nowhere = replace(known(provider), url="localhost:1")
    for number in range(10):
        pinned = replace(nowhere, thumbprints=(f"{number:040}",))
        with pytest.raises(keysets.Unreachable):
            await sets.of(OWN, pinned, provider.token(), NOW)
    assert len(sets._kept) == 3


async def test_greedy_account_makes_no_other_forget(
    sets: keysets.KeySets, provider: oidc.Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keysets, "KEPT_MAX", 3)
    token = provider.token()
    await sets.of(OWN, known(provider), token, NOW)
    nowhere = replace(known(provider), url="localhost:1")
    for number in range(10):
        pinned = replace(nowhere, thumbprints=(f"{number:040}",))
        with pytest.raises(keysets.Unreachable):
            await sets.of(OTHER, pinned, token, NOW)
    await sets.of(OWN, known(provider), token, NOW + 1)
    assert fetches(provider) == 1


async def test_servers_that_never_answer_keep_no_other_account_waiting(
    sets: keysets.KeySets, provider: oidc.Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keysets, "WAITING_MAX", 20)
    is_over = threading.Event()
    fetch = httpsfetch.fetch

    def hang(url: str, pins: Sequence[str], reach: Reach) -> bytes:
        if provider.url in url:
            return fetch(url, pins, reach)
        assert is_over.wait(120.0)
        raise httpsfetch.Unreachable(url)

    monkeypatch.setattr(httpsfetch, "fetch", hang)
    token = provider.token()
    silent = [replace(known(provider), url=f"silent{number}.example") for number in range(25)]
    waits = [asyncio.create_task(sets.of(OTHER, one, token, NOW)) for one in silent]
    assert await asyncio.wait_for(sets.of(OWN, known(provider), token, NOW), 60.0)
    assert sum(wait.done() for wait in waits) == 5, "no more wait than may"
    is_over.set()
    ends = await asyncio.gather(*waits, return_exceptions=True)
    assert {type(end) for end in ends} == {keysets.Unreachable}
    assert sets._turns == {}


async def test_what_is_no_token_asks_nobody(sets: keysets.KeySets, provider: oidc.Provider) -> None:
    await sets.of(OWN, known(provider), provider.token(), NOW)
    provider.asked.clear()
    with pytest.raises(idtokens.InvalidToken):
        await sets.of(OWN, known(provider), "nothing", NOW + 100)
    assert provider.asked == []

"""Guests' credentials outlive the agent and an absent cloud, and no change of role."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mallee.kit import clock
from mallee.model.hosts.hosts import (
    CredentialsAnswer,
    CredentialsRequest,
    InstanceWanted,
    ProfileWanted,
    RoleCredentials,
)
from mallee.model.layout import Layout
from mallee.node import cloud, credentials, ledger
from mallee.node.plan.guests import credentials as plan
from tests.handclock import HandClock
from tests.node import wants

INFO = "meta-data/iam/info"
LIST = "meta-data/iam/security-credentials"
WITHIN_S = 60.0


def instance(role: str = "web") -> InstanceWanted:
    profile = ProfileWanted(id="AIPA1", arn="arn:p", role_id=f"AROA-{role}", role_name=role)
    return wants.make_instance(1, profile=profile)


@dataclass
class FakeCloud:
    """Gives credentials by role, numbered."""

    clock: HandClock
    is_away: bool = False
    code: str = "Success"
    asked: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    role_id: str = "AROA-web"

    async def fetch_credentials(self, asked: CredentialsRequest) -> CredentialsAnswer:
        if self.is_away:
            raise cloud.CloudAway("nobody there")
        self.asked.append(asked.instance_ids)
        made = RoleCredentials(
            role_id=self.role_id,
            access_key_id=f"ASIA{len(self.asked)}",
            secret_access_key="secret",
            token="token",
            issued_at=self.clock.time,
            expires_at=self.clock.time + 6 * 3600,
            code=self.code,
            message="no",
        )
        return CredentialsAnswer(dict.fromkeys(asked.instance_ids, made))


@dataclass
class Bench:
    """An agent's keeper of credentials over a ledger."""

    layout: Layout
    clock: HandClock
    cloud: FakeCloud
    book: ledger.Ledger
    generation: int = 0
    keeper: credentials.Keeper | None = None

    def want(self, *instances: InstanceWanted) -> None:
        self.generation += 1
        assert self.book.accept(wants.make_host(self.generation, *instances))
        if self.keeper is not None:
            self.keeper.poke()

    def told(self, name: str, one: InstanceWanted | None = None) -> dict[str, str]:
        assert self.keeper is not None
        paths = self.keeper.paths(one or instance())
        return json.loads(paths[name]) if name in paths else {}

    @asynccontextmanager
    async def agent(self) -> AsyncGenerator[None]:
        self.keeper = credentials.Keeper(self.layout, self.cloud, self.book, self.clock)
        task = asyncio.create_task(self.keeper.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def wait_kept(self) -> None:
        """Wait until a killed agent would find its credentials again."""
        async with asyncio.timeout(WITHIN_S):
            while not (self.layout.node / "credentials.json").exists():
                await asyncio.sleep(0.001)

    async def wait(self, key_id: str) -> None:
        async with asyncio.timeout(WITHIN_S):
            while self.told(f"{LIST}/web").get("AccessKeyId") != key_id:
                await asyncio.sleep(0.001)


@pytest.fixture
def bench(root_dir: Path) -> Bench:
    layout = Layout(root_dir)
    layout.node.mkdir()
    hand = HandClock()
    return Bench(layout, hand, FakeCloud(hand), ledger.Ledger(layout))


async def test_a_guest_is_told_of_its_role(bench: Bench) -> None:
    async with bench.agent():
        bench.want(instance())
        await bench.wait("ASIA1")
        assert bench.told(INFO)["InstanceProfileArn"] == "arn:p"
        assert bench.told(f"{LIST}/web") == {
            "Code": "Success",
            "LastUpdated": "2027-01-15T08:00:00Z",
            "Type": "AWS-HMAC",
            "AccessKeyId": "ASIA1",
            "SecretAccessKey": "secret",
            "Token": "token",
            "Expiration": "2027-01-15T14:00:00Z",
        }
        assert bench.keeper is not None
        assert bench.keeper.paths(wants.make_instance(1)) == {}


async def test_credentials_are_renewed_while_the_old_ones_last(bench: Bench) -> None:
    async with bench.agent():
        bench.want(instance())
        await bench.wait("ASIA1")
        bench.clock.time += plan.RENEW_AFTER_S
        bench.want(instance())
        await bench.wait("ASIA2")


async def test_an_absent_cloud_takes_nothing_away(bench: Bench) -> None:
    async with bench.agent():
        bench.want(instance())
        await bench.wait("ASIA1")
        await bench.wait_kept()
    bench.cloud.is_away = True
    bench.clock.time += 4 * 3600
    async with bench.agent():
        assert bench.told(f"{LIST}/web")["AccessKeyId"] == "ASIA1"
        bench.cloud.is_away = False
        assert bench.keeper is not None
        bench.keeper.poke()
        await bench.wait("ASIA2")


async def test_an_agent_that_comes_back_asks_for_nothing_new(bench: Bench) -> None:
    async with bench.agent():
        bench.want(instance())
        await bench.wait("ASIA1")
        await bench.wait_kept()
    path = bench.layout.node / "credentials.json"
    assert path.stat().st_mode & 0o077 == 0
    async with bench.agent():
        await bench.wait("ASIA1")
    assert len(bench.cloud.asked) == 1


async def test_a_lost_file_is_fetched_again(bench: Bench) -> None:
    (bench.layout.node / "credentials.json").write_bytes(b"\x00{")
    async with bench.agent():
        bench.want(instance())
        await bench.wait("ASIA1")


async def test_another_role_ends_what_was_told_of_the_first(bench: Bench) -> None:
    async with bench.agent():
        bench.want(instance())
        await bench.wait("ASIA1")
        bench.cloud.is_away = True
        bench.want(instance("mighty"))
        assert bench.told(f"{LIST}/mighty", instance("mighty")) == {}
        assert bench.told(INFO, instance("mighty"))["Code"] == "Success"


async def test_a_refusal_is_told_with_its_reason(bench: Bench) -> None:
    bench.cloud.code = "AssumeRoleUnauthorizedAccess"
    async with bench.agent():
        bench.want(instance())
        async with asyncio.timeout(WITHIN_S):
            while not bench.told(f"{LIST}/web"):
                await asyncio.sleep(0.001)
        told = bench.told(f"{LIST}/web")
        assert (told["Code"], told["Message"]) == ("AssumeRoleUnauthorizedAccess", "no")
        assert "Token" not in told


def test_a_deleted_profile_is_told_to_be_gone(bench: Bench) -> None:
    bench.keeper = credentials.Keeper(bench.layout, bench.cloud, bench.book, clock.SYSTEM)
    gone = ProfileWanted(id="AIPA1", arn="arn:p", is_there=False)
    told = bench.told(INFO, wants.make_instance(1, profile=gone))
    assert told["Code"] == "InstanceProfileNotFound"

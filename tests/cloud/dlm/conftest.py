"""What the tests of lifecycle policies begin with: EC2's world, a role, a clock of their own."""

import asyncio
import json
from typing import Any

import pytest

from mallee.cloud.reconcile.storage import lifecycles
from mallee.kit import clock
from tests.cloud.ec2.conftest import administration as administration
from tests.cloud.ec2.conftest import alice as alice
from tests.cloud.ec2.conftest import bob as bob
from tests.cloud.ec2.conftest import front as front
from tests.cloud.ec2.conftest import host as host
from tests.cloud.ec2.conftest import iam as iam
from tests.cloud.ec2.conftest import settings as settings
from tests.cloud.ec2.conftest import world as world
from tests.cloud.ec2.storage.test_snapshots import Cutting
from tests.cloud.ec2.world import FakeHost, Front, World

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "dlm.amazonaws.com"},
            "Action": "sts:AssumeRole",
        },
    }
)
MANAGED = "arn:aws:iam::aws:policy/service-role/AWSDataLifecycleManagerServiceRole"


class Later:
    """A clock that is ahead of the machine's by as much as is wanted."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now(self) -> float:
        return clock.SYSTEM.now() + self.ahead_s

    def monotonic(self) -> float:
        return clock.SYSTEM.monotonic()


class Days:
    """Lets time pass for Bob's policies, and has a host answer what they ask."""

    def __init__(self, front: Front, world: World, host: FakeHost) -> None:
        self.clock = Later()
        self.cutting = Cutting(front, host, world)
        self._front, self._world, self._host = front, world, host

    def settle(self, policy: str, later_s: float = 0.0) -> None:
        """Let time pass, and the reconciler look at a policy once."""
        self.clock.ahead_s += later_s
        means = lifecycles.Means(self._world.cloud, self.clock)

        async def work() -> None:
            answers = asyncio.create_task(self._answer())
            try:
                await lifecycles.settle_one(means, policy)
            finally:
                answers.cancel()

        self._front.run(work()).result(60)
        self._host.settle()

    async def _answer(self) -> None:
        asks = self._world.cloud.asks
        while True:
            await asks.wait_asked(self._host.id)
            for asked in asks.take(self._host.id):
                asks.answer(self._host.id, asked.id, self.cutting.cut(asked))


@pytest.fixture
def days(front: Front, world: World, host: FakeHost) -> Days:
    return Days(front, world, host)


@pytest.fixture
def dlm(front: Front, world: World) -> Any:
    """Lifecycle policies, for Bob."""
    return front.client("bob", "dlm")


@pytest.fixture
def role(iam: Any) -> str:
    """A role of Bob's with the rights that AWS gives the service."""
    made = iam.create_role(RoleName="lifecycle", AssumeRolePolicyDocument=TRUST)["Role"]
    iam.attach_role_policy(RoleName="lifecycle", PolicyArn=MANAGED)
    return made["Arn"]

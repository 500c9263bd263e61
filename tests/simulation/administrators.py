"""The administrator of a simulated cloud: takes hosts out of work, and lets them take part again,
and has guests go from host to host.

What cannot be (maintenance under guests that run, a role that is needed) is refused, and nothing
comes of it.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from mallee.aws import errors
from mallee.cloud.call import Principal
from mallee.cloud.state import records
from mallee.model.compute.instances import Power
from mallee.model.hosts.standing import ALL_ROLES, Role
from tests.simulation.frontends import FrontEnd

_STANDINGS = ("enabled", "enabled", "disabled", "draining", "maintenance")
_ALL = tuple(role.value for role in ALL_ROLES)
_ROLES = (_ALL, _ALL, tuple(role for role in _ALL if role != Role.GATEWAY.value))


class Administrator:
    """Somebody who may change hosts."""

    def __init__(
        self, who: Principal, choose: Callable[[], FrontEnd | None], rng: random.Random
    ) -> None:
        self.who = who
        self._choose = choose
        self._rng = rng

    async def live(self, host_ids: tuple[str, ...], pause_s: float) -> None:
        """Change something now and then, until cancelled."""
        while True:
            await asyncio.sleep(self._rng.expovariate(1 / pause_s))
            host_id = self._rng.choice(host_ids)
            if self._rng.random() < 0.6:
                await self._migrate()
            elif self._rng.random() < 0.6:
                await self._change(host_id, Standing=self._rng.choice(_STANDINGS))
            else:
                await self._change(host_id, Roles=list(self._rng.choice(_ROLES)))

    async def mend(self, host_ids: tuple[str, ...]) -> None:
        """Have all hosts do everything again."""
        for host_id in host_ids:
            while not await self._change(host_id, Standing="enabled", Roles=list(_ALL)):
                await asyncio.sleep(1.0)

    async def _migrate(self) -> None:
        """Have a guest go to another host."""
        front_end = self._choose()
        if front_end is not None:
            running = [
                one.id
                for one in front_end.store.view.list(records.INSTANCE)
                if one.doc.power is Power.RUNNING
            ]
            if running:
                await self._ask("MigrateInstance", InstanceId=self._rng.choice(running))

    async def _change(self, host_id: str, **asked: Any) -> bool:
        """Change a host; tell whether that was possible."""
        return await self._ask("ModifyHost", HostId=host_id, **asked)

    async def _ask(self, operation: str, **asked: Any) -> bool:
        front_end = self._choose()
        if front_end is None:
            return False
        try:
            await front_end.ask(self.who, operation, asked, "mallee")
        except errors.AwsError:
            return False
        return True

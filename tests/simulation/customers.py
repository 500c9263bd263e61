"""Customers of a simulated cloud: they ask for things, again when they hear nothing, and remember.

Whatever makes something bears a client token, and is sent again, to any front end, until it is
answered: so what was asked for once is there once. What a customer was told is kept as a promise,
to which the cloud is held (`laws`).
"""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from mallee.aws import errors
from mallee.cloud.call import Principal
from mallee.cloud.state import records
from mallee.cloud.state.view import View
from mallee.model.compute.instances import Power
from tests.simulation.cables import Cables, Lost
from tests.simulation.frontends import FrontEnd

PATIENCE_S = 10.0
"""How long a client waits for an answer before it asks again."""
TRIES = 12
LEAVING_TRIES = 20
_INSTANCE = re.compile(r"<instanceId>(i-[0-9a-f]{17})</instanceId>")
_VOLUME = re.compile(r"<volumeId>(vol-[0-9a-f]{17})</volumeId>")
_SNAPSHOT = re.compile(r"<snapshotId>(snap-[0-9a-f]{17})</snapshotId>")
_ADDRESS = re.compile(r"<allocationId>(eipalloc-[0-9a-f]{17})</allocationId>")

Choose = Callable[[], FrontEnd | None]
"""Chooses a front end that runs."""


@dataclass(slots=True)
class Promises:
    """What customers were told."""

    by_token: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """What each token made, as its answers said; one of them is right."""
    terminated: set[str] = field(default_factory=set[str])
    given_back: set[str] = field(default_factory=set[str])
    """What was to be deleted, whatever was answered."""
    answered: int = 0
    refused: int = 0
    given_up: int = 0


class Customer:
    """Somebody with an account, and a way to the cloud."""

    def __init__(self, who: Principal, cables: Cables, choose: Choose, rng: random.Random) -> None:
        self.who = who
        self.promises = Promises()
        self._cables = cables
        self._choose = choose
        self._rng = rng
        self._count = 0
        # Each likes some things and hardly ever asks for others.
        self._likes = [weight * rng.random() ** 2 for weight in (6, 3, 3, 4, 8, 6, 2, 4, 5, 3, 2)]

    async def live(self, image_id: str, pause_s: float) -> None:
        """Want something now and then, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(self._rng.expovariate(1 / pause_s))
                group.create_task(self._want(image_id))

    async def ask(self, operation: str, **asked: Any) -> str | None:
        """Ask until there is an answer; None: it was refused, or never came."""
        for _ in range(TRIES):
            front_end = self._choose()
            if front_end is None:
                await asyncio.sleep(1.0)
                continue
            try:
                answer = await self._call(front_end, operation, asked)
            except Lost:
                continue
            except errors.AwsError as error:
                if error.is_ours and error.status >= 500 and not _is_shortage(error):
                    raise
                self.promises.refused += 1
                return None
            self.promises.answered += 1
            return answer
        self.promises.given_up += 1
        return None

    def _call(self, at: FrontEnd, operation: str, asked: dict[str, Any]) -> Awaitable[str]:
        return self._cables.call(
            ("customers", at.name), lambda: at.ask(self.who, operation, dict(asked)), PATIENCE_S
        )

    async def _want(self, image_id: str) -> None:
        view = self._view()
        if view is None:
            return
        wishes: tuple[Callable[[View], Awaitable[None]], ...] = (
            lambda view: self._run(image_id),
            self._terminate,
            self._power,
            self._make_volume,
            self._attach,
            self._detach,
            self._delete_volume,
            self._address,
            self._snapshot,
            self._restore,
            self._delete_snapshot,
        )
        [wish] = self._rng.choices(wishes, self._likes)
        await wish(view)

    def _view(self) -> View | None:
        front_end = self._choose()
        return front_end.store.view if front_end else None

    def _token(self) -> str:
        self._count += 1
        return f"token-{self._count}"

    async def _made(self, token: str, found: re.Pattern[str], answer: str | None) -> None:
        if answer is not None:
            self.promises.by_token.setdefault(token, set()).update(found.findall(answer))

    async def _run(self, image_id: str) -> None:
        token = self._token()
        asked: dict[str, Any] = {
            "ImageId": image_id,
            "MinCount": 1,
            "MaxCount": self._rng.choice((1, 1, 1, 3)),
            "InstanceType": "t2.micro",
            "ClientToken": token,
        }
        answer = await self.ask("RunInstances", **asked)
        await self._made(token, _INSTANCE, answer)
        if answer is not None and self._rng.random() < 0.3:
            # Somebody's script has crashed, and runs from its beginning.
            again = await self.ask("RunInstances", **asked)
            await self._made(token, _INSTANCE, again)

    async def _terminate(self, view: View) -> None:
        id = self._some_instance(view)
        if id and await self.ask("TerminateInstances", InstanceIds=[id]):
            self.promises.terminated.add(id)

    async def _power(self, view: View) -> None:
        id = self._some_instance(view)
        operation = self._rng.choice(("StopInstances", "StartInstances", "RebootInstances"))
        if id:
            await self.ask(operation, InstanceIds=[id])

    async def _make_volume(self, view: View, snapshot: str = "") -> None:
        token = self._token()
        source = {"SnapshotId": snapshot} if snapshot else {"Size": 1}
        answer = await self.ask(
            "CreateVolume", AvailabilityZone="us-east-1a", ClientToken=token, **source
        )
        await self._made(token, _VOLUME, answer)

    async def _snapshot(self, view: View) -> None:
        volume = self._some_volume(view)
        if volume:
            answer = await self.ask("CreateSnapshot", VolumeId=volume)
            await self._made(self._token(), _SNAPSHOT, answer)

    async def _restore(self, view: View) -> None:
        snapshot = self._some_snapshot(view)
        if snapshot:
            await self._make_volume(view, snapshot)

    async def _delete_snapshot(self, view: View) -> None:
        snapshot = self._some_snapshot(view)
        if snapshot:
            self.promises.given_back.add(snapshot)
            await self.ask("DeleteSnapshot", SnapshotId=snapshot)

    async def _attach(self, view: View) -> None:
        volume, instance = self._some_volume(view), self._some_instance(view)
        if volume and instance:
            device = f"/dev/sd{self._rng.choice('fghij')}"
            await self.ask("AttachVolume", VolumeId=volume, InstanceId=instance, Device=device)

    async def _detach(self, view: View) -> None:
        volume = self._some_volume(view)
        if volume:
            force = self._rng.random() < 0.2
            await self.ask("DetachVolume", VolumeId=volume, **({"Force": True} if force else {}))

    async def _delete_volume(self, view: View) -> None:
        volume = self._some_volume(view)
        if volume:
            self.promises.given_back.add(volume)
            await self.ask("DeleteVolume", VolumeId=volume)

    async def _address(self, view: View) -> None:
        addresses = [one.id for one in view.list(records.ADDRESS, self.who.account)]
        instance = self._some_instance(view)
        if not addresses or (len(addresses) < 4 and self._rng.random() < 0.4):
            await self.ask("AllocateAddress", Domain="vpc")
        elif self._rng.random() < 0.2:
            await self.ask("ReleaseAddress", AllocationId=self._rng.choice(addresses))
        elif instance:
            address = self._rng.choice(addresses)
            again = {"AllowReassociation": True} if self._rng.random() < 0.5 else {}
            await self.ask("AssociateAddress", AllocationId=address, InstanceId=instance, **again)

    def _some_instance(self, view: View) -> str:
        found = [
            one.id
            for one in view.list(records.INSTANCE, self.who.account)
            if one.doc.power is not Power.TERMINATED
        ]
        return self._rng.choice(found) if found else ""

    def _some_volume(self, view: View) -> str:
        found = [one.id for one in view.list(records.VOLUME, self.who.account)]
        return self._rng.choice(found) if found else ""

    def _some_snapshot(self, view: View) -> str:
        found = [one.id for one in view.list(records.SNAPSHOT, self.who.account)]
        return self._rng.choice(found) if found else ""

    async def leave(self, view: Callable[[], View]) -> None:
        """Give everything back; what is in use is asked for again a while later."""
        account = self.who.account
        for _ in range(LEAVING_TRIES):
            for one in view().list(records.INSTANCE, account):
                if one.doc.power is not Power.TERMINATED:
                    await self.ask("TerminateInstances", InstanceIds=[one.id])
            for address in view().list(records.ADDRESS, account):
                if address.doc.association_id:
                    association = address.doc.association_id
                    await self.ask("DisassociateAddress", AssociationId=association)
                await self.ask("ReleaseAddress", AllocationId=address.id)
            for snapshot in view().list(records.SNAPSHOT, account):
                await self.ask("DeleteSnapshot", SnapshotId=snapshot.id)
            left = view().list(records.VOLUME, account)
            for volume in left:
                await self.ask("DeleteVolume", VolumeId=volume.id)
            if not left:
                return
            await asyncio.sleep(5.0)


def _is_shortage(error: errors.AwsError) -> bool:
    return "Insufficient" in error.code or "Unavailable" in error.code

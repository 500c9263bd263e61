"""Leases of the LAN's DHCP servers for this host's guests (`system`): got, kept, given back.

Part of the reconciler, which tells it what is wanted, reports what it has and waits with a guest
until it has an address. Servers are asked on the host's own bridge, before anything of the guest is
there; what they answer to a guest that runs arrives at its VPC's leg, so that is listened to as
well. A lease is on disk before anybody is told of it: an agent that begins anew asks for it again,
and gives back what nobody wants any more.
Lives in the agent's loop. What is said and believed is `dhcpclient`'s business.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from mallee.kit import files, logs
from mallee.kit.clock import Clock
from mallee.model.compute.instances import Reason
from mallee.model.hosts.hosts import HostWanted
from mallee.model.layout import Layout
from mallee.model.network.modes import LeaseSeen, LeaseWanted
from mallee.node.do.network import namespaces
from mallee.node.modes import dhcpclient, duplicates, lanframes, legs
from mallee.node.modes.dhcpclient import Client, Moment, Say
from mallee.node.modes.lanlinks import Link
from mallee.node.modes.leases import Lease

ANSWER_S = 30.0
"""So long a guest that starts waits for an address."""
LOOK_S = 3.0
NO_ADDRESS = "Server.InsufficientFreeAddressesInSubnet"
_CHANCES = 1 << 32

log = logs.get(__name__)


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A lease on disk, with whose it is."""

    wanted: LeaseWanted
    lease: Lease


@dataclass(slots=True)
class _Held:
    """An interface that has a lease, or asks for one."""

    wanted: LeaseWanted
    client: Client
    kept: Lease | None = None
    """What is on disk, and told."""


@dataclass(slots=True)
class LeaseKeeper:
    """The leases of one host's guests."""

    layout: Layout
    clock: Clock
    news: Callable[[str], None]
    """Called with the id of an instance about whose leases there is news."""
    is_elsewhere: Callable[[str], bool]
    """Whether an instance that is wanted here no more is another host's: then its lease is too."""
    _wanted: HostWanted | None = None
    _held: dict[str, _Held] = field(default_factory=dict[str, _Held])
    _links: dict[tuple[str, str], Link] = field(default_factory=dict[tuple[str, str], Link])
    _poked: asyncio.Event = field(default_factory=asyncio.Event)
    _link_trouble: str = ""
    _has_looked: bool = False

    def want(self, wanted: HostWanted) -> None:
        """Have these leases kept."""
        self._wanted = wanted
        self._poked.set()

    def leases(self) -> Mapping[str, Lease]:
        """Return the leases that there are, by interface."""
        return {id: one.kept for id, one in self._held.items() if one.kept is not None}

    def seen(self, instance_id: str) -> tuple[LeaseSeen, ...]:
        """Return what the cloud is told of an instance's leases."""
        return tuple(
            LeaseSeen(interface_id=id, private_ip=one.kept.address)
            for id, one in sorted(self._held.items())
            if one.wanted.instance_id == instance_id and one.kept is not None
        )

    def trouble(self, instance_id: str) -> str:
        """Return what keeps a guest from its address, in words; empty: nothing does."""
        waiting = (one for one in self._held.values() if one.kept is None)
        its = (one for one in waiting if one.wanted.instance_id == instance_id)
        return next((self._words(one) for one in its), "")

    def failure(self, instance_id: str) -> Reason | None:
        """Return why a guest cannot start; None: nothing is known against it."""
        patient_since = self.clock.now() - ANSWER_S
        for one in self._held.values():
            is_its = one.wanted.instance_id == instance_id and not one.wanted.private_ip
            if is_its and one.kept is None and one.client.since < patient_since:
                return Reason(NO_ADDRESS, f"{self._words(one)}.")
        return None

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences of guests that run under addresses that are not leased to them any more."""
        return tuple(
            f"{one.wanted.instance_id} runs with {one.wanted.private_ip}, but {self._words(one)}."
            for one in self._held.values()
            if one.wanted.private_ip and one.kept is None and one.client.trouble
        )

    async def run(self) -> None:
        """Keep leases until cancelled; they stay."""
        try:
            while True:
                self._poked.clear()
                wait_s = LOOK_S
                try:
                    await self._look()
                    wait_s = self._rest_s()
                except OSError as error:
                    # The disk's fault, or a namespace's that goes: all is looked at again.
                    log.error("leases cannot be looked after", error=str(error))
                try:
                    async with asyncio.timeout(wait_s):
                        await self._poked.wait()
                except TimeoutError:
                    continue
        finally:
            for key in list(self._links):
                self._close(key)

    def _rest_s(self) -> float:
        """How long there is nothing to do of itself."""
        wake_at = min((one.client.wake_at for one in self._held.values()), default=None)
        return LOOK_S if wake_at is None else min(max(wake_at - self.clock.now(), 0.0), LOOK_S)

    def _words(self, one: _Held) -> str:
        mode = self._wanted.mode if self._wanted is not None else None
        device = mode.device if mode is not None else ""
        silent = f"no DHCP server of the LAN answered to {one.wanted.mac} by {device}"
        why = one.client.trouble or self._link_trouble or silent
        return f"{why}; see that the LAN's DHCP server hears this host and has free addresses"

    async def _look(self) -> None:
        wanted = self._wanted
        if wanted is None:
            return
        mode = wanted.mode
        told = mode.leases if mode is not None else ()
        if not self._has_looked or told or self._held:
            network = mode.subnet if mode is not None else ""
            await self._take_in({one.interface_id: one for one in told}, network)
        await self._open_links()
        await self._decline_own()
        now = self.clock.now()
        for id, one in list(self._held.items()):
            self._do(id, dhcpclient.on_time(one.client, now, self._chance()))
        await self._write_down()

    async def _decline_own(self) -> None:
        """Take no address that this host itself has: it does not hear its own question."""
        tried = [one.client.tried for one in self._held.values() if one.client.tried is not None]
        own = await asyncio.to_thread(duplicates.fetch_own) if tried else frozenset[str]()
        mac = next((it.mac for key, it in self._links.items() if key[0] == namespaces.HOST), "")
        for address in own & {one.address for one in tried}:
            at = Moment(self.clock.now(), self._chance())
            for id, one in list(self._held.items()):
                self._do(id, dhcpclient.on_neighbour(one.client, address, mac, at))

    async def _take_in(self, told: Mapping[str, LeaseWanted], network: str) -> None:
        """Begin with what is new, and give back what is wanted no more."""
        if not self._has_looked:
            found = await asyncio.to_thread(self._read)
            self._has_looked = True
            for id, kept in found.items():
                client = self._begun(kept.wanted, network or f"{kept.lease.address}/32")
                self._held[id] = _Held(
                    kept.wanted, dhcpclient.returned(client, kept.lease), kept.lease
                )
        for id, one in told.items():
            if id in self._held:
                self._held[id].wanted = one
            else:
                self._held[id] = _Held(one, self._begun(one, network))
        for id in self._held.keys() - told.keys():
            await self._give_back(id)

    def _begun(self, wanted: LeaseWanted, network: str) -> Client:
        return dhcpclient.begun(wanted.mac, network, self.clock.now(), wanted.private_ip)

    async def _give_back(self, id: str) -> None:
        one = self._held[id]
        if not await asyncio.to_thread(self.is_elsewhere, one.wanted.instance_id):
            await self._open_links()
            for act in dhcpclient.released(one.client, self._chance()):
                self._act(act)
        del self._held[id]
        await asyncio.to_thread(self._path(id).unlink, missing_ok=True)

    # The LAN

    async def _open_links(self) -> None:
        """Listen on the bridge, and on the legs of VPCs whose guests have addresses."""
        mode = self._wanted.mode if self._wanted is not None else None
        device = mode.device if mode is not None else ""
        keys = {(namespaces.HOST, device)} if self._held and device else set[tuple[str, str]]()
        keys |= {
            (self.layout.vpc_namespace(one.wanted.vpc_id), legs.device(0))
            for one in self._held.values()
            if one.wanted.private_ip
        }
        for key in self._links.keys() - keys:
            self._close(key)
        for key in keys - self._links.keys():
            try:
                self._links[key] = link = await asyncio.to_thread(Link, *key)
            except OSError as error:
                if key[0] == namespaces.HOST:
                    self._link_trouble = f"the bridge {device} cannot be used: {error.strerror}"
                continue
            asyncio.get_running_loop().add_reader(link.fileno(), self._hear, key)
            self._link_trouble = ""

    def _close(self, key: tuple[str, str]) -> None:
        link = self._links.pop(key, None)
        if link is not None:
            asyncio.get_running_loop().remove_reader(link.fileno())
            link.close()

    def _hear(self, key: tuple[str, str]) -> None:
        """Take what has come by a link. A device that is gone is looked for again."""
        own = {link.mac for link in self._links.values()}
        try:
            heard = list(self._links[key].received())
        except OSError:
            self._close(key)
            return
        for what in heard:
            at = Moment(self.clock.now(), self._chance())
            for id, one in self._held.items():
                if isinstance(what, lanframes.Came):
                    after = dhcpclient.on_answer(one.client, what.answer, what.mac, at)
                elif what.mac not in own:
                    after = dhcpclient.on_neighbour(one.client, what.address, what.mac, at)
                else:
                    continue
                if after[0] is not one.client:
                    self._do(id, after)
                    self._poked.set()
                    break

    def _do(self, id: str, after: dhcpclient.Next) -> None:
        one = self._held[id]
        if after[0].trouble and after[0].trouble != one.client.trouble:
            log.warning("lease", interface=id, trouble=after[0].trouble)
        one.client = after[0]
        for act in after[1]:
            self._act(act)

    def _act(self, act: dhcpclient.Act) -> None:
        link = next((it for key, it in self._links.items() if key[0] == namespaces.HOST), None)
        if link is None:
            return
        if isinstance(act, Say):
            frame = lanframes.question(act.question, link.mac, act.server, act.server_mac)
        else:
            frame = lanframes.probe(link.mac, act.address)
        try:
            link.send(frame)
        except OSError as error:
            # Said again in its time; the device may be back by then.
            self._link_trouble = f"nothing can be sent by {link.device}: {error.strerror}"

    # The disk

    async def _write_down(self) -> None:
        for id, one in list(self._held.items()):
            lease = one.client.lease
            if lease == one.kept:
                continue
            try:
                await asyncio.to_thread(self._put, id, one.wanted, lease)
            except OSError as error:
                log.error("a lease cannot be written down", interface=id, error=str(error))
                continue
            before, one.kept = one.kept, lease
            if before is None or lease is None or before.address != lease.address:
                self.news(one.wanted.instance_id)

    def _put(self, id: str, wanted: LeaseWanted, lease: Lease | None) -> None:
        path = self._path(id)
        if lease is None:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.write_atomically(path, msgspec.json.encode(Kept(wanted=wanted, lease=lease)))

    def _read(self) -> dict[str, Kept]:
        found: dict[str, Kept] = {}
        for path in sorted(self._path("*").parent.glob("*.json")):
            try:
                found[path.stem] = msgspec.json.decode(path.read_bytes(), type=Kept)
            except msgspec.DecodeError as error:
                # What it says is lost, not the address: the server knows whose it is.
                log.warning("a lease cannot be read", path=str(path), error=str(error))
                path.unlink()
        return found

    def _path(self, id: str) -> Path:
        return self.layout.node / "lan-leases" / f"{id}.json"

    def _chance(self) -> int:
        return random.getrandbits(32)

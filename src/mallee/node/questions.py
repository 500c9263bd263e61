"""What the cloud asks of this host's instances: what one said, its screen, its plan.

Each question is answered by itself, a few at a time, so that a guest that is slow to be looked at
holds up neither what is wanted nor other questions. What cannot be answered is told in words.
Called by `sync` with what came along with the cloud's answer. Not its business: who may ask.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address

import msgspec

from mallee.kit import logs
from mallee.model import ids
from mallee.model.hosts import checks, hosts
from mallee.model.hosts.checks import CheckAsk
from mallee.model.hosts.hosts import Ask, HostWanted
from mallee.model.hosts.plans import HostPlan
from mallee.model.packets import traces
from mallee.model.packets.traces import TraceAsk
from mallee.node import apply, cloud, lines, tracing
from mallee.node.checks import answers, listening
from mallee.node.do.guests import console
from mallee.node.do.guests.hypervisor import HypervisorFailed
from mallee.node.host import Host
from mallee.node.metadata import pushedkeys
from mallee.node.plan.guests import domain

AT_ONCE = 4
"""Questions that are looked into at the same time; more wait."""
UNDER_WAY_MAX = 1024
"""So many are under way, lines among them; more have no answer. It is more than all front ends ask
that keep to their own bounds."""

PROBE_PAUSE_S = 1.0
"""Between two probes: while one is under way, nothing else of the host's network is changed."""

log = logs.get(__name__)


@dataclass(slots=True)
class Questions:
    """Answers questions about the instances of `host` at the cloud's `door`."""

    door: cloud.Cloud
    host: Host
    explain: Callable[[str], Awaitable[HostPlan]]
    """Tells what would be done now for an instance, or for all."""
    wanted: Callable[[], HostWanted | None]
    """Tells what was last wanted of this host."""
    cut: Callable[[str], Awaitable[bytes]]
    """Cuts volumes for snapshots."""
    pushed: pushedkeys.PushedKeys
    """Where SSH keys go that an instance shall be shown."""
    _ears: listening.Ears = field(default_factory=listening.Ears)
    _probing: threading.Lock = field(default_factory=threading.Lock)
    _probed_at: float = -PROBE_PAUSE_S
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _under_way: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    def take(self, ask: Ask) -> None:
        """Begin to answer a question, unless too many are under way."""
        if len(self._under_way) >= UNDER_WAY_MAX:
            log.warning("too many questions", kind=ask.kind)
            return
        task = asyncio.create_task(self._answer(ask))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _answer(self, ask: Ask) -> None:
        if ask.kind in (hosts.ASK_SERIAL_LINE, hosts.ASK_SCREEN_LINE, hosts.ASK_TUNNEL):
            await self._carry(ask)
            return
        try:
            async with self._turns:
                try:
                    answer = await self._find(ask)
                except apply.FAILURES as error:
                    log.warning("question not answered", kind=ask.kind, error=str(error))
                    await self.door.refuse(ask.id, f"Host {self.host.name}: {error}")
                else:
                    await self.door.answer(ask.id, answer)
        except (cloud.CloudAway, cloud.Refused) as error:
            log.info("answer refused", error=str(error))

    async def _carry(self, ask: Ask) -> None:
        """Be the host's end of a line, which takes nobody's turn for as long as it lasts."""
        try:
            try:
                guest = await self._connect(ask)
            except (HypervisorFailed, OSError) as error:
                log.warning("no line", instance=ask.instance_id, error=str(error))
                why = "the instance's console cannot be opened"
                await self.door.refuse(ask.id, f"Host {self.host.name}: {why}")
            else:
                await lines.carry(self.door, ask.id, guest)
        except (cloud.CloudAway, cloud.Refused) as error:
            log.info("line refused", error=str(error))

    async def _connect(self, ask: Ask) -> socket.socket:
        if ask.kind == hosts.ASK_TUNNEL:
            return await self._dig(ask)
        if ask.kind == hosts.ASK_SCREEN_LINE:
            uuid = domain.uuid_of(ask.instance_id)
            # Opening it takes a turn: a QEMU that does not answer would keep a thread for each.
            async with self._turns:
                return await asyncio.to_thread(self.host.hypervisor.open_screen, uuid)
        directory = domain.directory_of(self.host.layout, ask.instance_id)
        return await lines.connect(directory / domain.CONSOLE_SOCKET)

    async def _find(self, ask: Ask) -> bytes:
        if ask.kind in (hosts.ASK_PLAN, hosts.ASK_PLANS):
            return msgspec.json.encode(await self.explain(ask.instance_id))
        if ask.kind == hosts.ASK_CUT:
            return await self.cut(ask.detail)
        if ask.kind == hosts.ASK_PUSH_KEY:
            self._push(ask)
            return b""
        if ask.kind == traces.ASK_TRACE:
            return await asyncio.to_thread(self._trace, ask)
        if ask.kind == checks.ASK_CHECK:
            return await asyncio.to_thread(self._check, ask)
        return await asyncio.to_thread(read, self.host, ask)

    async def _dig(self, ask: Ask) -> socket.socket:
        """Return a connection from an endpoint of this host to an address in its VPC."""
        try:
            wanted = msgspec.json.decode(ask.detail, type=hosts.TunnelWanted)
            address = str(IPv4Address(wanted.private_ip)), wanted.port
        except ValueError as error:
            raise HypervisorFailed("not a tunnel") from error
        if not ids.is_well_formed(wanted.interface_id, "eni"):
            raise HypervisorFailed("not an endpoint's interface")
        namespace = self.host.layout.endpoint_namespace(wanted.interface_id)
        return await lines.connect_from(namespace, address)

    def _trace(self, ask: Ask) -> bytes:
        try:
            asked = msgspec.json.decode(ask.detail, type=TraceAsk)
        except ValueError as error:
            raise HypervisorFailed("that is no packet to ask about") from error
        if not asked.is_probe:
            return msgspec.json.encode(tracing.tell(self.host, self.wanted(), asked))
        if not self._probing.acquire(blocking=False):
            raise HypervisorFailed("another probe is under way; try again in some seconds")
        try:
            passed_s = self.host.clock.now() - self._probed_at
            time.sleep(max(0.0, min(PROBE_PAUSE_S, PROBE_PAUSE_S - passed_s)))
            return msgspec.json.encode(tracing.tell(self.host, self.wanted(), asked))
        finally:
            self._probed_at = self.host.clock.now()
            self._probing.release()

    def _check(self, ask: Ask) -> bytes:
        here = answers.Here(self.host.layout, self.wanted(), self._ears)
        try:
            asked = msgspec.json.decode(ask.detail, type=CheckAsk)
            return checks.pack(answers.tell(here, asked))
        except (ValueError, answers.NotAsked) as error:
            raise HypervisorFailed(f"that is no check: {error}") from error

    def _push(self, ask: Ask) -> None:
        try:
            key = msgspec.json.decode(ask.detail, type=hosts.PushedKey)
            self.pushed.push(ask.instance_id, key)
        except ValueError as error:
            raise HypervisorFailed("the key cannot be shown to the instance") from error


def read(host: Host, ask: Ask) -> bytes:
    """Return the answer to a question; blocks. Raises `HypervisorFailed` and `OSError`."""
    match ask.kind:
        case hosts.ASK_CONSOLE:
            return console.read(host.layout, ask.instance_id)
        case hosts.ASK_SCREEN | hosts.ASK_WAKENED_SCREEN:
            uuid = domain.uuid_of(ask.instance_id)
            if ask.kind == hosts.ASK_WAKENED_SCREEN:
                host.hypervisor.press_key(uuid)
            return host.hypervisor.fetch_screen(uuid)
        case hosts.ASK_INTERRUPT:
            host.hypervisor.interrupt(domain.uuid_of(ask.instance_id))
            return b""
        case kind:
            raise HypervisorFailed(f"this agent knows no question of the kind {kind[:32]!r}")

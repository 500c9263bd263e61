"""The agent's process: `python -m mallee.node.daemon --root DIR`.

It wires settings, ledger, hypervisor, network, metadata and sync together and holds no rule.
The supervisor starts it as root; SIGTERM ends it and leaves every guest running.
"""

import argparse
import asyncio
import secrets
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from mallee.kit import clock, files, logs, openfiles
from mallee.model.configuration.settings import Settings
from mallee.model.layout import Layout
from mallee.model.network import gateways
from mallee.node import (
    cloud,
    credentials,
    ending,
    facts,
    flowlogs,
    host,
    imagekeeper,
    ledger,
    otherhosts,
    passes,
    questions,
    reconcile,
    silence,
    sync,
)
from mallee.node.checks import voice
from mallee.node.do.guests import libvirt
from mallee.node.do.network import network
from mallee.node.do.storage import images
from mallee.node.gateways import keeper as gatewaykeeper
from mallee.node.gateways import lookout
from mallee.node.metadata import gateway, pushedkeys, service
from mallee.node.plan.guests.domain import HostTraits
from mallee.node.plan.guests.instances import Rules
from mallee.node.transfers import transfers
from mallee.node.volumes import departures, pinkeeper, uploads, volumekeys, volumeplace

OPEN_FILES = 65536
"""Guests' connections are open files of the agent; programs that it starts look at each possible
one, so there are not more than that."""
THREADS = 2 * reconcile.STEPS_AT_ONCE
"""Half of them for guests' steps: most of these wait for libvirt or a program, and must not keep
the host from being heard, nor its gateway from its turn."""


@dataclass(frozen=True, slots=True)
class _Means:
    """What the loops of the agent stand on."""

    settings: Settings
    standing: facts.Standing
    door: cloud.Cloud
    here: host.Host
    book: ledger.Ledger
    keeper: credentials.Keeper
    pushed: pushedkeys.PushedKeys
    kept: imagekeeper.ImageKeeper
    leading: gatewaykeeper.GatewayKeeper


def main() -> None:
    """Read the command line and run the agent until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="mallee-node", description="Mallee's host agent.")
    parser.add_argument("--root", type=Path, required=True, help="the cloud's root directory")
    layout = Layout(parser.parse_args().root.resolve())
    logs.configure("node", layout.log / "node.log")
    openfiles.raise_limit(OPEN_FILES)
    asyncio.run(ending.run_until_told(run(layout)))


async def run(layout: Layout) -> None:
    """Run the agent of the cloud under `layout.root` until it is cancelled."""
    layout.node.mkdir(parents=True, exist_ok=True, mode=0o711)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, "step"))
    configured = facts.read_settings(layout)
    membership = await sync.wait_joined(layout, socket.gethostname())
    place = volumeplace.VolumePlace(layout, configured, membership.host_id, clock.SYSTEM)
    await asyncio.to_thread(place.look)
    layout = place.layout
    async with AsyncExitStack() as stack:
        door = cloud.Cloud(layout, membership)
        stack.push_async_callback(door.close)
        hypervisor = libvirt.Libvirt(layout.libvirt_uri, layout.tag)
        stack.push_async_callback(asyncio.to_thread, hypervisor.close)
        book = ledger.Ledger(layout)
        keeper = credentials.Keeper(layout, door, book, clock.SYSTEM)
        pushed = pushedkeys.PushedKeys(clock.SYSTEM)
        offers = service.Offers((keeper.paths, pushed.paths), gateway.Gateway(door))
        metadata = service.Service(loop, _metadata_key(layout), offers)
        stack.push_async_callback(asyncio.to_thread, metadata.close)
        kept = imagekeeper.ImageKeeper(layout, lambda: book.wanted, clock.SYSTEM)
        cache = images.ImageCache(layout, door, kept.make_room)
        stack.push_async_callback(cache.close)
        standing = facts.Standing(
            layout=layout,
            capacity=facts.fetch_capacity(layout, configured.capacity),
            acceleration=facts.read_acceleration(layout),
            hypervisor=hypervisor,
            place=place,
        )
        deadlines = configured.deadlines
        net = network.Network(layout, metadata)
        here = host.Host(
            name=membership.name or socket.gethostname(),
            layout=layout,
            hypervisor=hypervisor,
            network=net,
            images=cache,
            keys=volumekeys.VolumeKeys(door),
            place=place,
            rules=Rules(layout, deadlines.stop_s, deadlines.terminate_s),
            traits=HostTraits(layout, standing.acceleration.acceleration),
            clock=clock.SYSTEM,
        )
        leading = gatewaykeeper.GatewayKeeper(gatewaykeeper.means(layout, door, book, net))
        means = _Means(configured, standing, door, here, book, keeper, pushed, kept, leading)
        await _work(stack, means)


async def _work(stack: AsyncExitStack, means: _Means) -> None:
    """Run all loops until cancelled."""
    door, here, book, layout = means.door, means.here, means.book, means.here.layout
    keeper, kept = means.keeper, means.kept
    reconciler = reconcile.Reconciler(here, book)
    leaving = departures.Departures(layout, lambda: book.wanted, reconciler.volumes.is_idle)
    others = otherhosts.OtherHosts(
        layout,
        means.settings.ports.hosts,
        lambda: book.wanted,
        {
            departures.WHAT: leaving.serve,
            departures.SHARE: leaving.serve,
            gateways.PROMISE: means.leading.serve,
            **reconciler.migrations.handlers,
        },
    )
    stack.callback(others.close)
    others.poke()
    passing = passes.Passes(door, clock.SYSTEM)
    brought = uploads.Uploader(layout, lambda: book.wanted, passing, here.keys)
    pinned = pinkeeper.PinKeeper(layout, lambda: book.wanted)
    looking = lookout.Lookout(layout, lambda: book.wanted)
    talk = sync.Sync(
        door=door,
        reconciler=reconciler,
        ledger=book,
        questions=questions.Questions(
            door=door,
            host=here,
            explain=reconciler.explain,
            wanted=lambda: book.wanted,
            cut=reconciler.volumes.cut,
            pushed=means.pushed,
        ),
        clock=clock.SYSTEM,
        noted=silence.Noted(layout, clock.SYSTEM.now),
        facts=lambda: looking.joined(
            others.joined(
                facts.fetch(
                    means.standing,
                    (*reconciler.problems, *kept.problems, *means.leading.problems),
                )
            )
        ),
        snapshots=brought.seen,
        pins=pinned.seen,
        took=(others.poke, keeper.poke, brought.poke, pinned.poke),
    )
    speaking = voice.Voice(layout, lambda: book.wanted)
    flows = flowlogs.FlowLogs(layout, lambda: book.wanted, door, clock.SYSTEM)
    carrying = transfers.TransferKeeper(layout, lambda: book.wanted, door, passing, clock.SYSTEM)
    async with asyncio.TaskGroup() as group:
        for one in (
            reconciler,
            talk,
            keeper,
            means.leading,
            looking,
            speaking,
            flows,
            carrying,
            kept,
            brought,
            pinned,
        ):
            group.create_task(one.run())


def _metadata_key(layout: Layout) -> bytes:
    """The key under which session tokens stay valid over a restart of the agent."""
    path = layout.node / "metadata.key"
    files.create_atomically(path, secrets.token_bytes(32))
    return path.read_bytes()


if __name__ == "__main__":
    main()

"""The cloud process: `python -m mallee.cloud.daemon --root DIR`. Wiring only, no rules.

The supervisor starts it, unprivileged; SIGTERM ends it, and so does a loop that fails.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
import uvloop

from mallee.kit import lean

with lean.without_authorities():
    # Before whoever of us needs it.
    import aiohttp  # noqa: F401  # pyright: ignore[reportUnusedImport]

from mallee.aws import dispatch
from mallee.cloud import actions, bootstrap, handover, pipeline, server
from mallee.cloud.call import Agents
from mallee.cloud.ec2.connecting import tunnels
from mallee.cloud.frontends import authorities, fellows, holdings, keys, presence, rollouts
from mallee.cloud.hosts import hearing
from mallee.cloud.hosts.doors import asks, guests, joining, lines, streams
from mallee.cloud.hosts.doors import door as hosts
from mallee.cloud.hosts.moves import bundlefiles, passes, transferring, volumekeys
from mallee.cloud.hosts.slices import slices
from mallee.cloud.identity import authenticate, authorize, guessing, keysets, lastuse
from mallee.cloud.reconcile import changes, runner, table
from mallee.cloud.reconcile.identity import authorities as replacing
from mallee.cloud.reconcile.identity import lastuse as last_uses
from mallee.cloud.reconcile.identity import masterkeys
from mallee.cloud.reconcile.storage import lifecycles
from mallee.cloud.state import store
from mallee.cloud.trail import forward, journal
from mallee.kit import clock, keysigner, logs, sealedto
from mallee.model.configuration.settings import Settings
from mallee.model.layout import Layout

TURN_S = 0.0005
"""How long one thread computes while another waits to: the writer's, that a client waits for, while
the loop tells hundreds of hosts what is new. Python's own 5 ms come before each thing it says to
the database."""
CANNOT_START = (*bootstrap.CANNOT_START, server.CannotListen)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What answering stands on, whoever asks."""

    layout: Layout
    settings: Settings
    secrets: bootstrap.Secrets
    store: store.Store
    trail: journal.Journal
    signer: keysigner.Signer
    fellows: fellows.Fellows | None
    """The other front ends; None: the database can have none."""
    holdings: holdings.Holdings
    used: authenticate.Used | None
    """The signatures that were used at any of them."""


async def serve(layout: Layout, settings: Settings, stop: asyncio.Event) -> None:
    """Run the cloud until `stop` is set."""
    async with AsyncExitStack() as stack:
        announce = stack.enter_context(bootstrap.announcing(layout))
        secrets = bootstrap.prepare_secrets(layout, clock.SYSTEM.now())
        opened = bootstrap.open_store(layout, settings, secrets, clock.SYSTEM)
        stack.callback(opened.close)
        trail = stack.enter_context(bootstrap.open_trail(layout, settings))
        signer = bootstrap.prepare_signer(layout, settings, clock.SYSTEM.now())
        own = presence.identify(layout)
        shown = fellows.Secrets(secrets.authorities, secrets.own)
        others = fellows.Fellows(own.id, opened.view, shown)
        presence.check_sharing(settings, opened.is_shared)
        store_name = await asyncio.to_thread(presence.name_store, settings, opened.view)
        is_here = partial(presence.serves_objects, settings, opened.view, own.id)
        held = holdings.Holdings(presence.objects_at(layout, settings), is_here, others)
        ground = _Ground(
            layout=layout,
            settings=settings,
            secrets=secrets,
            store=opened,
            trail=trail,
            signer=signer,
            fellows=others if opened.is_shared else None,
            holdings=held,
            used=_used_signatures(stack, opened, bootstrap.database_url(layout, settings)),
        )
        shares = presence.share(opened, bootstrap.database_url(layout, settings), own.id)
        stack.callback(shares.give_up)
        listener = own.id if opened.is_shared else ""
        heard = hearing.Hearing(opened, clock.SYSTEM, listener, shares)
        told = _for_agents(ground, heard, is_here)
        consoles = told.lines
        agents = hosts.Endpoint(told, bootstrap.prepare_tls(layout, secrets, settings))
        stack.push_async_callback(agents.close)
        agents_port = await agents.listen(settings.listen, settings.ports.agents)
        await _register(ground, own, store_name, agents_port)
        cloud = _for_clients(ground, told, shares, agents_port)
        answer, refuse = partial(pipeline.answer, cloud), partial(pipeline.refuse, cloud)
        told.guests.api = answer
        neighbour = _neighbour(layout, settings)
        told.streams.doors = neighbour.doors
        digger = tunnels.Tunnels(cloud, consoles)
        services = server.Server(server.Front(answer, refuse, consoles, digger.open), neighbour)
        stack.push_async_callback(services.close)
        stack.push_async_callback(consoles.close)
        await _open_inbox(stack, forward.Inbox(layout.trail_inbox, trail))
        door = handover.Door(layout.cloud_door, services.connections)
        stack.push_async_callback(door.close)
        door.open()
        told.passes.port = await services.listen(settings.listen, settings.ports.services)
        loops = await stack.enter_async_context(asyncio.TaskGroup())
        ring = masterkeys.Keyring(layout, secrets.box)
        reconcilers = table.reconcilers(opened, layout, settings, ring)
        together = _of_several(ground, ring, others) if opened.is_shared else ()
        more = (*_of_authorities(ground, others), *_of_requests(cloud), _of_log(ground))
        work = (*reconcilers, *together, *more)
        shares.share(runner.shared(work))
        settling = runner.run(opened, work, shares)
        # RSA keys take a moment: nobody waits for this one.
        making = asyncio.to_thread(bundlefiles.prepare, layout)
        watching = (heard.watch(), agents.watch(), _watch_removed(opened, own.id, stop))
        for loop in (*watching, shares.run(), held.keep(), settling, making):
            stack.callback(loops.create_task(loop).cancel)
        announce({"services": told.passes.port, "agents": agents_port})
        await stop.wait()


async def _register(on: _Ground, own: presence.Identity, store_name: str, agents_port: int) -> None:
    """Have everybody know this front end, where there may be several."""
    if on.store.is_shared:
        url = presence.agents_url(on.settings, agents_port)
        place = presence.Place(url, store_name, sealedto.public(on.secrets.own))
        await on.store.run(lambda tx: presence.register(tx, own, on.settings, place))
        presence.remember(on.layout, msgspec.structs.replace(own, is_known=True))


async def _watch_removed(opened: store.Store, own: str, stop: asyncio.Event) -> None:
    """End the process when this front end is the cloud's no more."""
    if opened.is_shared:
        await presence.wait_removed(opened, own)
        stop.set()


def _used_signatures(
    stack: AsyncExitStack, opened: store.Store, url: str
) -> authenticate.Used | None:
    """Return what front ends on one database remember of signatures."""
    if not opened.is_shared:
        return None
    # Only here: a cloud on SQLite loads nothing of it.
    from mallee.cloud.state import signatures

    used = signatures.Used(url)
    stack.callback(used.close)
    return used


def _for_agents(
    on: _Ground, heard: hearing.Hearing, serves_objects: Callable[[], bool]
) -> hosts.Cloud:
    """Return what answering agents needs."""
    box, region = on.secrets.box, on.settings.region
    questions = asks.Asks()
    passing = passes.Passes(on.store, box, region)
    bundles = bundlefiles.BundleFiles(on.layout)
    return hosts.Cloud(
        layout=on.layout,
        store=on.store,
        slices=slices.Slices(on.settings, on.signer.chain_pem),
        asks=questions,
        hearing=heard,
        registry=joining.registry(on.secrets.authorities, on.settings),
        streams=streams.Streams(on.store.view),
        lines=lines.Lines(questions),
        guests=guests.Guests(on.store.view, box, partial(on.trail.add, at_once=True)),
        passes=passing,
        transfers=transferring.Transfers(
            on.store, box, region, lambda: passing.port, bundles, address=on.settings.listen
        ),
        volume_keys=volumekeys.VolumeKeys(on.store, box),
        serves_objects=serves_objects,
        objects=presence.objects_at(on.layout, on.settings),
    )


def _for_clients(
    on: _Ground, told: hosts.Cloud, shares: presence.Leases, agents_port: int
) -> pipeline.Cloud:
    """Return what answering clients needs."""
    box, view = on.secrets.box, on.store.view
    return pipeline.Cloud(
        settings=on.settings,
        store=on.store,
        box=box,
        keys=authenticate.Keys(view, box, used=on.used),
        attempts=guessing.Attempts(lambda: len(shares.alive() or (None,))),
        judge=authorize.judge(view, box),
        asks=told.asks,
        agents=Agents(
            told.hearing.heard,
            lambda: on.secrets.ca_pem,
            agents_port,
            told.lines,
            on.signer,
            lambda: handover.is_open(told.streams.doors),
            shares.alive,
            on.fellows,
        ),
        table=actions.TABLE,
        issuers=keysets.KeySets(keysets.reach_of(on.settings)),
        uses=lastuse.LastUses(on.settings.region),
        trail=on.trail,
        holdings=on.holdings.read,
    )


def _of_several(
    on: _Ground, ring: masterkeys.Keyring, others: fellows.Fellows
) -> tuple[runner.Reconciler, ...]:
    """Return the reconcilers of what several front ends have the same."""
    return (
        keys.reconciler(on.store, ring, others),
        rollouts.decider(on.store, clock.SYSTEM),
        rollouts.ringer(on.store, others.own, on.layout.bell),
    )


def _of_authorities(on: _Ground, others: fellows.Fellows) -> tuple[runner.Reconciler, ...]:
    """Return the reconcilers of who certifies: for all, and for this front end's own file."""
    own = on.secrets.authorities
    return (
        replacing.reconciler(replacing.Means(on.store, own, clock.SYSTEM)),
        authorities.reconciler(authorities.Means(on.store, own, others)),
    )


def _of_requests(cloud: pipeline.Cloud) -> tuple[runner.Reconciler, ...]:
    """Return the reconcilers of what requests leave, and of what makes requests itself."""
    return (
        last_uses.reconciler(cloud.store, cloud.uses),
        lifecycles.reconciler(lifecycles.Means(cloud, clock.SYSTEM)),
    )


def _of_log(on: _Ground) -> runner.Reconciler:
    """Return the reconciler of the store's log of changes."""
    url = bootstrap.database_url(on.layout, on.settings)
    return changes.reconciler(url, on.settings.trail.kept_days, clock.SYSTEM)


def _neighbour(layout: Layout, settings: Settings) -> handover.Neighbour:
    """Return what takes the requests that are S3's."""
    doors = tuple(map(layout.s3_door_of, range(bootstrap.s3_processes(settings))))
    return handover.Neighbour(doors, dispatch.is_for_objects, handover.AWAY)


async def _open_inbox(stack: AsyncExitStack, inbox: forward.Inbox) -> None:
    """Take in the lines of the trail that come from S3, as long as the cloud runs."""
    stack.push_async_callback(inbox.close)
    await inbox.open()


async def _main(layout: Layout) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(layout, bootstrap.read_settings(layout), stop)


def main() -> None:
    """Run the daemon."""
    parser = argparse.ArgumentParser("mallee-cloud")
    parser.add_argument("--root", type=Path, required=True, help="the cloud's root directory")
    layout = Layout(parser.parse_args().root)
    sys.setswitchinterval(TURN_S)
    logs.configure("cloud", layout.log / "cloud.log")
    server.allow_connections()
    try:
        uvloop.run(_main(layout))
    except CANNOT_START as error:
        raise SystemExit(f"mallee-cloud cannot start: {error}") from error


if __name__ == "__main__":
    main()

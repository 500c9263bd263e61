"""The process of S3: `python -m mallee.cloud.s3.daemon --root DIR`. Wiring only, no rules.

The supervisor starts it beside the cloud's process, as the same user. It has no address of its own:
connections come from that process by doors, one of each of the processes that serve (`kit.forks`).
SIGTERM ends it.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from concurrent import futures
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from mallee.aws import dispatch
from mallee.aws.codec import s3 as codec
from mallee.cloud import bootstrap, handover
from mallee.cloud.ebs import front, trees
from mallee.cloud.ebs import pipeline as ebs
from mallee.cloud.frontends.seats import Seat
from mallee.cloud.identity import authenticate, authorize, lastuse
from mallee.cloud.reconcile import runner
from mallee.cloud.reconcile.identity import lastuse as last_uses
from mallee.cloud.s3 import pipeline, resealing, rootlooks, scrubbing, sweeping, table
from mallee.cloud.s3.sealing import keytrail
from mallee.cloud.s3.serving import background, fencing, server, slots, ways
from mallee.cloud.s3.serving.board import Board
from mallee.cloud.state import store
from mallee.cloud.trail import forward
from mallee.kit import child, clock, forks, logs, openfiles, secretbox
from mallee.model.configuration.settings import Settings
from mallee.model.layout import Layout
from mallee.walrus import opening, terms

if TYPE_CHECKING:
    from mallee.cloud.frontends.relay import Relay

THREADS = 16
"""For looks, hashing, writing, verifying and sending; none waits for a client."""
FIRST = 0
"""The process that does what only one may do."""
CANNOT_START = (*bootstrap.CANNOT_START, *opening.CANNOT_OPEN)


@dataclass(frozen=True, slots=True)
class Place:
    """Which of the processes that serve S3 this is."""

    board: Board
    number: int = FIRST
    seat: Seat | None = None
    """Of who leads, where front ends share the objects."""
    term: terms.Term | None = None


@dataclass(frozen=True, slots=True)
class _Ground:
    """What bringing S3 to others stands on."""

    own: str
    """This front end's id."""
    store: store.Store
    relay: "Relay"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line says."""

    root: Path
    term: tuple[int, int, int] | None
    """Of a child that serves: the term's number, the seat's descriptor, the parent."""


async def serve(
    layout: Layout, settings: Settings, stop: asyncio.Event, place: Place | None = None
) -> None:
    """Serve S3 until `stop` is set, at a place among the processes that do."""
    place = place or Place(Board(1))
    number = place.number
    async with AsyncExitStack() as stack:
        layout.s3_door_of(number).unlink(missing_ok=True)
        opened = await bootstrap.join_store(layout, settings, clock.SYSTEM)
        stack.callback(opened.close)
        keys = secretbox.KeyFile(layout.master_key)
        objects = opening.open_engine(layout.objects, settings.objects, place.term)
        stack.callback(objects.close)
        threads = stack.enter_context(futures.ThreadPoolExecutor(THREADS, "s3"))
        loops = await stack.enter_async_context(asyncio.TaskGroup())
        trail = forward.Forwarder(layout.trail_inbox)
        stack.callback(loops.create_task(trail.run()).cancel)
        stack.push_async_callback(trail.flush)
        cloud = pipeline.Cloud(
            settings=settings,
            store=opened,
            engine=objects,
            key_file=keys,
            keys=authenticate.Keys(opened.view, keys.box),
            judge=authorize.judge(opened.view, keys.box),
            table={row.name: row for row in table.ROWS},
            trail=trail,
            key_trail=keytrail.KeyTrail(trail.put),
            threads=threads,
            uses=lastuse.LastUses(settings.region),
            bodies=slots.shared_by(bootstrap.s3_processes(settings)),
        )
        for loop in background.everywhere(cloud):
            stack.callback(loops.create_task(loop).cancel)
        settling = [last_uses.reconciler(opened, cloud.uses)]
        if number == FIRST:
            settling.append(scrubbing.reconciler(opened, objects))
            settling.append(sweeping.reconciler(opened, objects))
            settling.append(resealing.reconciler(opened, objects, keys))
            settling.append(rootlooks.reconciler(opened, objects, keys))
            for loop in background.alone(cloud, layout.flow_inbox):
                stack.callback(loops.create_task(loop).cancel)
        stack.callback(loops.create_task(runner.run(opened, (*settling,))).cancel)
        neighbour = handover.Neighbour((layout.cloud_door,), dispatch.is_for_others, handover.AWAY)
        doors = tuple(map(layout.s3_door_of, range(place.board.count)))
        out = ways.Ways(neighbour, place.board, number, doors)
        desk = ebs.Desk(cloud, trees.Trees(objects.reader))
        answer: server.Answer = partial(front.answer, desk)
        holds = place.term.holds if place.term is not None else _is_kept(layout, opened)
        if holds is not None:
            answer = fencing.guarded(answer, pipeline.busy, holds)
        sockets = server.Server(answer, pipeline.busy, threads, out)
        stack.push_async_callback(sockets.close)
        door = handover.Door(layout.s3_door_of(number), sockets)
        stack.push_async_callback(door.close)
        door.open()
        out.note(0)
        if place.seat is not None and place.term is not None and number == FIRST:
            well = fencing.keep_well(place.seat, place.term.prove)
            stack.callback(loops.create_task(well).cancel)
        await stop.wait()


def _is_kept(layout: Layout, opened: store.Store) -> Callable[[], bool] | None:
    """Return what tells whether this front end has the objects still; None: it has no others.

    Each request has seen what others committed: who was removed, and lives, answers nothing.
    """
    if not opened.is_shared:
        return None
    from mallee.cloud.frontends import presence

    own = presence.identify(layout).id
    return partial(presence.is_theirs, opened.view, own)


async def bring(layout: Layout, settings: Settings, stop: asyncio.Event) -> None:
    """Bring what is S3's to the front end that serves it, or lead, until `stop` is set."""
    # It speaks to others by libraries that who serves S3 has not in memory.
    from mallee.cloud.frontends import fellows, presence, relay

    async with AsyncExitStack() as stack:
        layout.s3_door.unlink(missing_ok=True)
        opened = await bootstrap.join_store(layout, settings, clock.SYSTEM)
        stack.callback(opened.close)
        secrets = bootstrap.prepare_secrets(layout, clock.SYSTEM.now())
        own = presence.identify(layout).id
        others = fellows.Fellows(
            own, opened.view, fellows.Secrets(secrets.authorities, secrets.own)
        )
        brought = relay.Relay(others)
        stack.push_async_callback(brought.close)
        loops = await stack.enter_async_context(asyncio.TaskGroup())
        flows = relay.keep_bringing_flows(others, layout.flow_inbox)
        stack.callback(loops.create_task(flows).cancel)
        if settings.objects.engine == "shared":
            await _lead(layout, settings, _Ground(own, opened, brought), stop)
            return
        door = handover.Door(layout.s3_door, brought)
        stack.push_async_callback(door.close)
        stack.callback(loops.create_task(brought.keep_leaving_former()).cancel)
        door.open()
        await stop.wait()


async def _lead(layout: Layout, settings: Settings, on: _Ground, stop: asyncio.Event) -> None:
    """Lead those that share the objects' directory whenever nobody else does."""
    from mallee.cloud.frontends import leading
    from mallee.cloud.state import leads

    url = bootstrap.database_url(layout, settings)
    lead = leads.Lead(url, leading.LEASE, f"{on.own}/{os.urandom(8).hex()}")
    means = leading.Means(
        own=on.own,
        directory=Path(settings.objects.directory),
        door=layout.s3_door,
        store=on.store,
        lead=lead,
        relay=on.relay,
        arguments=("-m", "mallee.cloud.s3.daemon", "--root", str(layout.root), "--term"),
    )
    try:
        await leading.Leading(means).run(stop)
    finally:
        lead.close()


async def _main(work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    for end in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(end, stop.set)
    await work(stop)


def main() -> None:
    """Run the daemon."""
    asked = _parse()
    if asked.term is not None:
        child.follow(asked.term[2])
    layout = Layout(asked.root)
    logs.configure("s3", layout.log / "s3.log")
    openfiles.raise_limit()
    try:
        settings = bootstrap.read_settings(layout)
    except CANNOT_START as error:
        raise SystemExit(f"mallee-s3 cannot start: {error}") from error
    if settings.objects.engine == "elsewhere" or (
        settings.objects.engine == "shared" and asked.term is None
    ):
        _bring(layout, settings)
        return
    codec.warm(row.name for row in table.ROWS)
    count = bootstrap.s3_processes(settings)
    board = Board(count)
    place = _place(settings, board, asked)
    raise SystemExit(forks.keep(count, partial(_run, layout, settings, place), board))


def _parse() -> _Asked:
    parser = argparse.ArgumentParser("mallee-s3")
    parser.add_argument("--root", type=Path, required=True, help="the cloud's root directory")
    parser.add_argument("--term", type=int, nargs=3, help="serve in a term, for who leads")
    found = parser.parse_args()
    return _Asked(found.root, found.term and tuple(found.term))


def _place(settings: Settings, board: Board, asked: _Asked) -> Place:
    """Return the place of the first process."""
    if asked.term is None:
        return Place(board)
    number, descriptor, _ = asked.term
    seat = Seat(descriptor)
    directory = Path(settings.objects.directory)
    return Place(board, seat=seat, term=terms.Term(directory, number, lambda: seat.held_until))


def _bring(layout: Layout, settings: Settings) -> None:
    try:
        uvloop.run(_main(partial(bring, layout, settings)))
    except CANNOT_START as error:
        raise SystemExit(f"mallee-s3 cannot start: {error}") from error


def _run(layout: Layout, settings: Settings, place: Place, number: int) -> None:
    try:
        uvloop.run(_main(partial(serve, layout, settings, place=replace(place, number=number))))
    except CANNOT_START as error:
        print(f"mallee-s3 cannot start: {error}", file=sys.stderr)
        raise SystemExit(forks.CANNOT_START) from error


if __name__ == "__main__":
    main()

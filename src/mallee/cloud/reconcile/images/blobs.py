"""Removes image files that nothing names any more: of images that were replaced or deregistered.

A file goes when no document of the catalogue, no record of any kind and no note of what was brought
for a task has its name in it, and when it was not touched for hours: a builder puts files down
before it says what they are for. Notes go when their tasks have ended, and so does what a bundle
left whose bringing was broken off. Who kept a copy on a host keeps it there (`node`).
"""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from mallee.cloud.ec2.images import tasks
from mallee.cloud.hosts.moves import bundlefiles
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.model.layout import Layout

EVERY_S = 3600.0
UNTOUCHED_S = 6 * 3600.0
_BLOB = re.compile(r"[0-9a-f]{64}|part-[0-9a-f]{16}")
"""The names of blobs, and of those that are still being brought (`hosts.bundlefiles`)."""
_encoder = msgspec.json.Encoder()

Now = Callable[[], float]


def reconciler(store: store.Store, layout: Layout, now: Now = time.time) -> Reconciler:
    """Return the reconciler; its keys are the files that nothing names."""

    def keys() -> tuple[str, ...]:
        before = now() - UNTOUCHED_S
        notes = [path.name for path in _notes(layout) if _is_done_with(store.view, path, before)]
        old = set(_old(layout, before))
        return (*sorted(notes), *(sorted(unnamed(store.view, layout, old)) if old else ()))

    async def settle(key: str) -> None:
        if bundlefiles.SPLIT in key:
            (layout.brought / key).unlink(missing_ok=True)
        elif key in unnamed(store.view, layout, {key}):
            (layout.blobs / key).unlink(missing_ok=True)

    return Reconciler(
        name="blobs",
        keys=keys,
        settle=settle,
        every_s=EVERY_S,
        waits_for_change=False,
        is_local=True,
    )


def unnamed(view: store.View, layout: Layout, names: set[str]) -> set[str]:
    """Return those of the names that stand in no document, no record and no note."""
    left = set(names)
    for text in _texts(view, layout):
        if not left:
            break
        left = {name for name in left if name.encode() not in text}
    return left


def _texts(view: store.View, layout: Layout) -> Iterator[bytes]:
    for path in _notes(layout):
        yield path.name.encode()
    for path in layout.catalogue.glob("*.json"):
        yield path.read_bytes()
    for kind in records.KINDS.values():
        for record in view.list(kind):
            yield _encoder.encode(record.doc)


def _notes(layout: Layout) -> Iterator[Path]:
    """Which blobs were brought for which tasks."""
    return layout.brought.iterdir() if layout.brought.exists() else iter(())


def _is_done_with(view: store.View, note: Path, before: float) -> bool:
    """Tell whether a note's task has ended, or is forgotten."""
    if _touched(note) >= before:
        return False
    task = tasks.find(view, note.name.partition(bundlefiles.SPLIT)[0])
    return task is None or not tasks.is_under_way(task)


def _old(layout: Layout, before: float) -> Iterator[str]:
    """Names of files that were not touched since then."""
    if not layout.blobs.exists():
        return
    for path in layout.blobs.iterdir():
        if _BLOB.fullmatch(path.name) and _touched(path) < before:
            yield path.name


def _touched(path: Path) -> float:
    try:
        return path.stat().st_ctime
    except FileNotFoundError:
        return float("inf")

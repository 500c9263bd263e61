"""Compares index and files of objects: `python -m mallee.cloud.s3.checking --root DIR`.

Nothing else may have the store open, so it is run while the cloud is down, as the cloud's user; a
directory that front ends share it leads meanwhile (`frontends.borrowing`). Called by `box.objects`,
to which its last line says in JSON what it found. With `--repair` it sets right what can be set
right without loss. Not its business: whether the bytes are right (`scrubbing`).
"""

import argparse
import contextlib
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from mallee.cloud import bootstrap
from mallee.cloud.state import database, records
from mallee.cloud.state.errors import StoreError
from mallee.model.configuration.settings import InvalidSettings, Settings
from mallee.model.layout import Layout
from mallee.model.storage.scrubs import Lost
from mallee.walrus import opening
from mallee.walrus.check import Findings
from mallee.walrus.seam import Loser

LOST_MAX = 10_000
"""Objects that are named, of those that lose something."""


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser("mallee-s3-check")
    parser.add_argument("--root", type=Path, required=True, help="the cloud's root directory")
    parser.add_argument("--repair", action="store_true", help="set right what can be")
    asked = parser.parse_args()
    layout = Layout(asked.root)
    try:
        findings = _check(layout, bootstrap.read_settings(layout), repairs=asked.repair)
    except (*opening.CANNOT_OPEN, StoreError) as error:
        raise SystemExit(str(error)) from error
    told = {
        **{one.name: getattr(findings, one.name) for one in dataclasses.fields(findings)},
        "losers": _named(layout, findings.losers),
    }
    sys.stdout.buffer.write(msgspec.json.encode(told))


def _check(layout: Layout, configured: Settings, *, repairs: bool) -> Findings:
    """Compare, alone in the store. Raises `CANNOT_OPEN`, `StoreError`; ends where others lead."""
    with contextlib.ExitStack() as stack:
        term = None
        if configured.objects.engine == "shared":
            # What it takes to lead others is many modules.
            from mallee.cloud.frontends import borrowing

            try:
                term = stack.enter_context(borrowing.term(layout, configured))
            except (borrowing.Led, OSError) as error:
                raise SystemExit(str(error)) from error
        opened = opening.open_engine(layout.objects, configured.objects, term)
        return stack.enter_context(contextlib.closing(opened)).check(repairs=repairs)


def _named(layout: Layout, losers: Sequence[Loser]) -> list[Lost]:
    """Return the objects as people know them."""
    names = _names(layout) if losers else {}
    return [
        Lost(
            bucket=names.get(one.bucket, f"(number {one.bucket})"),
            key=one.key.decode(errors="replace"),
            version=one.version,
        )
        for one in losers[:LOST_MAX]
    ]


def _names(layout: Layout) -> dict[int, str]:
    """Return the buckets' names by their numbers; a database that does not answer tells none."""
    try:
        configured = bootstrap.read_settings(layout)
        if not configured.database_url and not layout.database.exists():
            return {}
        url = bootstrap.database_url(layout, configured)
        found = database.Database(url).load().all_of(records.BUCKET.name, None)
    except (StoreError, InvalidSettings, OSError):
        return {}
    return {one.doc.number: one.id for one in found}


if __name__ == "__main__":
    main()

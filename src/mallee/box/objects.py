"""Checks the object store of a cloud that is down: whether its index and its files agree.

A program does it as the user whose store it is (`cloud.s3.checking`), for root must not write
there. Called by `mallee buckets check`. Not its business: whether stored bytes are right, which a
scrub finds while the cloud is up.
"""

from pathlib import Path

import msgspec

from mallee.box import asowner, owners, status, steps
from mallee.model.layout import Layout
from mallee.model.storage.scrubs import Lost

_WRITERS = ("s3", "cloud")


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """Where index and files disagree, as the program says it; all empty when all is well."""

    index: tuple[str, ...]
    """What is wrong with the index itself; then nothing else was looked at."""
    references: tuple[tuple[int, int, int], ...]
    """Blob, references counted in the index, references found."""
    dangling: tuple[int, ...]
    """Blobs that versions refer to and the index does not know."""
    missing: tuple[int, ...]
    """Blobs whose file is gone."""
    usages: tuple[tuple[int, int, int, int, int], ...]
    """Bucket, and what it holds, where the index says something else."""
    orphans: tuple[str, ...]
    """Files that nobody refers to."""
    losers: tuple[Lost, ...]
    """The objects that lose by what is gone."""

    @property
    def are_harmless(self) -> bool:
        """Whether nothing is lost: a repair sets all of it right."""
        return not self.index and not self.dangling and not self.missing


def check(layout: Layout, *, repairs: bool) -> Findings:
    """Compare, and set right what can be; raise `Failed` while the cloud is up."""
    if any(status.find(layout, name) for name in _WRITERS):
        raise steps.Failed(
            "the cloud is up: what is under way would be taken for wrong", "mallee down"
        )
    held = owners.read_settings(layout).objects
    if held.engine == "elsewhere":
        raise steps.Failed("another front end has the objects", "run it there")
    place = Path(held.directory) if held.directory else layout.objects
    if not place.exists():
        raise steps.Failed("this cloud has no objects", f"see that {place} is there")
    options = ("--repair",) if repairs else ()
    program = ("mallee.cloud.s3.checking", "--root", str(layout.root), *options)
    said = asowner.run(place, program, "")
    return msgspec.json.decode(said.splitlines()[-1], type=Findings)

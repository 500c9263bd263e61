"""Changing what is kept with a version that is there: its tags, its lock, its ACL.

Read, changed and written in one transaction, so that no other change is lost. Called by the files
of those nouns. Not its business: what they change.
"""

from collections.abc import Callable, Sequence

from mallee.cloud.s3.events import notices
from mallee.cloud.s3.exchange import ObjectCall
from mallee.cloud.s3.objects import about, versions
from mallee.cloud.s3.objects.about import About
from mallee.cloud.s3.objects.versions import Place
from mallee.walrus.records import Blob, Version
from mallee.walrus.seam import Tx


async def describe(
    call: ObjectCall,
    which: tuple[Place, str | None],
    change: Callable[[About], About],
    event: str = "",
) -> Version:
    """Change what is kept with a version (None: the current one) and return the version.

    `event` is told to whom the bucket wants told (`ObjectAcl:Put`).
    """
    where, id = which

    def work(tx: Tx, _: Sequence[Blob]) -> Version:
        number, key = where.number, where.key
        version = tx.current(number, key) if id is None else tx.version(number, key, id)
        found = versions.found(where, version, id)
        tx.describe(number, key, found.version.id, about.encode(change(found.about)))
        if event and where.watch is not None:
            notices.tell(tx, where.watch, event, (where.bucket, key, found.version))
        return found.version

    return await versions.commit(call, work)

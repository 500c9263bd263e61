"""Opens the engine that this cloud keeps its objects with.

Called by the wiring of S3's process. Not its business: what the engine is asked (`seam`).
"""

from pathlib import Path

import msgspec

from mallee.model.configuration import settings
from mallee.walrus.engine import Engine
from mallee.walrus.errors import BrokenIndex, Fenced, NoSpace, Unreachable
from mallee.walrus.terms import Term

CANNOT_OPEN = (BrokenIndex, Fenced, NoSpace, Unreachable, settings.InvalidSettings)


class _Credentials(msgspec.Struct, frozen=True):
    access_key_id: str
    secret_access_key: str


def open_engine(root: Path, chosen: settings.Objects, term: Term | None = None) -> Engine:
    """Open the engine, and put right what a kill left; in a term where the directory is shared.

    Raises `CANNOT_OPEN`.
    """
    if chosen.engine == "shared":
        if term is None:
            raise settings.InvalidSettings("this directory is served by one front end at a time")
        return Engine(term.root, term=term)
    return Engine(root) if chosen.engine == "local" else _open_foreign(root, chosen)


def _open_foreign(root: Path, chosen: settings.Objects) -> Engine:
    # What it takes to ask another S3 is many modules: only who does so has them in memory.
    from mallee.walrus import foreign

    try:
        key = msgspec.json.decode(Path(chosen.credentials).read_bytes(), type=_Credentials)
    except (OSError, msgspec.DecodeError) as error:
        raise settings.InvalidSettings(f"objects.credentials: {error}") from error
    access = foreign.Access(
        endpoint=chosen.endpoint,
        bucket=chosen.bucket,
        region=chosen.region,
        access_key_id=key.access_key_id,
        secret_access_key=key.secret_access_key,
    )
    return Engine(root, disk=foreign.ForeignDisk(root, foreign.Bucket(access)))

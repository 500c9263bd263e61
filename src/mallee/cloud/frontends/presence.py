"""Which front end this process is, and that the others and all agents know of it.

A cloud on SQLite has one front end, which needs no name. On PostgreSQL each has a record, by which
agents learn where they may turn, and leases, by which the others see that it is there.
Called by the daemon. Not its business: how a machine comes to the secrets (`joining`).
"""

import contextlib
import ipaddress
import os
import socket
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mallee.cloud.state import leases, records, store
from mallee.kit import clock, files, logs
from mallee.model import ids
from mallee.model.configuration import settings, sharing
from mallee.model.configuration.settings import Settings
from mallee.model.hosts import frontends
from mallee.model.layout import Layout

STORE_NAME = "store"
"""The file in a shared directory of objects that says which it is."""

ALONE = (
    "This cloud's memory is a file of its machine (SQLite): several front ends need a database "
    "that they can share. Set database_url in mallee.toml to one of PostgreSQL's."
)

_LOOK_S = 5.0

_log = logs.get(__name__)

Leases = leases.Alone | leases.Shared


class Removed(Exception):
    """This front end was taken out of its cloud; the message says what to do."""


class TwoStores(Exception):
    """Another front end has the cloud's objects; the message says what to do."""


class Identity(msgspec.Struct, frozen=True):
    """Who this front end is, as it remembers it."""

    id: str
    has_joined: bool = False
    """Whether it got the cloud's secrets from another one; else it made them."""
    is_known: bool = False
    """Whether it has had a record: then it is removed when it has none."""


def identify(layout: Layout) -> Identity:
    """Return who this front end is; it takes a name at its first start."""
    try:
        return msgspec.json.decode(layout.front_end.read_bytes(), type=Identity)
    except FileNotFoundError:
        made = Identity(ids.make("fe", os.urandom(ids.ID_BYTES)))
        remember(layout, made)
        return made


def remember(layout: Layout, identity: Identity) -> None:
    """Write down who this front end is."""
    files.write_atomically(layout.front_end, msgspec.json.encode(identity))


def share(opened: store.Store, url: str, own: str) -> Leases:
    """Return what says which work is this process's, of the front ends on its database."""
    return leases.Shared(url, own, clock=clock.SYSTEM) if opened.is_shared else leases.Alone()


def agents_url(configured: Settings, port: int) -> str:
    """Return where agents on other machines reach this front end; empty: nowhere."""
    bare = settings.reached_at(configured).strip("[]")
    # A name is what it is.
    with contextlib.suppress(ValueError):
        bare = str(ipaddress.ip_address(bare))
    url = f"https://{f'[{bare}]' if ':' in bare else bare}:{port}"
    # What agents cannot read they would refuse with all else that they are told.
    return url if frontends.ENDPOINT.fullmatch(url) else ""


def serves_objects(configured: Settings, view: store.View, own: str) -> bool:
    """Tell whether this front end serves S3 now: by its settings, or as it leads."""
    if configured.objects.engine != "shared":
        return configured.objects.engine != "elsewhere"
    return is_theirs(view, own)


def is_theirs(view: store.View, own: str) -> bool:
    """Tell whether the objects are this front end's to serve, as all know it."""
    record = view.get(records.FRONT_END, own)
    return record is not None and record.doc.serves_objects


def objects_at(layout: Layout, configured: Settings) -> Path:
    """Return where the objects are, if they are on this machine or are shared with it."""
    shared = configured.objects.directory
    return Path(shared) if shared else layout.objects


def check_sharing(configured: Settings, is_shared: bool) -> None:
    """Raise `InvalidSettings` where objects are to be shared and the database is not."""
    if configured.objects.engine == "shared" and not is_shared:
        raise settings.InvalidSettings(
            'objects.engine = "shared" is for several front ends: they need PostgreSQL '
            "(database_url)"
        )


def name_store(configured: Settings, view: store.View) -> str:
    """Return the name of the objects' directory that is shared; empty: none is. Blocks.

    It gets one when none was ever seen. Raises `TwoStores` where the directory is not that which
    the cloud's objects are in: not mounted, most likely; and `InvalidSettings`.
    """
    if configured.objects.engine != "shared":
        return ""
    path = Path(configured.objects.directory) / STORE_NAME
    known = {one.doc.objects_store for one in view.list(records.FRONT_END)} - {""}
    try:
        if not known:
            files.create_atomically(path, f"objects-{os.urandom(8).hex()}".encode())
        seen = path.read_text() if path.exists() else ""
    except OSError as error:
        raise settings.InvalidSettings(
            f"objects.directory: {error}; it must be there, and the user mallee's, by the same "
            "number on all front ends"
        ) from error
    if known and seen not in known:
        raise TwoStores(
            f"{path.parent} is not the directory that the objects of this cloud are in "
            f"({', '.join(sorted(known))}): mount it there"
        )
    return seen


@dataclass(frozen=True, slots=True)
class Place:
    """Where a front end is, and which objects it has."""

    url: str
    """Of its agents' endpoint."""
    objects_store: str
    """The name of the objects' directory that it shares; empty: none."""
    public_key: str
    """To which others seal what is for it alone."""


def register(tx: store.Tx, identity: Identity, configured: Settings, place: Place) -> None:
    """Have everybody know this front end, where it is, and what it has.

    Raises `Removed`, and `TwoStores`: buckets are the cloud's, and their objects in one place.
    """
    record = tx.get(records.FRONT_END, identity.id)
    if record is None and (identity.has_joined or identity.is_known):
        raise Removed(
            f"the front end {identity.id} was removed from this cloud; to have it back: mallee "
            "destroy, and mallee frontends join with a new invitation"
        )
    _check_one_store(tx, identity, configured, place)
    # Who leads is said by who does (`leading`), which may have begun before.
    leads = configured.objects.engine == "shared" and record and record.doc.serves_objects
    serves = configured.objects.engine in ("local", "s3") or bool(leads)
    if record is not None:
        known = msgspec.structs.replace(
            record.doc,
            agents_url=place.url,
            serves_objects=serves,
            objects_store=place.objects_store,
            public_key=place.public_key,
            settings=sharing.document(configured),
        )
        if known != record.doc:
            tx.write(record, known)
        return
    made = frontends.FrontEnd(
        id=identity.id,
        name=socket.gethostname(),
        agents_url=place.url,
        serves_objects=serves,
        objects_store=place.objects_store,
        public_key=place.public_key,
        settings=sharing.document(configured),
        joined_at=tx.now,
    )
    tx.insert(records.FRONT_END, "", identity.id, made)


async def wait_removed(opened: store.Store, own: str) -> None:
    """Wait until this front end is one of the cloud's no more: whoever removed it took it for gone,
    and what it has may be another's by now."""
    while opened.view.get(records.FRONT_END, own) is not None:
        await opened.wait_changed(opened.view.rev, _LOOK_S)
    _log.error("this front end was removed from its cloud", id=own)


def _check_one_store(tx: store.Tx, identity: Identity, configured: Settings, place: Place) -> None:
    if configured.objects.engine == "elsewhere":
        return
    for other in tx.list(records.FRONT_END):
        has_its_own = other.doc.serves_objects and not other.doc.objects_store
        is_another = other.doc.objects_store not in ("", place.objects_store)
        if other.id != identity.id and (has_its_own or is_another):
            raise TwoStores(
                f"the front end {other.doc.name} ({other.id}) has the objects of this cloud. Set "
                'engine = "elsewhere" in the section [objects] of mallee.toml here, or have it '
                "give them up (docs/administration.md, S3 of several front ends)"
            )


def lead(tx: store.Tx, own: str) -> None:
    """Have everybody know that this front end, of those that share the objects, serves S3."""
    for record in tx.list(records.FRONT_END):
        is_leader = record.id == own
        if record.doc.serves_objects != is_leader:
            tx.write(record, msgspec.structs.replace(record.doc, serves_objects=is_leader))

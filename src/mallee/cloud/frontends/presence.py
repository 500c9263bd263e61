"""Which front end this process is, and that the others and all agents know of it.

A cloud on SQLite has one front end, which needs no name. On PostgreSQL each has a record, by which
agents learn where they may turn, and leases, by which the others see that it is there.
Called by the daemon. Not its business: how a machine comes to the secrets (`joining`).
"""

import contextlib
import ipaddress
import os
import socket

import msgspec

from mallee.cloud.state import leases, records, store
from mallee.kit import clock, files
from mallee.model import ids
from mallee.model.configuration import settings
from mallee.model.configuration.settings import Settings
from mallee.model.hosts import frontends
from mallee.model.layout import Layout

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


def serves_objects(configured: Settings) -> bool:
    """Tell whether S3's objects are on this machine."""
    return configured.objects.engine != "elsewhere"


def register(tx: store.Tx, identity: Identity, configured: Settings, url: str) -> None:
    """Have everybody know this front end, where it is, and what it has.

    Raises `Removed`, and `TwoStores`: buckets are the cloud's, and their objects in one place.
    """
    serves = serves_objects(configured)
    for other in tx.list(records.FRONT_END):
        if serves and other.doc.serves_objects and other.id != identity.id:
            raise TwoStores(
                f"the front end {other.doc.name} ({other.id}) has the objects of this cloud. Set "
                'engine = "elsewhere" in the section [objects] of mallee.toml here, or have it '
                "give them up (docs/administration.md, S3 of several front ends)"
            )
    record = tx.get(records.FRONT_END, identity.id)
    if record is not None:
        known = msgspec.structs.replace(record.doc, agents_url=url, serves_objects=serves)
        if known != record.doc:
            tx.write(record, known)
        return
    if identity.has_joined:
        raise Removed(
            f"the front end {identity.id} was removed from this cloud; to have it back: mallee "
            "destroy, and mallee frontends join with a new invitation"
        )
    made = frontends.FrontEnd(
        id=identity.id,
        name=socket.gethostname(),
        agents_url=url,
        serves_objects=serves,
        joined_at=tx.now,
    )
    tx.insert(records.FRONT_END, "", identity.id, made)

"""How a machine becomes a front end: a one-time token, a certificate, and then the secrets.

The token is leave to join within an hour, for whoever has it, and is kept as a hash. Joining makes
the front end's record and a certificate whose name is its id; with that, over mutual TLS, it asks
for what all front ends have in common: the master key, the authority, the settings. It may ask for
an hour. From then on it is as trusted as the one that invited it.
Called by `door` and by the administration. Not its business: sockets, and the other machine's
files (`box.frontendjoin`).
"""

import re

from mallee.cloud.hosts.doors import joining
from mallee.cloud.hosts.moves import bundlefiles
from mallee.cloud.hosts.refusals import Refused
from mallee.cloud.state import records, store
from mallee.kit import pki
from mallee.model import ids
from mallee.model.hosts import frontends
from mallee.model.hosts.frontends import FrontEnd, Joined, Joining, Secrets
from mallee.model.layout import Layout

TOKEN_LIFE_S = joining.TOKEN_LIFE_S
_NAME = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9.-]{0,61}[a-zA-Z0-9])?")


def create_token(tx: store.Tx, entropy: joining.Entropy) -> str:
    """Return a token that is good for one front end within `TOKEN_LIFE_S`."""
    return joining.give_token(tx, records.FRONT_END_TOKEN, entropy)


def join(tx: store.Tx, registry: joining.Registry, asked: Joining) -> Joined:
    """Use the token up, and make a front end; raise `Refused` and change nothing."""
    joining.use_token(tx, records.FRONT_END_TOKEN, asked.token, asked.name[:80])
    if not _NAME.fullmatch(asked.name):
        raise Refused(400, f"'{asked.name[:80]}' is no name; use letters, digits, - and .")
    if any(other.doc.name == asked.name for other in tx.list(records.FRONT_END)):
        raise Refused(409, f"there is a front end named {asked.name}; use another name")
    if len(tx.list(records.FRONT_END)) >= frontends.FRONT_ENDS_MAX:
        raise Refused(409, f"there are {frontends.FRONT_ENDS_MAX} front ends already")
    if any(one.seen is None or not one.seen.resealed_at for one in tx.list(records.KEY_ROTATION)):
        raise Refused(409, "the master key is being rotated; try again when all is sealed anew")
    replaced = [one for one in tx.list(records.AUTHORITY) if not (one.seen and one.seen.ended_at)]
    if replaced:
        raise Refused(409, "the authority is being replaced; try again when that has ended")
    if any(one.seen is None or not one.seen.outcome for one in tx.list(records.ROLLOUT)):
        raise Refused(409, "other settings are being tried; try again when that has ended")
    id = ids.make("fe", registry.entropy(ids.ID_BYTES))
    grant = pki.Grant(name=id, now=tx.now, life_s=TOKEN_LIFE_S)
    try:
        certificate = pki.issue(registry.authorities.signer, asked.csr_pem.encode(), grant)
    except pki.BadRequest as error:
        raise Refused(400, str(error)) from error
    serial = pki.read_certificate(certificate).serial
    made = FrontEnd(id=id, name=asked.name, certificate_serial=serial, joined_at=tx.now)
    tx.insert(records.FRONT_END, "", id, made)
    return Joined(id=id, certificate_pem=certificate.decode())


def check_caller(view: store.View, shown: pki.Issued, now: float) -> FrontEnd:
    """Return the front end that may have the secrets; raise `Refused`."""
    record = view.get(records.FRONT_END, shown.name)
    if record is None or record.doc.certificate_serial != shown.serial:
        raise Refused(403, f"{shown.name} is no front end that joins this cloud")
    if shown.ends_at <= now or record.doc.joined_at + TOKEN_LIFE_S <= now:
        raise Refused(403, f"{record.id} had an hour; have it join with a new invitation")
    return record.doc


def check_fellow(view: store.View, shown: pki.Issued, now: float) -> FrontEnd:
    """Return the front end that calls; raise `Refused`."""
    record = view.get(records.FRONT_END, shown.name)
    if record is None:
        raise Refused(403, f"{shown.name} is no front end of this cloud")
    # The handshake looked at the end of its life, but a connection may outlive it.
    if shown.ends_at <= now:
        raise Refused(403, f"the certificate of {record.id} has expired")
    return record.doc


def read_secrets(layout: Layout) -> Secrets:
    """Return what all front ends of this cloud have in common; blocks."""
    # It takes a moment to be made, at the first start.
    bundlefiles.prepare(layout)
    settings = layout.settings.read_text() if layout.settings.exists() else ""
    found = {name: (layout.cloud / name).read_bytes() for name in frontends.SECRET_FILES}
    return Secrets(settings=settings, files=found)

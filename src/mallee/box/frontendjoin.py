"""Makes this machine a front end of a cloud that runs elsewhere: `mallee frontends join`.

The invitation is as that of a host: a token that is good once and for an hour, the fingerprint of
the cloud's authority, and where a front end is. What comes back, over mutual TLS, is all that front
ends have in common; it is written where a cloud has it, and then this machine starts as any cloud.
Not its business: who may join (`cloud.frontends`), and starting (`up`).
"""

import http.client
import os
import pwd
import socket
import ssl
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from mallee.box import nodejoin, owners, steps, up
from mallee.box.nodejoin import Invitation
from mallee.kit import files, namedhttps, pki
from mallee.model.configuration import settings
from mallee.model.configuration.settings import Capacity, Objects, Settings, Volumes
from mallee.model.hosts import frontends
from mallee.model.hosts.frontends import Joined, Joining, Secrets
from mallee.model.hosts.hosts import CLOUD_NAME
from mallee.model.layout import Layout

ANSWER_BYTES_MAX = 1 << 20
CALL_S = 20.0


@dataclass(frozen=True, slots=True)
class Wish:
    """How this machine shall be a front end."""

    invitation: Invitation
    address: str
    """At which hosts and other front ends reach it."""
    name: str = ""
    """Empty: as the machine is called."""


def plan(layout: Layout, wish: Wish) -> tuple[steps.Step, ...]:
    """Return the steps by which this machine becomes a front end, and starts."""
    return (
        steps.Step("See that nothing else is here", lambda say: nodejoin.check_free(layout)),
        steps.Step("Join the cloud's front ends", lambda say: _join(layout, wish)),
        *up.machine_steps(layout),
        up.guest_step(layout),
        *up.start_steps(layout),
    )


def _join(layout: Layout, wish: Wish) -> str:
    owners.ensure_user()
    owners.ensure_directories(layout)
    fetched = fetch(wish)
    keep(layout, wish, fetched)
    owners.read_settings(layout)
    return f"{fetched.joined.id}, with the secrets of the cloud at {wish.invitation.host}"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a front end that joins is given."""

    joined: Joined
    secrets: Secrets


def fetch(wish: Wish) -> Fetched:
    """Use the invitation up; return what it was good for. Raises `Failed`."""
    ca_pem = nodejoin.fetch_authority(wish.invitation)
    name = wish.name or socket.gethostname()
    request = pki.make_request(name)
    asked = Joining(token=wish.invitation.token, csr_pem=request.csr_pem.decode(), name=name)
    trusting = ssl.create_default_context(cadata=ca_pem)
    answer = _call(wish.invitation, trusting, ("POST", "/v1/frontends", msgspec.json.encode(asked)))
    joined = msgspec.json.decode(answer, type=Joined)
    with _showing(joined.certificate_pem.encode() + request.key_pem) as path:
        trusting.load_cert_chain(path)
    answer = _call(wish.invitation, trusting, ("GET", "/v1/frontends/secrets", b""))
    return Fetched(joined, msgspec.json.decode(answer, type=Secrets))


def keep(layout: Layout, wish: Wish, fetched: Fetched) -> None:
    """Write down what was given; the settings come last, for with them it is a cloud's machine."""
    owner = pwd.getpwnam(owners.CLOUD_USER)
    layout.cloud_pki.mkdir(mode=0o700, exist_ok=True)
    os.chown(layout.cloud_pki, owner.pw_uid, owner.pw_gid)
    identity = {"id": fetched.joined.id, "has_joined": True}
    given = {"frontend.json": msgspec.json.encode(identity)}
    given |= {name: fetched.secrets.files[name] for name in frontends.SECRET_FILES}
    for name, content in given.items():
        path = layout.cloud / name
        files.write_atomically(path, content)
        os.chown(path, owner.pw_uid, owner.pw_gid)
    owners.ensure_settings(layout, own_settings(fetched.secrets, wish.address))


def own_settings(secrets: Secrets, address: str) -> Settings:
    """Return the cloud's settings as this machine has them; raise `Failed`."""
    try:
        common = settings.parse(secrets.settings)
    except settings.InvalidSettings as error:
        raise steps.Failed(
            f"the cloud's settings are not understood here: {error}",
            "install the same version of Mallee on both machines",
        ) from error
    return replace(
        common,
        listen="0.0.0.0",
        address=address,
        capacity=Capacity(),
        volumes=Volumes(),
        # Who shares the objects' directory may serve them as well.
        objects=common.objects
        if common.objects.engine == "shared"
        else Objects(engine="elsewhere"),
    )


def _call(invitation: Invitation, tls: ssl.SSLContext, request: tuple[str, str, bytes]) -> bytes:
    method, path, body = request
    host = invitation.host.strip("[]")
    where = f"{invitation.host}:{invitation.port}"
    away = f"the cloud at {where} does not answer"
    asking = namedhttps.Connection((host, invitation.port), CLOUD_NAME, tls, CALL_S)
    try:
        asking.request(method, path, body or None)
        answer = asking.getresponse()
        said = answer.read(ANSWER_BYTES_MAX)
    except (OSError, http.client.HTTPException) as error:
        raise steps.Failed(
            f"{away}: {error}", "see that nothing is between both machines"
        ) from error
    finally:
        asking.close()
    if answer.status != http.HTTPStatus.OK:
        is_away = answer.status >= http.HTTPStatus.INTERNAL_SERVER_ERROR
        cure = nodejoin.cure_of(answer.status, "mallee frontends invite")
        raise steps.Failed(
            f"the cloud at {where} refuses: {_words(said)}",
            "see mallee logs cloud there" if is_away else cure,
        )
    return said


def _words(said: bytes) -> str:
    try:
        return str(msgspec.json.decode(said)["error"])[:500]
    except (msgspec.DecodeError, TypeError, KeyError):
        return "without a word"


@contextmanager
def _showing(pem: bytes) -> Generator[str]:
    """Give a file with a certificate and its key, as long as the block lasts."""
    with tempfile.NamedTemporaryFile(prefix="m-fe-") as file:
        file.write(pem)
        file.flush()
        yield file.name

"""The other front ends, as this one asks them: over mutual TLS, at their agents' endpoints.

All front ends have the cloud's authority, so each makes the certificate that it shows by itself, in
its own name; a *fellow* is who has a record as a front end and shows such a certificate.
Called by what looks at all front ends (trails, keys) or brings what another serves (`relay`). Not
its business: what is asked (`door` answers), and hosts.
"""

import http.client
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mallee.cloud.state import records, store
from mallee.kit import clock as clocks
from mallee.kit import namedhttps, pki, sealedto
from mallee.kit.authorities import Authorities
from mallee.model.hosts.frontends import FrontEnd, KeyAsked, KeyTold
from mallee.model.hosts.hosts import CLOUD_NAME

CALL_S = 10.0
ANSWER_BYTES_MAX = 32 << 20
CERTIFICATE_LIFE_S = 7 * pki.DAY_S
"""Made anew at half of it."""


class Away(Exception):
    """A front end does not answer; the message says why."""


class Refused(Exception):
    """A front end says no; the message says why."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What this front end shows others, and opens what they send it with."""

    authorities: Authorities
    own: X25519PrivateKey


@dataclass(frozen=True, slots=True)
class _Shown:
    context: ssl.SSLContext
    made_at: float
    authority_ids: tuple[str, ...]


class Fellows:
    """The other front ends of this one."""

    def __init__(
        self,
        own: str,
        view: store.View,
        secrets: Secrets,
        clock: clocks.Clock = clocks.SYSTEM,
    ) -> None:
        """`own` is this front end's id."""
        self.own = own
        self._view = view
        self._secrets = secrets
        self._clock = clock
        self._shown: _Shown | None = None

    def others(self) -> tuple[FrontEnd, ...]:
        """Return the other front ends, by name, whether they are there or not."""
        found = [one.doc for one in self._view.list(records.FRONT_END) if one.id != self.own]
        return tuple(sorted(found, key=lambda one: one.name))

    def server(self) -> FrontEnd | None:
        """Return which of the others serves S3."""
        return next((one for one in self.others() if one.serves_objects), None)

    def leader(self) -> FrontEnd | None:
        """Return which front end serves S3, this one too: for who only passes things on."""
        found = [one.doc for one in self._view.list(records.FRONT_END) if one.doc.serves_objects]
        return found[0] if found else None

    def tls(self) -> ssl.SSLContext:
        """Return what trusts the cloud alone, and shows that this is a front end of it."""
        now = self._clock.now()
        shown, authorities = self._shown, self._secrets.authorities
        authorities.refresh()
        is_theirs = shown is not None and shown.authority_ids == authorities.ids
        # A clock that was set back makes no certificate that is good for longer.
        if shown is None or not is_theirs or not 0 <= now - shown.made_at < CERTIFICATE_LIFE_S / 2:
            shown = self._shown = _Shown(self._make_tls(now), now, authorities.ids)
        return shown.context

    def ask(self, whom: FrontEnd, path: str, body: bytes = b"") -> bytes:
        """Post something to a front end, return its answer; blocks. Raises `Away`, `Refused`."""
        if not whom.agents_url:
            raise Away(f"{whom.name} listens for its own machine alone")
        where = urlsplit(whom.agents_url)
        place = (where.hostname or "", where.port or 0)
        asking = namedhttps.Connection(place, CLOUD_NAME, self.tls(), CALL_S)
        try:
            asking.request("POST", path, body)
            answer = asking.getresponse()
            said = answer.read(ANSWER_BYTES_MAX)
        except (OSError, http.client.HTTPException) as error:
            raise Away(f"{whom.name} does not answer: {error}") from error
        finally:
            asking.close()
        if answer.status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Away(f"{whom.name} cannot answer now: {_words(said)}")
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise Refused(f"{whom.name} refuses: {_words(said)}")
        return said

    def ask_sealed(self, whom: FrontEnd, path: str, id: str) -> bytes:
        """Ask for a key that is sealed to this front end; blocks. Raises `Away`, `Refused`."""
        said = self.ask(whom, path, msgspec.json.encode(KeyAsked(key_id=id)))
        try:
            sealed = msgspec.json.decode(said, type=KeyTold).sealed
            return sealedto.open_sealed(self._secrets.own, sealed, id)
        except (msgspec.DecodeError, sealedto.Unopenable) as error:
            raise Refused(f"{whom.name} gives what cannot be opened: {error}") from error

    def _make_tls(self, now: float) -> ssl.SSLContext:
        request = pki.make_request(self.own)
        grant = pki.Grant(name=self.own, now=now, life_s=CERTIFICATE_LIFE_S)
        certificate = pki.issue(self._secrets.authorities.signer, request.csr_pem, grant)
        trusted = self._secrets.authorities.bundle_pem
        context = ssl.create_default_context(cadata=trusted)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        # The library reads files alone; this one is in memory, and nobody else's.
        with os.fdopen(os.memfd_create("fellow"), "wb") as file:
            file.write(certificate + request.key_pem)
            file.flush()
            context.load_cert_chain(Path("/proc/self/fd") / str(file.fileno()))
        return context


def _words(said: bytes) -> str:
    try:
        return str(msgspec.json.decode(said)["error"])[:500]
    except (msgspec.DecodeError, TypeError, KeyError):
        return "without a word"

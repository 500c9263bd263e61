"""The agent's door to the cloud: HTTPS with mutual TLS, JSON by msgspec.

`join` turns a one-time token into a certificate, `Cloud` makes the calls that one allows. Keys and
certificates lie in `Layout.node_pki`; the private key never leaves the host.
Not its business: when to call and what to do with the answers (`sync`).
"""

import asyncio
import ipaddress
import math
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import msgspec

from mallee.kit import authorities, lean, logs, pki
from mallee.model.compute.guestrequests import STREAM_BYTES_MAX, GuestRequest, GuestResponse, Whence
from mallee.model.hosts import parts
from mallee.model.hosts.hosts import (
    CLOUD_NAME,
    LINE_BYTES_MAX,
    Ask,
    AsksAnswer,
    CredentialsAnswer,
    CredentialsRequest,
    HostWanted,
    SyncAnswer,
    SyncRequest,
)
from mallee.model.layout import Layout
from mallee.model.network.gateways import LeaseAsked, LeaseTold
from mallee.model.storage.datakeys import OpenedKey
from mallee.model.storage.passes import Pass, PassRequest
from mallee.model.storage.transfers import KeyAsked, KeyTold, TransferPass, TransferSeen
from mallee.node import certificates, facts, membership
from mallee.node.do.storage.images import CHUNK_BYTES, FetchFailed, SourceAway
from mallee.node.membership import JoinToken, Membership
from mallee.node.plan.trust import (
    trust,
    trustedblocks,
    trustedmodes,
    trustedtransfers,
    trustedvolumes,
)

with lean.without_authorities():
    import aiohttp

CALL_S = 20.0
"""The longest that a call may take beyond the time it asks to be held."""
CONNECT_S = 5.0
ASK_TRUST_S = 20.0
"""After how long other authorities are asked for again."""
RENEWED_AGAIN_S = 3600.0
"""Where this machine's clock is days ahead, a certificate is half over as soon as it is made."""
ASKS_HELD_S = 10.0
"""How long a front end may hold a call that waits for its questions."""
ASKED_MAX = 4096
"""Of so many questions it is remembered which front end asked them; of older ones it is not."""
ANSWER_BYTES_MAX = 128 << 20
"""More than a thousand instances with all their user data."""

_WRONG_TIME = {9: "is not valid yet", 10: "is not valid any more"}
"""By what OpenSSL calls `X509_V_ERR_CERT_NOT_YET_VALID` and `X509_V_ERR_CERT_HAS_EXPIRED`."""

log = logs.get(__name__)


class CloudAway(Exception):
    """The cloud cannot be reached, or has trouble of its own: try again."""


class Refused(Exception):
    """The cloud refuses this host; the message says why and what to do."""

    def __init__(self, message: str, status: int = HTTPStatus.FORBIDDEN) -> None:
        """`status` is HTTP's."""
        super().__init__(message)
        self.status = int(status)


class _Refusal(msgspec.Struct, frozen=True):
    error: str


async def join(layout: Layout, token: JoinToken, name: str) -> Membership:
    """Join the cloud, as `name` unless the token says another; raises `CloudAway` and `Refused`.

    Uses the token up.
    """
    name = token.name or name
    request = await asyncio.to_thread(pki.make_request, name)
    address = token.address or await asyncio.to_thread(_own_address, token.url)
    body: dict[str, object] = {
        "token": token.token,
        "csr_pem": request.csr_pem.decode(),
        "name": name,
        "address": address,
        "roles": token.roles,
    }
    if token.zone is not None:
        body["zone"] = token.zone
    trusting = ssl.create_default_context(cadata=token.ca_pem)
    async with _session(trusting) as session:
        answer = await _post(session, f"{token.url}/v1/join", msgspec.json.encode(body))
    certified = _read_certified(answer, request)
    member = Membership(token.url, certified.host_id, name)
    await asyncio.to_thread(certificates.keep, layout, request, certified)
    await asyncio.to_thread(membership.write, layout, member)
    layout.join_token.unlink(missing_ok=True)
    log.info("joined", host=certified.host_id, url=token.url)
    return member


def _own_address(url: str) -> str:
    """Return where this host's way to the cloud begins; empty when that leaves no host."""
    parts = urlsplit(url)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, where = found[0]
        with socket.socket(family, kind, protocol) as looking:
            # No packet is sent for it: the kernel says by which way it would go.
            looking.connect(where)
            address = ipaddress.ip_address(looking.getsockname()[0])
    except OSError:
        return ""
    return "" if address.is_loopback or address.is_link_local else str(address)


class Cloud:
    """The calls of a host that has joined. `close` it."""

    def __init__(self, layout: Layout, member: Membership) -> None:
        self._layout = layout
        self._membership = member
        self._asked_at: dict[str, str] = {}
        """By question: the front end that asked it."""
        self._session = _session(certificates.own_tls(layout))
        # Guests have connections of their own: however many wait, the host's talk does not.
        self._guests_session = _session(certificates.own_tls(layout))
        self._streams_session = _session(certificates.own_tls(layout), connections_max=0)
        self._former_streams: aiohttp.ClientSession | None = None
        """Under the certificate before: guests' transfers go on in it until they end."""
        has_settings = layout.settings.exists()
        self._own = facts.read_settings(layout).network if has_settings else None
        self._classic = facts.read_classic(layout)
        self._looked_at_kind = False
        self._renews_from = -math.inf
        """In monotonic seconds: from when on the age of a certificate is a reason for another."""
        self._shall_trust: tuple[str, ...] = ()
        """The ids of the authorities that the cloud wants to be trusted; none: it has not said."""
        self._asked_trust_at = 0.0
        """Whether it was asked for a certificate by which other hosts know this one, if it had
        none: of an older cloud there is none to get."""

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()
        await self._guests_session.close()
        await self._streams_session.close()
        if self._former_streams is not None:
            await self._former_streams.close()

    async def sync(self, request: SyncRequest, known: HostWanted | None = None) -> SyncAnswer:
        """Tell what is seen, learn what is wanted; raises `CloudAway` and `Refused`.

        `known` is what the answer may leave out parts of. What the cloud says is checked here,
        whole, before anybody acts on it.
        """
        try:
            body = await self._post("/v1/sync", msgspec.json.encode(request), request.wait_s)
        except CloudAway:
            await asyncio.to_thread(self._turn)
            raise
        try:
            answer = msgspec.json.decode(body, type=SyncAnswer)
            joined = parts.join_parts(answer, known)
            return trust.check_answer(trustedmodes.with_own(joined, self._classic), self._own)
        except (msgspec.DecodeError, parts.PartsMissing, trust.NotTrusted) as error:
            raise CloudAway(f"the cloud's answer is refused, it has {error}") from error

    @property
    def other_urls(self) -> tuple[str, ...]:
        """The front ends to which this host does not report."""
        member = self._membership
        return tuple(url for url in member.urls if url != member.url)

    def learn_urls(self, urls: tuple[str, ...]) -> None:
        """Remember where the cloud's front ends are; blocks. None are no news."""
        member = self._membership
        if urls and urls != member.urls:
            # The present one is gone on with while it answers, by whatever name it is known.
            self._remember(msgspec.structs.replace(member, urls=urls))

    async def fetch_asks(self, url: str) -> tuple[Ask, ...]:
        """Wait for questions of another front end; raises `CloudAway` and `Refused`."""
        body = await _post(self._guests_session, f"{url}/v1/asks", b"", ASKS_HELD_S)
        try:
            asks = msgspec.json.decode(body, type=AsksAnswer).asks
            trust.check_answer(SyncAnswer(wanted=None, asks=asks))
        except (msgspec.DecodeError, trust.NotTrusted) as error:
            raise CloudAway(f"the cloud's questions are refused, they have {error}") from error
        self._asked_at.update({ask.id: url for ask in asks})
        # What was never answered is the oldest.
        for id in tuple(self._asked_at)[: max(0, len(self._asked_at) - ASKED_MAX)]:
            del self._asked_at[id]
        return asks

    @property
    def host_id(self) -> str:
        """As whom this host belongs to the cloud."""
        return self._membership.host_id

    async def ask_lease(self, asked: LeaseAsked) -> LeaseTold:
        """Ask whether this host may lead to the world; raises `CloudAway` and `Refused`."""
        body = await self._post("/v1/gateway", msgspec.json.encode(asked))
        try:
            return msgspec.json.decode(body, type=LeaseTold)
        except msgspec.DecodeError as error:
            raise CloudAway(f"the cloud's answer cannot be read: {error}") from error

    async def answer(self, ask_id: str, answer: bytes) -> None:
        """Answer a question; raises `CloudAway` and `Refused`."""
        await self._post_to_asker(ask_id, f"/v1/answers/{ask_id}", answer)

    async def refuse(self, ask_id: str, words: str) -> None:
        """Say why a question has no answer; raises `CloudAway` and `Refused`."""
        await self._post_to_asker(ask_id, f"/v1/refusals/{ask_id}", words.encode())

    async def _post_to_asker(self, ask_id: str, path: str, body: bytes) -> None:
        url = self._asked_at.pop(ask_id, self._membership.url)
        await _post(self._session, url + path, body)

    def _turn(self) -> None:
        """Report to the next front end from now on, if there are others."""
        member = self._membership
        if member.urls:
            at = member.urls.index(member.url) if member.url in member.urls else -1
            url = member.urls[(at + 1) % len(member.urls)]
            if url != member.url:
                log.warning("turning to another front end", url=url, former=member.url)
                self._remember(msgspec.structs.replace(member, url=url))

    def _remember(self, member: Membership) -> None:
        self._membership = member
        try:
            membership.write(self._layout, member)
        except OSError as error:
            log.error("membership not written", error=str(error))

    async def fetch_credentials(self, asked: CredentialsRequest) -> CredentialsAnswer:
        """Ask what instances get for their roles; raises `CloudAway` and `Refused`."""
        body = await self._post("/v1/credentials", msgspec.json.encode(asked))
        try:
            return trust.check_credentials(msgspec.json.decode(body, type=CredentialsAnswer))
        except (msgspec.DecodeError, trust.NotTrusted) as error:
            raise CloudAway(f"the cloud's answer is refused, it has {error}") from error

    @property
    def address(self) -> str:
        """The host name or address at which the cloud is reached."""
        return self._membership.address

    async def fetch_pass(self, asked: PassRequest) -> Pass:
        """Ask for a pass to an account's blocks; raises `CloudAway` and `Refused`."""
        body = await self._post("/v1/passes", msgspec.json.encode(asked))
        try:
            return trustedblocks.check_pass(msgspec.json.decode(body, type=Pass), asked)
        except (msgspec.DecodeError, trust.NotTrusted) as error:
            raise CloudAway(f"the cloud's answer is refused, it has {error}") from error

    async def deliver_flows(self, name: str, lines: bytes) -> None:
        """Hand over lines of a flow log, compressed; raises `CloudAway` and `Refused`."""
        await self._post(f"/v1/flowlogs/{name}", lines)

    async def fetch_transfer_pass(self, id: str) -> TransferPass:
        """Ask for what a transfer's objects are touched with; raises `CloudAway` and `Refused`."""
        body = await self._post(f"/v1/transfers/{id}/pass", b"")
        try:
            return trustedtransfers.check_pass(msgspec.json.decode(body, type=TransferPass))
        except (msgspec.DecodeError, trust.NotTrusted) as error:
            raise CloudAway(f"the cloud's answer is refused, it has {error}") from error

    async def tell_transfer(self, id: str, seen: TransferSeen) -> None:
        """Say how far a transfer is; raises `CloudAway` and `Refused`."""
        await self._post(f"/v1/transfers/{id}/seen", msgspec.json.encode(seen))

    async def fetch_volume_key(self, volume_id: str) -> OpenedKey:
        """Ask for the key of an encrypted volume; raises `CloudAway` and `Refused`."""
        body = await self._post(f"/v1/volumekeys/{volume_id}", b"")
        try:
            return trustedvolumes.check_key(msgspec.json.decode(body, type=OpenedKey))
        except (msgspec.DecodeError, trust.NotTrusted) as error:
            raise CloudAway("the cloud's answer is refused: it is no key") from error

    async def unlock_bundle(self, id: str, asked: KeyAsked) -> KeyTold:
        """Have the key of a transfer's bundle decrypted; raises `CloudAway` and `Refused`."""
        body = await self._post(f"/v1/transfers/{id}/key", msgspec.json.encode(asked))
        try:
            return msgspec.json.decode(body, type=KeyTold)
        except msgspec.DecodeError as error:
            raise CloudAway(f"the cloud's answer cannot be read: {error}") from error

    async def send_file(self, id: str, sha256: str, path: Path) -> None:
        """Bring a file that a transfer made; raises `CloudAway` and `Refused`."""
        url = f"{self._membership.url}/v1/transfers/{id}/files/{sha256}"
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_S, sock_read=10 * CALL_S)
        try:
            with path.open("rb") as file:
                async with self._session.put(
                    url,
                    data=file,
                    timeout=timeout,
                    allow_redirects=False,
                    server_hostname=CLOUD_NAME,
                ) as response:
                    words = _explain(response.status, await _read(response))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise CloudAway(f"the cloud at {url} cannot be reached: {_why(error)}") from error
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise CloudAway(words)
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise Refused(words)

    async def bring(self, request: GuestRequest) -> GuestResponse:
        """Bring a guest's request to the cloud's API; raises `CloudAway` and `Refused`."""
        url = f"{self._membership.url}/v1/requests"
        body = await _post(self._guests_session, url, msgspec.json.encode(request))
        try:
            return trust.check_response(msgspec.json.decode(body, type=GuestResponse))
        except (msgspec.DecodeError, trust.NotTrusted) as error:
            raise CloudAway(f"the cloud's answer is refused, it has {error}") from error

    async def open_stream(self, whence: Whence) -> aiohttp.ClientWebSocketResponse:
        """Return a way to S3 for one connection of a guest; raises `CloudAway` and `Refused`.

        Messages of bytes are the guest's and S3's; a text says that the guest says no more.
        """
        told = urlencode(msgspec.to_builtins(whence))
        what = f"stream for {whence.name}"
        url = self._membership.url
        return await self._open(f"{url}/v1/streams?{told}", STREAM_BYTES_MAX, what)

    async def open_line(self, ask_id: str) -> aiohttp.ClientWebSocketResponse:
        """Return the cloud's end of a line it asked for; raises `CloudAway` and `Refused`."""
        url = self._asked_at.pop(ask_id, self._membership.url)
        return await self._open(f"{url}/v1/lines/{ask_id}", LINE_BYTES_MAX, "line")

    async def _open(self, url: str, bytes_max: int, what: str) -> aiohttp.ClientWebSocketResponse:
        try:
            async with asyncio.timeout(CALL_S):
                return await self._streams_session.ws_connect(
                    url, server_hostname=CLOUD_NAME, max_msg_size=bytes_max, compress=0
                )
        except aiohttp.WSServerHandshakeError as error:
            is_away = error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            kind = CloudAway if is_away else Refused
            raise kind(f"no {what}: status {error.status}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise CloudAway(f"the cloud at {url} cannot be reached: {_why(error)}") from error

    async def read_blob(self, sha256: str, offset: int) -> AsyncIterator[bytes]:
        """Return a blob's bytes from `offset` on; raises `FetchFailed`, `SourceAway`.

        Which front end has it is not known: they are asked one after the other.
        """
        *some, last = (self._membership.url, *self.other_urls)
        for front_end in some:
            try:
                async for chunk in self._read_blob(front_end, sha256, offset):
                    offset += len(chunk)
                    yield chunk
            except (FetchFailed, SourceAway) as error:
                log.info("blob looked for elsewhere", sha256=sha256, error=str(error))
            else:
                return
        async for chunk in self._read_blob(last, sha256, offset):
            yield chunk

    async def _read_blob(self, front_end: str, sha256: str, offset: int) -> AsyncIterator[bytes]:
        url = f"{front_end}/v1/blobs/{sha256}"
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        # No end of all, but an end of silence: a large image takes as long as it takes.
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_S, sock_read=CALL_S)
        try:
            # Nobody is followed anywhere: what another host says is not the cloud's word.
            async with self._session.get(
                url,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                server_hostname=CLOUD_NAME,
            ) as response:
                if response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    return
                expected = HTTPStatus.PARTIAL_CONTENT if offset else HTTPStatus.OK
                if response.status != expected:
                    words = _explain(response.status, await _read(response))
                    is_away = response.status >= HTTPStatus.INTERNAL_SERVER_ERROR
                    raise SourceAway(words) if is_away else FetchFailed(words)
                async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                    yield chunk
        except (aiohttp.ClientError, TimeoutError) as error:
            raise SourceAway(f"the cloud at {front_end}: {error!r}") from error

    async def renew_if_due(self, now: float) -> None:
        """Have the certificate renewed in the second half of its life.

        Raises `CloudAway` and `Refused`; the old certificate then goes on while it lasts.
        """
        issued = pki.read_certificate(self._layout.host_certificate.read_bytes())
        is_due = self._trusts_others(now)
        is_older, self._looked_at_kind = not issued.is_server and not self._looked_at_kind, True
        is_old = now >= (issued.begins_at + issued.ends_at) / 2
        if not (is_old and time.monotonic() >= self._renews_from) and not is_older and not is_due:
            return
        request = await asyncio.to_thread(pki.make_request, self._membership.host_id)
        body = msgspec.json.encode({"csr_pem": request.csr_pem.decode()})
        answer = await self._post("/v1/renew", body)
        certified = _read_certified(answer, request, self._membership.host_id)
        await asyncio.to_thread(certificates.keep, self._layout, request, certified)
        self._renews_from = time.monotonic() + RENEWED_AGAIN_S
        former = [self._session, self._guests_session]
        former += [self._former_streams] if self._former_streams is not None else []
        self._former_streams = self._streams_session
        self._session = _session(certificates.own_tls(self._layout))
        self._guests_session = _session(certificates.own_tls(self._layout))
        self._streams_session = _session(certificates.own_tls(self._layout), connections_max=0)
        for session in former:
            await session.close()
        log.info("certificate renewed", host=certified.host_id)

    def learn_authorities(self, ids: tuple[str, ...]) -> None:
        """Hear which authorities this host shall trust; none are no news."""
        self._shall_trust = ids or self._shall_trust

    def _trusts_others(self, now: float) -> bool:
        """Tell whether it is time to ask for others than those that are trusted."""
        trusted = authorities.ids_of(self._layout.host_authority.read_bytes())
        if not self._shall_trust or trusted == self._shall_trust:
            return False
        # What comes may still be what was before: then it is asked again, and not at once.
        is_due = not 0 <= now - self._asked_trust_at < ASK_TRUST_S
        self._asked_trust_at = now if is_due else self._asked_trust_at
        return is_due

    async def _post(self, path: str, body: bytes, hold_s: float = 0.0) -> bytes:
        try:
            return await _post(self._session, self._membership.url + path, body, hold_s)
        except CloudAway as error:
            # Whoever shows a certificate that is not good is not told why: the connection ends.
            trouble = await asyncio.to_thread(certificates.find_trouble, self._layout, time.time())
            if trouble:
                raise CloudAway(f"{error}; {trouble}") from error
            raise


def _read_certified(
    answer: bytes, request: pki.Request, host_id: str = ""
) -> certificates.Certified:
    try:
        return certificates.read_answer(answer, request, host_id)
    except pki.BadCertificate as error:
        raise CloudAway(f"the cloud's answer is refused: {error}") from error


def _session(tls: ssl.SSLContext, connections_max: int = 100) -> aiohttp.ClientSession:
    """`connections_max`: 0 where whoever uses it has a bound of his own."""
    connector = aiohttp.TCPConnector(ssl=tls, limit=connections_max)
    return aiohttp.ClientSession(connector=connector, trust_env=False)


async def _post(
    session: aiohttp.ClientSession, url: str, body: bytes, hold_s: float = 0.0
) -> bytes:
    timeout = aiohttp.ClientTimeout(total=hold_s + CALL_S, connect=CONNECT_S)
    try:
        async with session.post(
            url, data=body, timeout=timeout, allow_redirects=False, server_hostname=CLOUD_NAME
        ) as response:
            answer = await _read(response)
    except aiohttp.ClientConnectorCertificateError as error:
        raise CloudAway(_distrust(url, error.certificate_error)) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise CloudAway(f"the cloud at {url} cannot be reached: {_why(error)}") from error
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise CloudAway(_explain(response.status, answer))
    if response.status >= HTTPStatus.BAD_REQUEST:
        raise Refused(_explain(response.status, answer), response.status)
    return answer


def _distrust(url: str, error: Exception) -> str:
    """Say why what the cloud shows is not trusted."""
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    if code in _WRONG_TIME:
        now = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")
        return (
            f"the cloud at {url} shows a certificate that {_WRONG_TIME[code]} by this machine's "
            f"clock, which says {now}; set the clock of this machine or of the cloud's, whichever "
            "is wrong"
        )
    return (
        f"the cloud at {url} shows a certificate of an authority that this host does not know; if "
        "it was given another one while the host was away: mallee down, and mallee node join "
        f"--again with a new invitation ({error})"
    )


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Return the answer's body; raise `CloudAway` when there is no end of it."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            raise CloudAway(f"the cloud's answer is longer than {ANSWER_BYTES_MAX >> 20} MiB")
    return bytes(body)


def _explain(status: int, answer: bytes) -> str:
    try:
        return msgspec.json.decode(answer, type=_Refusal).error
    except msgspec.DecodeError:
        return f"the cloud answered with status {status}"


def _why(error: Exception) -> str:
    """Say why nothing came of a connection, in words for who stands before the machine."""
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        # The library's own text has its settings in it, and not the system's word for the fault.
        return os.strerror(error.errno)
    return f"{error}" or ("no answer in time" if isinstance(error, TimeoutError) else repr(error))

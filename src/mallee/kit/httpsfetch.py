"""Fetching a small document over HTTPS from a server that a stranger named, within bounds.

Tenants say where their identity providers are, so what is fetched is bounded in time and size, no
redirection is followed, and addresses of this machine itself are not asked unless that is allowed.
A server must have a certificate of a public authority, or of one whose SHA-1 (*thumbprint*) was
given: then that certificate alone is believed. Blocks: callers run it in a thread.
Not its business: what the document means, and how often it is fetched.
"""

import hashlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

CONNECT_S = 3.0
WHOLE_S = 6.0
"""The longest that one document may take."""
DOCUMENT_BYTES_MAX = 192 << 10


_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""Where routers translate to version 4."""
_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


class Unreachable(Exception):
    """There is no such document to be had; the message says why, for who named the server."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Which servers may be asked."""

    is_allowed: bool = True
    """Whether any may."""
    may_be_local: bool = False
    """Whether this machine's own addresses may be."""
    may_be_private: bool = True
    """Whether addresses may be that have a meaning in private networks alone."""
    ca_file: str = ""
    """Authorities besides the machine's own; empty: none."""


def fetch(url: str, thumbprints: Sequence[str], reach: Reach) -> bytes:
    """Return the document at an `https` URL; raise `Unreachable`."""
    try:
        return _fetch(url, trusted(reach), reach)
    except ssl.SSLCertVerificationError as error:
        if not thumbprints:
            raise Unreachable(f"{url}: {error.verify_message}") from error
    except _PROBLEMS as error:
        raise Unreachable(f"{url}: {error or type(error).__name__}") from error
    try:
        return _fetch(url, _pinned(url, thumbprints, reach), reach)
    except _PROBLEMS as error:
        raise Unreachable(f"{url}: {error or type(error).__name__}") from error


def fetch_thumbprint(url: str, reach: Reach) -> tuple[str, ...]:
    """Return the thumbprint of the last certificate that the server shows; none when it is away."""
    try:
        return (_thumbprint(_chain(url, reach)[-1]),)
    except (*_PROBLEMS, Unreachable):
        return ()


_PROBLEMS = (OSError, http.client.HTTPException, ValueError)
"""What can be wrong with a server; `ssl.SSLError` is an `OSError`."""


def _fetch(url: str, trust: ssl.SSLContext, reach: Reach) -> bytes:
    parts = urlsplit(url)
    host, port = _place(url, reach)
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    with (
        connect(host, port, reach) as plain,
        bounded(plain),
        trust.wrap_socket(plain, server_hostname=host) as connection,
    ):
        asking = http.client.HTTPConnection(host, port)
        asking.sock = connection
        asking.request("GET", path, headers={"Accept": "application/json"})
        response = asking.getresponse()
        if response.status != http.client.OK:
            raise Unreachable(f"{url}: HTTP {response.status}")
        document = response.read(DOCUMENT_BYTES_MAX + 1)
    if len(document) > DOCUMENT_BYTES_MAX:
        raise Unreachable(f"{url}: longer than {DOCUMENT_BYTES_MAX} bytes")
    return document


@contextmanager
def bounded(connection: socket.socket) -> Generator[None]:
    """End the connection after `WHOLE_S`: each read has its own time-out, and a server may drip."""
    is_over = threading.Event()
    # A handle of its own: the connection's is taken over by TLS.
    with connection.dup() as handle:
        end = threading.Timer(WHOLE_S, _shut, (handle, is_over))
        end.daemon = True
        end.start()
        try:
            yield
        finally:
            end.cancel()
            if is_over.is_set():
                raise Unreachable(f"the server took longer than {WHOLE_S:g} s")


def trusted(reach: Reach) -> ssl.SSLContext:
    """Return what believes in the machine's own authorities and in those of `reach`."""
    context = ssl.create_default_context()
    if reach.ca_file:
        context.load_verify_locations(reach.ca_file)
    return context


def _pinned(url: str, thumbprints: Sequence[str], reach: Reach) -> ssl.SSLContext:
    """Return a context that believes the certificate of a thumbprint, and nothing else.

    The server's own word for its chain is not enough: anybody can send a copy of a known
    certificate along. It only finds the certificate, by which the connection is then verified.
    """
    found = [one for one in _chain(url, reach) if _thumbprint(one) in thumbprints]
    if not found:
        raise Unreachable(f"{url}: no certificate of a given thumbprint")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    for one in found:
        context.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(one))
    return context


def _chain(url: str, reach: Reach) -> list[bytes]:
    """Return the certificates that the server shows, its own first, unverified."""
    host, port = _place(url, reach)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        connect(host, port, reach) as plain,
        bounded(plain),
        context.wrap_socket(plain, server_hostname=host) as shown,
    ):
        # Public from Python 3.13 on; there the certificates come as bytes.
        inner: Any = getattr(shown, "_sslobj", shown)
        chain = cast(list[Any], inner.get_unverified_chain() or [])
        return [one if isinstance(one, bytes) else _der(one) for one in chain]


def _der(certificate: Any) -> bytes:
    return ssl.PEM_cert_to_DER_cert(cast(str, certificate.public_bytes()))


def _thumbprint(certificate: bytes) -> str:
    return hashlib.sha1(certificate, usedforsecurity=False).hexdigest()


def _place(url: str, reach: Reach) -> tuple[str, int]:
    parts = urlsplit(url)
    if not reach.is_allowed:
        raise Unreachable("this cloud fetches nothing from identity providers")
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise Unreachable(f"{url}: not an https URL")
    return parts.hostname, parts.port or 443


def connect(host: str, port: int, reach: Reach) -> socket.socket:
    """Return a connection to the first address of the host that may be asked and answers, of
    however many within `WHOLE_S`."""
    problem: Exception = Unreachable(f"{host} has no address that may be asked")
    ends_at = time.monotonic() + WHOLE_S
    for family, kind, protocol, _, address in socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    ):
        if not _may_be_asked(str(address[0]), reach):
            continue
        left_s = ends_at - time.monotonic()
        if left_s <= 0:
            break
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(min(CONNECT_S, left_s))
        try:
            connection.connect(address)
            connection.settimeout(CONNECT_S)
            _check_elsewhere(connection, reach)
        except OSError as error:
            connection.close()
            problem = error
        else:
            return connection
    raise problem


def _check_elsewhere(connection: socket.socket, reach: Reach) -> None:
    """Raise `OSError` for a connection to an address that this machine has: it is from there."""
    if not reach.may_be_local and connection.getsockname()[0] == connection.getpeername()[0]:
        raise OSError(f"{connection.getpeername()[0]} is this machine's own address")


def _may_be_asked(address: str, reach: Reach) -> bool:
    if not (reach.may_be_local or _is_elsewhere(address)):
        return False
    return reach.may_be_private or all(ip.is_global for ip in _meant(address))


def _is_elsewhere(address: str) -> bool:
    """Tell whether the address is not this machine's by its range."""
    return not any(
        ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified
        for ip in _meant(address)
    )


def _meant(address: str) -> Iterator[_Ip]:
    """Yield what an address leads to: also that of version 4 within one of version 6."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv4Address):
        yield ip
        return
    within = ip.ipv4_mapped or ip.sixtofour
    if within is None and ip in _TRANSLATED:
        within = ipaddress.IPv4Address(ip.packed[-4:])
    # One that is only mapped is on the wire what is mapped.
    if ip.ipv4_mapped is None:
        yield ip
    if within is not None:
        yield within


def _shut(connection: socket.socket, is_over: threading.Event) -> None:
    is_over.set()
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)

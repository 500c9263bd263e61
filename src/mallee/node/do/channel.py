"""Connections between the agents of two hosts: TLS in which each shows its host's certificate.

Who is called, and with what pass, the cloud says; a connection to anybody else does not come about:
the caller asks for the host by its id, and the called one learns from the caller's certificate
which host that is. Messages are JSON behind their length, bytes come as they are. Listening begins
with the first peer and ends with the last. All calls block: each connection has a thread.
Not its business: who may have what (the handlers of `hello`s).
"""

import contextlib
import select
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from mallee.kit import logs, pki
from mallee.model.layout import Layout

CONNECT_S = 10.0
SILENCE_S = 60.0
"""Whoever neither says nor takes anything for so long is gone."""
HELLO_S = 10.0
"""For the handshake, and for all of the hello."""
AT_ONCE = 64
FROM_ONE = 32
"""Of those as many may come from one address: whoever holds his keeps nobody else out."""
MESSAGE_BYTES_MAX = 256 << 10
CARRIED_BYTES = 256 << 10
ANSWER_AGAIN_S = 0.5
"""After so long, when nobody could be answered."""
_ALIVE = (
    (socket.TCP_KEEPIDLE, 5),
    (socket.TCP_KEEPINTVL, 5),
    (socket.TCP_KEEPCNT, 3),
    (socket.TCP_USER_TIMEOUT, 20_000),
)
"""By which the kernel notices that another host is gone."""
_LENGTH = struct.Struct(">I")

log = logs.get(__name__)

T = TypeVar("T")


class ChannelFailed(OSError):
    """The other host cannot be reached, is another one, or said what it should not."""


class NotYet(ChannelFailed):
    """The other host has not yet what it needs for that, and is getting it."""


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """What a host says first to another one."""

    what: str
    """Which kind of thing it wants."""
    id: str
    """Of what."""
    move_id: str
    word: str
    """The pass that the cloud gave to both."""


class Welcome(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a `Hello`."""

    refusal: str = ""
    """Why nothing comes of it; empty: it does."""
    is_early: bool = False
    """Whether it may be asked for again: what is missing is on its way."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where another host answers, and as whom."""

    host_id: str
    address: str
    port: int


class Connection:
    """A connection whose other end is known. `close` it."""

    def __init__(self, tls: ssl.SSLSocket, peer: str) -> None:
        self._tls = tls
        self.peer = peer
        """The id of the host at the other end."""

    def send(self, message: msgspec.Struct) -> None:
        """Send a message; raises `ChannelFailed`."""
        body = msgspec.json.encode(message)
        self.send_bytes(_LENGTH.pack(len(body)) + body)

    def receive(self, type: type[T]) -> T:
        """Return the next message; raises `ChannelFailed`."""
        (length,) = _LENGTH.unpack(self.receive_bytes(_LENGTH.size))
        if length > MESSAGE_BYTES_MAX:
            raise ChannelFailed(f"host {self.peer} says too much")
        try:
            return msgspec.json.decode(self.receive_bytes(length), type=type)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ChannelFailed(f"host {self.peer} cannot be understood: {error}") from error

    def send_bytes(self, data: bytes | memoryview) -> None:
        """Send all of the bytes; raises `ChannelFailed`."""
        try:
            self._tls.sendall(data)
        except OSError as error:
            raise ChannelFailed(f"host {self.peer}: {error}") from error

    def receive_bytes(self, count: int) -> bytearray:
        """Return so many bytes; raises `ChannelFailed`, also when it ends before."""
        data = bytearray(count)
        view, got = memoryview(data), 0
        try:
            while got < count:
                more = self._tls.recv_into(view[got:])
                if not more:
                    raise ChannelFailed(f"host {self.peer} has ended the connection")
                got += more
        except ChannelFailed:
            raise
        except OSError as error:
            raise ChannelFailed(f"host {self.peer}: {error}") from error
        return data

    def receive_some(self) -> bytes:
        """Return the next bytes; nothing: the other end has no more. Raises `ChannelFailed`."""
        try:
            return self._tls.recv(CARRIED_BYTES)
        except OSError as error:
            raise ChannelFailed(f"host {self.peer}: {error}") from error

    def be_patient(self, within_s: float | None = None) -> None:
        """Wait for messages as long as it takes, or so long, while the other host is there."""
        self._tls.settimeout(within_s)
        for option, value in _ALIVE:
            self._tls.setsockopt(socket.IPPROTO_TCP, option, value)
        self._tls.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def carry(self, near: socket.socket) -> None:
        """Pass on bytes to and from a socket until either end has no more."""
        self.be_patient()
        # One thread for both ways: a TLS connection is nothing for two at once.
        while True:
            if not self._tls.pending():
                try:
                    readable, _, _ = select.select((self._tls, near), (), ())
                except ValueError as error:
                    # Somebody has closed it meanwhile.
                    raise ChannelFailed(f"host {self.peer}: the connection was ended") from error
                if near in readable:
                    data = near.recv(CARRIED_BYTES)
                    if not data:
                        return
                    self.send_bytes(data)
                if self._tls not in readable:
                    continue
            data = self._tls.recv(CARRIED_BYTES)
            if not data:
                return
            near.sendall(data)

    def end(self) -> None:
        """Have both ends hear nothing more; whoever has it closes it. From any thread."""
        # Of the socket below: TLS is nothing for two threads at once.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._tls, socket.SHUT_RDWR)

    def close(self) -> None:
        """End it; twice is once."""
        with contextlib.suppress(OSError):
            self._tls.shutdown(socket.SHUT_RDWR)
        self._tls.close()


Handler = Callable[[Connection, Hello], None]
"""Serves a connection to its end; answers the hello with a `Welcome` first."""


def connect(layout: Layout, place: Place, hello: Hello) -> Connection:
    """Return a connection on which the other host has bid welcome; raises `ChannelFailed`."""
    try:
        context = _context(layout, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        plain = socket.create_connection((place.address, place.port), CONNECT_S)
    except (OSError, ssl.SSLError) as error:
        raise ChannelFailed(f"host {place.host_id} at {place.address}: {error}") from error
    try:
        tls = context.wrap_socket(plain, server_hostname=place.host_id)
    except OSError as error:
        plain.close()
        raise ChannelFailed(f"host {place.host_id} at {place.address}: {error}") from error
    connection = Connection(tls, place.host_id)
    try:
        if _name(tls) != place.host_id:
            raise ChannelFailed(f"at {place.address} is another host than {place.host_id}")
        tls.settimeout(SILENCE_S)
        connection.send(hello)
        welcome = connection.receive(Welcome)
        if welcome.refusal:
            kind = NotYet if welcome.is_early else ChannelFailed
            raise kind(f"host {place.host_id} refuses: {welcome.refusal[:500]}")
    except ChannelFailed:
        connection.close()
        raise
    return connection


class Listener:
    """Answers other hosts while there are any to answer. `close` it."""

    def __init__(self, layout: Layout, port: int, handlers: Mapping[str, Handler]) -> None:
        """`port` is the one to listen at, if it is free."""
        self._layout = layout
        self._wished_port = port
        self._handlers = handlers
        self._socket: socket.socket | None = None
        self._open: set[Connection] = set()
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._served: Counter[str] = Counter()
        """How many are served of each address."""
        self._closed = threading.Event()

    @property
    def port(self) -> int:
        """At which it answers; 0: it does not listen."""
        listening = self._socket
        return 0 if listening is None else int(listening.getsockname()[1])

    def listen(self, *, is_wanted: bool) -> None:
        """Begin or end to listen. Raises `OSError`."""
        if is_wanted and self._socket is None:
            self._socket = _listening(self._wished_port)
            self._closed.clear()
            thread = threading.Thread(target=self._accept, args=(self._socket,), daemon=True)
            thread.start()
        elif not is_wanted and self._socket is not None:
            self.close()

    def close(self) -> None:
        """Listen no more, and end what goes on."""
        listening, self._socket = self._socket, None
        self._closed.set()
        if listening is not None:
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            listening.close()
        with self._lock:
            ending = tuple(self._open)
        for connection in ending:
            connection.close()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                plain, (address, *_) = listening.accept()
            except OSError as error:
                if listening.fileno() < 0 or self._socket is not listening:
                    return
                # No file to spare for him, or he is gone already: others will come.
                log.warning("a host was not answered", error=str(error))
                self._closed.wait(ANSWER_AGAIN_S)
                continue
            with self._lock:
                is_let_in = self._served[address] < FROM_ONE and self._turns.acquire(blocking=False)
                if is_let_in:
                    self._served[address] += 1
            if not is_let_in:
                plain.close()
                continue
            threading.Thread(target=self._serve, args=(plain, address), daemon=True).start()

    def _serve(self, plain: socket.socket, address: str) -> None:
        try:
            with contextlib.closing(plain):
                self._greet(plain)
        except (OSError, ssl.SSLError, pki.BadCertificate) as error:
            log.info("a host's connection ended", error=str(error))
        finally:
            self._turns.release()
            with self._lock:
                self._served[address] -= 1
                if not self._served[address]:
                    del self._served[address]

    def _greet(self, plain: socket.socket) -> None:
        plain.settimeout(HELLO_S)
        context = _context(self._layout, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        tls = context.wrap_socket(plain, server_side=True)
        connection = Connection(tls, _name(tls))
        with contextlib.closing(connection):
            with self._lock:
                self._open.add(connection)
            try:
                hello = _receive_hello(connection, tls)
                tls.settimeout(SILENCE_S)
                handler = self._handlers.get(hello.what)
                if handler is None:
                    connection.send(Welcome(refusal="this host does not know what that is"))
                else:
                    handler(connection, hello)
            finally:
                with self._lock:
                    self._open.discard(connection)


def _receive_hello(connection: Connection, tls: ssl.SSLSocket) -> Hello:
    """Return the hello, all of which comes in time: a byte now and then is no reason to wait on."""

    def cut() -> None:
        with contextlib.suppress(OSError):
            # The connection itself: what still came would be read without TLS else.
            socket.socket.shutdown(tls, socket.SHUT_RDWR)

    late = threading.Timer(HELLO_S, cut)
    late.daemon = True
    late.start()
    try:
        return connection.receive(Hello)
    finally:
        late.cancel()


def _listening(port: int) -> socket.socket:
    for wished in (port, 0):
        try:
            return socket.create_server(
                ("::", wished), family=socket.AF_INET6, dualstack_ipv6=True, backlog=AT_ONCE
            )
        except OSError:
            try:
                return socket.create_server(("", wished), backlog=AT_ONCE)
            except OSError:
                if not wished:
                    raise
    raise AssertionError


def _context(layout: Layout, context: ssl.SSLContext) -> ssl.SSLContext:
    """Return what a handshake needs; both ends show certificates of this cloud's."""
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(layout.host_authority)
    context.load_cert_chain(layout.host_certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _name(tls: ssl.SSLSocket) -> str:
    """Return which host's certificate the other end showed."""
    shown = tls.getpeercert(binary_form=True)
    return pki.read_certificate(shown).name if shown else ""

"""A document is fetched from who proves to be the server, quickly, whole, or not at all."""

import shutil
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.kit import httpsfetch
from mallee.kit.httpsfetch import Reach, Unreachable
from tests.fakes import oidc

LOCAL = Reach(may_be_local=True)


@pytest.fixture(scope="module")
def provider() -> Iterator[oidc.Provider]:
    with oidc.Provider() as provider:
        yield provider


def place(provider: oidc.Provider, path: str = "/keys") -> str:
    return provider.url + path


def test_document_comes_from_a_server_whose_certificate_is_pinned(provider: oidc.Provider) -> None:
    found = httpsfetch.fetch(place(provider), ["0" * 40, provider.thumbprint], LOCAL)
    assert b'"keys"' in found
    assert httpsfetch.fetch_thumbprint(place(provider), LOCAL) == (provider.thumbprint,)


def test_document_comes_from_a_server_of_a_known_authority(provider: oidc.Provider) -> None:
    known = Reach(may_be_local=True, ca_file=str(provider.ca_path))
    assert b'"keys"' in httpsfetch.fetch(place(provider), [], known)


@pytest.mark.parametrize("thumbprints", [[], ["0" * 40]])
def test_server_that_proves_nothing_is_not_believed(
    provider: oidc.Provider, thumbprints: list[str]
) -> None:
    with pytest.raises(Unreachable):
        httpsfetch.fetch(place(provider), thumbprints, LOCAL)


def test_pinned_certificate_is_good_for_its_own_names_only(provider: oidc.Provider) -> None:
    port = provider.url.rpartition(":")[2]
    with pytest.raises(Unreachable):
        httpsfetch.fetch(f"https://127.0.0.2:{port}/keys", [provider.thumbprint], LOCAL)


def test_copy_of_a_known_certificate_proves_nothing(
    provider: oidc.Provider, tmp_path: Path
) -> None:
    """An impostor can send the pinned certificate along: it has not signed his own."""
    with oidc.Provider() as impostor:
        chain = tmp_path / "chain.pem"
        with chain.open("wb") as file:
            for one in (impostor.ca_path, provider.ca_path):
                with one.open("rb") as part:
                    shutil.copyfileobj(part, file)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, impostor.ca_path.with_name("key.pem"))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=_serve, args=(listener, context, 2))
            thread.start()
            url = f"https://localhost:{listener.getsockname()[1]}/keys"
            with pytest.raises(Unreachable):
                httpsfetch.fetch(url, [provider.thumbprint], LOCAL)
            thread.join()


def _serve(listener: socket.socket, context: ssl.SSLContext, connections: int) -> None:
    """Shake hands; the client hangs up when it does not believe."""
    listener.settimeout(5.0)
    for _ in range(connections + 1):
        try:
            plain, _ = listener.accept()
            with context.wrap_socket(plain, server_side=True) as connection:
                connection.recv(1)
        except OSError:
            continue


@pytest.mark.parametrize(
    "url",
    ["http://localhost/", "ftp://localhost/", "https://", "https://u@localhost/", "https://[x/"],
)
def test_only_plain_https_addresses_are_asked(url: str) -> None:
    with pytest.raises((Unreachable, ValueError)):
        httpsfetch.fetch(url, [], LOCAL)


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "169.254.169.254", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_this_machine_is_not_asked_unless_that_is_allowed(host: str) -> None:
    with pytest.raises(Unreachable):
        httpsfetch.fetch(f"https://{host}:1/", ["0" * 40], Reach())
    assert httpsfetch.fetch_thumbprint(f"https://{host}:1/", Reach()) == ()


def test_no_address_that_this_machine_has_is_asked(
    provider: oidc.Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As an address of its own in whatever range would look.
    monkeypatch.setattr(httpsfetch, "_is_elsewhere", lambda _: True)
    with pytest.raises(Unreachable, match="own address"):
        httpsfetch.fetch(place(provider), (provider.thumbprint,), Reach())


def test_all_addresses_of_a_name_together_take_no_longer_than_one_document(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[float] = []
    moment = 0.0

    class Silent(socket.socket):
        def connect(self, address: object) -> None:
            nonlocal moment
            waits_s = self.gettimeout() or 0.0
            tried.append(waits_s)
            moment += waits_s
            raise TimeoutError("timed out")

    many = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"192.0.2.{n}", 443)) for n in range(99)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: many)
    monkeypatch.setattr(socket, "socket", Silent)
    monkeypatch.setattr(time, "monotonic", lambda: moment)
    with pytest.raises(Unreachable):
        httpsfetch.fetch("https://many.example.org/", (), Reach())
    assert sum(tried) <= httpsfetch.WHOLE_S


def test_nobody_is_asked_where_nothing_may_be_fetched(provider: oidc.Provider) -> None:
    with pytest.raises(Unreachable):
        httpsfetch.fetch(
            place(provider), [provider.thumbprint], Reach(is_allowed=False, may_be_local=True)
        )


def test_other_answers_than_the_document_are_none(provider: oidc.Provider) -> None:
    for path in ("/nothing", "/authorize?redirect_uri=https://localhost/"):
        with pytest.raises(Unreachable, match="HTTP"):
            httpsfetch.fetch(place(provider, path), [provider.thumbprint], LOCAL)


def test_too_long_a_document_is_none(
    provider: oidc.Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(httpsfetch, "DOCUMENT_BYTES_MAX", 10)
    with pytest.raises(Unreachable, match="longer"):
        httpsfetch.fetch(place(provider), [provider.thumbprint], LOCAL)


@pytest.mark.parametrize("shakes_hands", [True, False])
def test_server_that_drips_is_left(
    provider: oidc.Provider, monkeypatch: pytest.MonkeyPatch, shakes_hands: bool
) -> None:
    monkeypatch.setattr(httpsfetch, "WHOLE_S", 0.3)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(provider.ca_path, provider.ca_path.with_name("key.pem"))
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(
            target=_drip, args=(listener, stop, context if shakes_hands else None)
        )
        thread.start()
        url = f"https://localhost:{listener.getsockname()[1]}/"
        known = Reach(may_be_local=True, ca_file=str(provider.ca_path))
        with pytest.raises(Unreachable):
            httpsfetch.fetch(url, [], known)
        stop.set()
        # Who left before it came is waited for no more.
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _drip(listener: socket.socket, stop: threading.Event, tls: ssl.SSLContext | None) -> None:
    try:
        connection, _ = listener.accept()
    except OSError:
        return
    try:
        if tls is not None:
            connection = tls.wrap_socket(connection, server_side=True)
        connection.sendall(b"HTTP/1.1 200 OK\r\n" if tls else b"\x16\x03\x03\x3f\xff\x02")
        while not stop.wait(0.02):
            connection.sendall(b"\0")
    except OSError:
        return
    finally:
        connection.close()

"""A document is brought to who proves to be the server, within bounds, and nothing is followed."""

import socket
import ssl
import threading
from collections.abc import Iterator

import pytest

from mallee.kit import httppost, httpsfetch
from mallee.kit.httppost import Failed
from mallee.kit.httpsfetch import Reach
from tests.cloud.s3 import listener as listeners
from tests.cloud.s3.listener import Listener
from tests.fakes import oidc

LOCAL = Reach(may_be_local=True)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listeners.listening() as made:
        yield made


def test_a_document_comes_with_its_headers(listener: Listener) -> None:
    httppost.post(listener.url, b"document", {"X-Of": "test"}, LOCAL)
    [(headers, body)] = listener.messages
    assert (headers["X-Of"], body) == ("test", b"document")


@pytest.mark.parametrize("status", [199, 301, 302, 307, 400, 404, 410, 500, 503])
def test_only_success_is_taken_for_it(listener: Listener, status: int) -> None:
    listener.answer = lambda: status
    with pytest.raises(Failed):
        httppost.post(listener.url, b"", {}, LOCAL)
    assert listener.messages == []


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "169.254.169.254", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_this_machine_is_not_asked_unless_that_is_allowed(listener: Listener, host: str) -> None:
    port = listener.server.server_port
    with pytest.raises(Failed, match="no address that may be asked"):
        httppost.post(f"http://{host}:{port}/", b"", {}, Reach())
    assert listener.messages == []


@pytest.mark.parametrize(
    "host",
    [
        "10.1.2.3",
        "100.64.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "[fc00::1]",
        "[::ffff:10.1.2.3]",
        "[64:ff9b::10.1.2.3]",
        "[64:ff9b::169.254.169.254]",
        "[2002:a01:203::1]",
        "0xa010203",
    ],
)
def test_private_networks_are_not_asked_unless_that_is_allowed(host: str) -> None:
    with pytest.raises(Failed, match="no address that may be asked"):
        httppost.post(f"http://{host}:1/", b"", {}, Reach(may_be_private=False))


def test_public_addresses_may_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def connect(_: socket.socket, address: object) -> None:
        asked.append(address)
        raise OSError("nobody is there")

    monkeypatch.setattr(socket.socket, "connect", connect)
    for host in ("8.8.8.8", "[2001:4860::1]", "[::ffff:8.8.8.8]", "[64:ff9b::8.8.8.8]"):
        with pytest.raises(Failed, match="nobody is there"):
            httppost.post(f"http://{host}:1/", b"", {}, Reach(may_be_private=False))
    assert len(asked) == 4


def test_no_address_that_this_machine_has_is_asked(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As an address of its own in whatever range would look.
    monkeypatch.setattr(httpsfetch, "_is_elsewhere", lambda _: True)
    with pytest.raises(Failed, match="own address"):
        httppost.post(listener.url, b"", {}, Reach())
    assert listener.messages == []


def test_a_server_over_https_proves_who_it_is() -> None:
    with oidc.Provider() as provider, listeners.listening() as listener:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(provider.ca_path, provider.ca_path.with_name("key.pem"))
        listener.server.socket = context.wrap_socket(listener.server.socket, server_side=True)
        url = f"https://localhost:{listener.server.server_port}/"
        known = Reach(may_be_local=True, ca_file=str(provider.ca_path))
        httppost.post(url, b"document", {}, known)
        with pytest.raises(Failed, match="certificate"):
            httppost.post(url, b"secret", {}, LOCAL)
        assert [body for _, body in listener.messages] == [b"document"]


def test_a_server_that_drips_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpsfetch, "WHOLE_S", 0.3)
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_drip, args=(server, stop))
        thread.start()
        with pytest.raises(Failed):
            httppost.post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"", {}, LOCAL)
        stop.set()
        # Who left before it came is waited for no more.
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _drip(server: socket.socket, stop: threading.Event) -> None:
    try:
        connection, _ = server.accept()
    except OSError:
        return
    with connection:
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while not stop.wait(0.02):
                connection.sendall(b"X")
        except OSError:
            return

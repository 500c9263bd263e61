import socket
import ssl
import threading
import time
from pathlib import Path

import pytest

from mallee.kit import pki

NOW = time.time()


def test_an_authority_comes_back_from_its_files() -> None:
    made = pki.create_authority("cloud", NOW)
    read = pki.load_authority(made.certificate_pem, made.key_pem)
    assert read.certificate == made.certificate
    with pytest.raises(pki.BadCertificate):
        pki.load_authority(made.certificate_pem, pki.create_authority("other", NOW).key_pem)
    with pytest.raises(pki.BadCertificate):
        pki.load_authority(b"garbage", made.key_pem)


def test_a_certificate_says_what_was_granted_not_what_was_asked() -> None:
    authority = pki.create_authority("cloud", NOW)
    request = pki.make_request("h-somebody-else")
    grant = pki.Grant(name="h-1", now=NOW, life_s=pki.DAY_S)
    issued = pki.read_certificate(pki.issue(authority, request.csr_pem, grant))
    assert issued.name == "h-1"
    assert issued.ends_at == pytest.approx(NOW + pki.DAY_S, abs=1)


def test_garbage_and_forged_requests_are_refused() -> None:
    authority = pki.create_authority("cloud", NOW)
    grant = pki.Grant(name="h-1", now=NOW, life_s=pki.DAY_S)
    for bad in (b"", b"garbage", pki.make_request("x").csr_pem.replace(b"A", b"B", 3)):
        with pytest.raises(pki.BadRequest):
            pki.issue(authority, bad, grant)


def _files(directory: Path, name: str, key: bytes, certificate: bytes) -> str:
    path = directory / name
    path.write_bytes(key + certificate)
    return str(path)


def test_mutual_tls_stands_between_server_and_client_and_nobody_else(tmp_path: Path) -> None:
    authority = pki.create_authority("cloud", NOW)
    (tmp_path / "ca").write_bytes(authority.certificate_pem)

    def member(by: pki.Authority, name: str, hosts: tuple[str, ...]) -> str:
        request = pki.make_request(name)
        grant = pki.Grant(name=name, now=NOW, life_s=pki.DAY_S, hosts=hosts)
        certificate = pki.issue(by, request.csr_pem, grant)
        return _files(tmp_path, name, request.key_pem, certificate)

    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(tmp_path / "ca")
    server.load_cert_chain(member(authority, "server", ("127.0.0.1", "localhost")))

    def greet(certificate: str) -> bytes:
        ours, theirs = socket.socketpair()
        threading.Thread(target=_serve, args=(server, theirs), daemon=True).start()
        client = ssl.create_default_context(cafile=str(tmp_path / "ca"))
        client.load_cert_chain(certificate)
        with client.wrap_socket(ours, server_hostname="127.0.0.1") as secured:
            return secured.recv(100)

    assert greet(member(authority, "h-1", ())) == b"h-1"
    stranger = member(pki.create_authority("cloud", NOW), "h-2", ())
    with pytest.raises((ssl.SSLError, ConnectionError)):
        greet(stranger)
    # A server's certificate is no client's.
    with pytest.raises((ssl.SSLError, ConnectionError)):
        greet(str(tmp_path / "server"))


def _serve(context: ssl.SSLContext, link: socket.socket) -> None:
    try:
        with context.wrap_socket(link, server_side=True) as secured:
            certificate = secured.getpeercert(binary_form=True)
            assert certificate is not None
            secured.sendall(pki.read_certificate(certificate).name.encode())
    except ssl.SSLError:
        link.close()

"""A small OpenID Connect provider on the loopback, over TLS, with as many users as a test wants.

It does what a real one does: discovery, keys (RS256 and ES256), the authorization code flow with
PKCE and a consent that is always given, and tokens that tests can spoil (`token` signs any claims
with any key). Used by the tests of STS and of `mallee login --oidc`.
"""

import base64
import datetime
import hashlib
import ipaddress
import json
import secrets
import ssl
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from joserfc import jwk, jws

CLIENT = "mallee-tests"
LIFE_S = 600


class Provider:
    """A provider that runs as long as its `with` block; `url` is its issuer."""

    def __init__(self) -> None:
        self.keys: list[Any] = [new_key("first")]
        """All published; the first signs."""
        self.subject = "alice"
        """Who signs in at the authorization endpoint."""
        self.claims: dict[str, Any] = {"email": "alice@example.org"}
        """What else tokens say of her."""
        self.client_secret: str | None = None
        """What a confidential client must show; None: clients are public."""
        self.refuses: str | None = None
        """The error that the authorization endpoint redirects with."""
        self.asked: list[str] = []
        """The path of every request, in order."""
        self.is_away = False
        """Whether every request is answered with 503."""
        self.discovery: dict[str, Any] = {}
        """Laid over the discovery document."""
        self._codes: dict[str, dict[str, str]] = {}
        self._directory = tempfile.TemporaryDirectory(prefix="m-oidc-")
        self.ca_path = Path(self._directory.name) / "ca.pem"
        """The self-signed certificate of the server, for whoever shall trust it."""
        self.thumbprint = self._certify()
        """SHA-1 of that certificate, in hexadecimal digits."""

    def __enter__(self) -> "Provider":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_path, Path(self._directory.name) / "key.pem")
        provider = self

        class Handler(_Handler):
            owner = provider

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://localhost:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._directory.cleanup()

    def token(self, key: Any = None, **claims: Any) -> str:
        """Sign an ID token; every claim may be replaced, and taken away by None."""
        key = key or self.keys[0]
        now = int(time.time())
        every = {
            "iss": self.url,
            "sub": self.subject,
            "aud": CLIENT,
            "iat": now,
            "exp": now + LIFE_S,
            **self.claims,
            **claims,
        }
        kept = {name: value for name, value in every.items() if value is not None}
        algorithm = "RS256" if key.key_type == "RSA" else "ES256"
        header = {"alg": algorithm, "kid": key.kid, "typ": "JWT"}
        # Escaped, so that tokens can hold what no well-behaved library would put into one.
        return jws.serialize_compact(header, json.dumps(kept), key, [algorithm])

    def rotate(self, name: str = "next", kind: str = "RSA") -> None:
        """Sign with a new key from now on; the old ones are published no more."""
        self.keys = [new_key(name, kind)]

    def document(self) -> dict[str, Any]:
        """What discovery answers."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "code_challenge_methods_supported": ["S256"],
            **self.discovery,
        }

    def published(self) -> dict[str, Any]:
        """What the key endpoint answers."""
        return {"keys": [{**key.as_dict(private=False), "use": "sig"} for key in self.keys]}

    def authorize(self, asked: dict[str, str]) -> str:
        """Consent; return where the browser is sent."""
        back, state = asked["redirect_uri"], asked.get("state", "")
        if self.refuses is not None:
            return f"{back}?{urlencode({'error': self.refuses, 'state': state})}"
        code = secrets.token_urlsafe(16)
        self._codes[code] = {**asked, "subject": self.subject}
        return f"{back}?{urlencode({'code': code, 'state': state})}"

    def redeem(self, form: dict[str, str]) -> dict[str, Any] | None:
        """Exchange a code, once, for who shows its verifier; None: refused."""
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None or form.get("grant_type") != "authorization_code":
            return None
        if any(form.get(name) != asked[name] for name in ("redirect_uri", "client_id")):
            return None
        if form.get("client_secret") != self.client_secret:
            return None
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked.get("code_challenge_method") != "S256" or asked["code_challenge"] != challenge:
            return None
        token = self.token(sub=asked["subject"], aud=asked["client_id"], nonce=asked.get("nonce"))
        return {"access_token": "nothing", "token_type": "Bearer", "id_token": token}

    def _certify(self) -> str:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "oidc tests")])
        now = datetime.datetime.now(datetime.UTC)
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.ca_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        (Path(self._directory.name) / "key.pem").write_bytes(pem)
        return hashlib.sha1(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


def new_key(name: str, kind: str = "RSA") -> Any:
    """Make a signing key, `RSA` or `EC`."""
    parameters = {"kid": name}
    if kind == "RSA":
        return jwk.RSAKey.generate_key(2048, parameters)
    return jwk.ECKey.generate_key("P-256", parameters)


class _Handler(BaseHTTPRequestHandler):
    owner: Provider

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output for the tests."""

    def do_GET(self) -> None:
        path, owner = urlsplit(self.path), self.owner
        owner.asked.append(path.path)
        if owner.is_away:
            self._answer(503, {})
        elif path.path == "/.well-known/openid-configuration":
            self._answer(200, owner.document())
        elif path.path == "/keys":
            self._answer(200, owner.published())
        elif path.path == "/authorize":
            self.send_response(302)
            self.send_header("Location", owner.authorize(_single(path.query)))
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._answer(404, {})

    def do_POST(self) -> None:
        self.owner.asked.append(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        made = self.owner.redeem(_single(body)) if self.path == "/token" else None
        self._answer(*((400, {"error": "invalid_grant"}) if made is None else (200, made)))

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _single(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}

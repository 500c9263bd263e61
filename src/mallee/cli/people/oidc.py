"""Signing in at an OpenID Connect provider: the authorization code flow with PKCE, for a command.

The person signs in with a browser; the provider sends the browser back to a port of this machine,
on which nothing is served but that one visit (RFC 8252). The code that it brings is good only
together with a verifier that never left this process, and the ID token that it is exchanged for is
verified before it is used. Called by `login`; what the token is good for in the cloud is decided by
the role that trusts the provider (`AssumeRoleWithWebIdentity`).
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlencode, urlsplit

from mallee.box import steps
from mallee.kit import httpsfetch, idtokens

WAIT_S = 300.0
"""The longest that a person may take to sign in."""
ANSWER_BYTES_MAX = 256 << 10
_DISCOVERY = "/.well-known/openid-configuration"
_CALLBACK = "/callback"
_LOOKS_EVERY_S = 0.2
_NOT_IN_NAMES = re.compile(r"[^\w+=,.@-]", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Provider:
    """At whom to sign in, as which client."""

    issuer: str
    """An `https` URL."""
    client_id: str
    client_secret: str = ""
    """Of clients that have one although everybody can read it."""
    scope: str = "openid email profile"
    ca_file: str = ""
    """Authorities to believe besides this machine's own."""
    port: int = 0
    """Of the redirection, where the provider wants to know it before; 0 takes a free one."""


@dataclass(slots=True)
class _Visit:
    """What the browser brought back."""

    state: str
    is_over: threading.Event = field(default_factory=threading.Event)
    code: str = ""
    error: str = ""


def sign_in(provider: Provider, browse: Callable[[str], None], wait_s: float = WAIT_S) -> str:
    """Return an ID token of who signs in; `browse` shows a person an address.

    Raises `steps.Failed` with what went wrong where.
    """
    reach = httpsfetch.Reach(may_be_local=True, ca_file=provider.ca_file)
    found = _discover(provider, reach)
    verifier, state, nonce = (secrets.token_urlsafe(32) for _ in range(3))
    visit = _Visit(state)
    with _listening(provider, visit) as back:
        asked = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": back.url,
            "scope": provider.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": _digest(verifier),
            "code_challenge_method": "S256",
        }
        where: str = found["authorization_endpoint"]
        browse(f"{where}{'&' if urlsplit(where).query else '?'}{urlencode(asked)}")
        _wait(visit, wait_s)
        form = {
            "grant_type": "authorization_code",
            "code": visit.code,
            "redirect_uri": back.url,
            "client_id": provider.client_id,
            "code_verifier": verifier,
        }
    if provider.client_secret:
        form["client_secret"] = provider.client_secret
    token = _exchange(found["token_endpoint"], form, reach)
    claims = _verify(provider, found["jwks_uri"], token, reach)
    if not hmac.compare_digest(str(claims.get("nonce")), nonce):
        raise steps.Failed(f"{provider.issuer}: the token is of another sign-in", "try again")
    return token


def name_of(token: str) -> str:
    """Return how a session of who has this (verified) token can be called."""
    part = token.split(".")[1]
    claims: Mapping[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    text = str(claims.get("email") or claims.get("preferred_username") or claims["sub"])
    return _NOT_IN_NAMES.sub("-", text)[:64].ljust(2, "-")


def _discover(provider: Provider, reach: httpsfetch.Reach) -> Mapping[str, Any]:
    address = provider.issuer.rstrip("/") + _DISCOVERY
    try:
        found: Any = json.loads(httpsfetch.fetch(address, (), reach))
    except (httpsfetch.Unreachable, ValueError) as error:
        cure = "see whether the issuer is right; --ca-file names who certified its server"
        raise steps.Failed(f"{error}", cure) from error
    if not isinstance(found, dict):
        raise steps.Failed(f"{address}: not a JSON object", "see whether the issuer is right")
    document = cast(dict[str, Any], found)
    if document.get("issuer") != provider.issuer:
        raise steps.Failed(
            f"{address} is of the issuer {document.get('issuer')}", "give the issuer as it says"
        )
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        if not str(document.get(name, "")).startswith("https://"):
            raise steps.Failed(f"{address}: {name} is no https address", "")
    return document


def _exchange(address: str, form: Mapping[str, str], reach: httpsfetch.Reach) -> str:
    context = ssl.create_default_context()
    if reach.ca_file:
        context.load_verify_locations(reach.ca_file)
    # Follows no redirection: what holds a code goes where discovery said, and nowhere else.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.HTTPSHandler(context=context),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    asked = urllib.request.Request(address, urlencode(form).encode())
    asked.add_header("Accept", "application/json")
    try:
        with opener.open(asked, timeout=httpsfetch.WHOLE_S) as answer:
            made: Any = json.loads(answer.read(ANSWER_BYTES_MAX))
    except urllib.error.HTTPError as error:
        raise steps.Failed(f"{address}: HTTP {error.code}", "try again") from error
    except (OSError, ValueError) as error:
        raise steps.Failed(f"{address}: {error}", "try again") from error
    token = cast(dict[str, Any], made).get("id_token") if isinstance(made, dict) else None
    if not isinstance(token, str):
        raise steps.Failed(f"{address}: the answer has no ID token", "ask for the scope openid")
    return token


def _verify(
    provider: Provider, address: str, token: str, reach: httpsfetch.Reach
) -> idtokens.Claims:
    expected = idtokens.Expected(provider.issuer, (provider.client_id,))
    try:
        keys = idtokens.parse_keys(httpsfetch.fetch(address, (), reach))
        return idtokens.verify(keys, token, expected, time.time())
    except (httpsfetch.Unreachable, idtokens.BadKeys, idtokens.InvalidToken) as error:
        raise steps.Failed(f"{provider.issuer}: {error}", "") from error


# --- the browser's visit ---


class _Listening:
    """A port of this machine that waits for one visit, as long as its `with` block."""

    def __init__(self, server: HTTPServer) -> None:
        self._server = server
        self._thread = threading.Thread(
            target=server.serve_forever, args=(_LOOKS_EVERY_S,), daemon=True
        )
        self.url = f"http://127.0.0.1:{server.server_address[1]}{_CALLBACK}"

    def __enter__(self) -> "_Listening":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _listening(provider: Provider, visit: _Visit) -> _Listening:
    class Handler(_Handler):
        brings = visit

    try:
        return _Listening(ThreadingHTTPServer(("127.0.0.1", provider.port), Handler))
    except OSError as error:
        raise steps.Failed(f"port {provider.port}: {error}", "give another --port") from error


class _Handler(BaseHTTPRequestHandler):
    brings: _Visit
    timeout = 10

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the line would hold the code."""

    def do_GET(self) -> None:
        """Take the visit of this sign-in; any other gets nothing."""
        parts = urlsplit(self.path)
        given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        visit = self.brings
        is_ours = hmac.compare_digest(given.get("state", "").encode(), visit.state.encode())
        if parts.path != _CALLBACK or not is_ours or visit.is_over.is_set():
            self._say(404, "There is nothing here.")
            return
        visit.code, visit.error = given.get("code", ""), given.get("error", "")
        self._say(200, "You can close this window and go back to the command.")
        visit.is_over.set()

    def _say(self, status: int, text: str) -> None:
        body = f"<!doctype html><title>mallee</title><p>{text}</p>".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


def _wait(visit: _Visit, wait_s: float) -> None:
    if not visit.is_over.wait(wait_s):
        raise steps.Failed(f"nobody signed in within {wait_s:g} s", "try again")
    if not visit.code:
        raise steps.Failed(f"the provider refused: {visit.error[:100] or 'no reason'}", "")


def _digest(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")

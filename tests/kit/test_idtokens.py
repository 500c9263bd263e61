"""An ID token is believed when its provider's key signed it, for us, now; and never otherwise."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import pytest
from joserfc import jwk, jws

from mallee.kit import idtokens

NOW = 1_800_000_000.0
ISSUER = "https://id.example.org/realm"
EXPECTED = idtokens.Expected(ISSUER, ("app", "other"))
RSA: Any = jwk.RSAKey.generate_key(2048, {"kid": "one"})
EC: Any = jwk.ECKey.generate_key("P-256", {"kid": "two"})
STRANGER: Any = jwk.RSAKey.generate_key(2048, {"kid": "one"})


class _Loose(jws.JWSRegistry):
    """Signs headers of all sorts."""

    max_header_length = 100_000

    def __init__(self, algorithms: list[str]) -> None:
        super().__init__(algorithms=algorithms, strict_check_header=False)


def published(*keys: Any, **more: Any) -> str:
    return json.dumps({"keys": [{**key.as_dict(private=False), **more} for key in keys]})


KEYS = idtokens.parse_keys(published(RSA, EC, use="sig"))


def token(
    key: Any = RSA, header: Mapping[str, Any] | None = None, algorithm: str = "RS256", **claims: Any
) -> str:
    every = {
        "iss": ISSUER,
        "sub": "ann",
        "aud": "app",
        "iat": int(NOW) - 10,
        "exp": int(NOW) + 600,
        **claims,
    }
    kept = {name: value for name, value in every.items() if value is not None}
    whole = {"alg": algorithm, "kid": key.kid, **(header or {})}
    whole = {name: value for name, value in whole.items() if value is not None}
    return jws.serialize_compact(whole, json.dumps(kept), key, registry=_Loose([algorithm]))


def verify(text: str, keys: Any = KEYS, now: float = NOW) -> idtokens.Claims:
    return idtokens.verify(keys, text, EXPECTED, now)


def unsigned(header: Mapping[str, Any], **claims: Any) -> str:
    parts = [json.dumps(one).encode() for one in (header, claims)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


def test_token_of_the_provider_is_believed() -> None:
    assert verify(token())["sub"] == "ann"
    assert verify(token(EC, algorithm="ES256"))["sub"] == "ann"
    assert verify(token(algorithm="RS512", aud=["other"]))["aud"] == ["other"]


def test_key_is_found_without_its_name_and_with_headers_of_all_sorts() -> None:
    assert verify(token(header={"kid": None, "x5c": ["M" * 600], "made-up": 1}))["sub"] == "ann"


@pytest.mark.parametrize(
    "text",
    [
        token(STRANGER),
        token(header={"kid": "unknown"}),
        token()[:-8] + "AAAAAAAA",
        token().replace(".", ".e30", 1),
        "",
        "a.b.c",
        "é.é.é",
        "x" * 30_000,
        unsigned({"alg": "none"}, iss=ISSUER, sub="ann", aud="app"),
        unsigned({"alg": "none", "kid": "one"}, iss=ISSUER, sub="ann", aud="app", exp=9e9, iat=1),
    ],
)
def test_token_that_no_key_has_signed_is_refused(text: str) -> None:
    with pytest.raises(idtokens.InvalidToken):
        verify(text)


def test_public_key_is_no_shared_secret() -> None:
    claims = {"iss": ISSUER, "sub": "ann", "aud": "app", "iat": NOW, "exp": NOW + 1}
    text = unsigned({"alg": "HS256", "kid": "one"}, **claims)
    pem = RSA.as_pem(private=False)
    mac = hmac.new(pem, text.rstrip(".").encode(), hashlib.sha256).digest()
    forged = text + base64.urlsafe_b64encode(mac).decode().rstrip("=")
    with pytest.raises(idtokens.InvalidToken):
        verify(forged)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example.org"},
        {"iss": ISSUER + "/"},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"sub": "a\0b"},
        {"sub": "a\ud800b"},
        {"aud": "somebody"},
        {"aud": None},
        {"aud": []},
        {"aud": ["app", "other"]},
        {"aud": "app", "azp": "somebody"},
        {"azp": 7},
        {"exp": None},
        {"iat": None},
        {"exp": "tomorrow"},
        {"exp": True},
        {"exp": float("inf")},
        {"iat": NOW + 120},
        {"nbf": NOW + 120},
    ],
)
def test_token_that_says_not_enough_or_something_else_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(idtokens.InvalidToken):
        verify(token(**claims))


def test_authorized_party_is_the_audience() -> None:
    assert idtokens.audience_of(verify(token(aud=["x", "y"], azp="app"))) == "app"


def test_token_ends() -> None:
    text = token()
    assert verify(text, now=NOW + 659)
    with pytest.raises(idtokens.ExpiredToken):
        verify(text, now=NOW + 661)


def test_weak_and_foreign_keys_sign_nothing() -> None:
    secret: Any = jwk.OctKey.generate_key(256, {"kid": "oct"})
    mixed = [
        {**RSA.as_dict(private=False), "n": RSA.as_dict()["n"][:170]},
        secret.as_dict(),
        {"kty": "??"},
        7,
        RSA.as_dict(),
    ]
    (only,) = idtokens.parse_keys(json.dumps({"keys": mixed}))
    assert only.id == "one"
    assert not only.key.is_private


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        '{"keys": 7}',
        '{"keys": []}',
        "[" * 100_000,
        " " * 200_000,
        published(RSA, use="enc"),
        published(RSA, key_ops=["sign"]),
        published(RSA, alg="RS1"),
    ],
)
def test_document_without_a_key_is_refused(document: str) -> None:
    with pytest.raises(idtokens.BadKeys):
        idtokens.parse_keys(document)


def test_issuer_is_read_before_anything_is_proved() -> None:
    assert idtokens.issuer_of(token(STRANGER)) == ISSUER
    for bad in (token(iss=None), token(iss=7), "a.b.c"):
        with pytest.raises(idtokens.InvalidToken):
            idtokens.issuer_of(bad)


def test_rotation_is_noticed() -> None:
    assert idtokens.may_be_signed_by(KEYS, token())
    assert not idtokens.may_be_signed_by(KEYS, token(header={"kid": "next"}))

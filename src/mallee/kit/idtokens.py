"""ID tokens of OpenID Connect: whose they are, proved by their provider's published keys.

An *ID token* is a signed statement of a provider: who somebody is (`sub`), for which client
(`aud`), until when. Pure: tokens and key sets come in as texts, the time as a number. Called by
STS, which trades them for roles, and by the command line when people sign in. Not its business:
where keys are fetched from, and which providers and clients anybody trusts.

Kept here: only signatures with a public key count, of the algorithms below; a key that is not for
signing signs nothing; what is not signed is believed for nothing but finding the key.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard, cast

from joserfc import errors as jose
from joserfc import jwk, jws, jwt

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
CLOCKS_DIFFER_S_MAX = 60.0
"""A provider's clock may be off by so much, both ways."""
TOKEN_LENGTH_MAX = 20_000
NAME_LENGTH_MAX = 255
"""Characters of an issuer, and of whom he speaks of."""
KEYS_LENGTH_MAX = 192 << 10
"""Characters of a key set."""
KEYS_MAX = 64
_RSA_BITS_MIN = 2048
_MODULUS_MIN, _MODULUS_MAX = 340, 1400
"""Characters of a modulus: what is shorter or longer is not even looked into."""
_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_HEADER_LENGTH_MAX = 4096

Claims = Mapping[str, Any]


class InvalidToken(Exception):
    """The token proves nothing; the message says why."""


class ExpiredToken(InvalidToken):
    """The token was good once."""


class BadKeys(Exception):
    """The document is no set of public keys that tokens could be signed with."""


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """A public key of a provider."""

    id: str
    """`kid`; empty when it has none."""
    algorithms: tuple[str, ...]
    """With which it may have signed."""
    key: jwk.RSAKey | jwk.ECKey


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say to be good for whoever asks."""

    issuer: str
    audiences: Sequence[str]
    """Client ids, any of which will do."""


def parse_keys(document: str | bytes) -> tuple[Key, ...]:
    """Return the keys of a JWKS that can be used; raise `BadKeys` when there is none."""
    if len(document) > KEYS_LENGTH_MAX:
        raise BadKeys(f"a key set has {KEYS_LENGTH_MAX} characters at most")
    try:
        entries: Any = json.loads(document)["keys"]
        if not isinstance(entries, list):
            raise TypeError
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadKeys('a key set is a JSON object with a list "keys"') from error
    some = cast(list[Any], entries)[:KEYS_MAX]
    keys = tuple(key for key in map(_parse_key, some) if key is not None)
    if not keys:
        raise BadKeys("there is no RSA key of 2048 bits or more and no key of a NIST curve in it")
    return keys


def issuer_of(token: str) -> str:
    """Return who says that he issued the token, unproved; raise `InvalidToken`."""
    issuer = _peek(token, 1).get("iss")
    if not is_name(issuer):
        raise InvalidToken("the token names no issuer (iss)")
    return issuer


def may_be_signed_by(keys: Sequence[Key], token: str) -> bool:
    """Tell whether a key that the token names is among these; raise `InvalidToken`."""
    return bool(_candidates(keys, _peek(token, 0)))


def verify(keys: Sequence[Key], token: str, expected: Expected, now: float) -> Claims:
    """Return what the token says; raise `InvalidToken`, `ExpiredToken`. `now` in seconds."""
    header = _peek(token, 0)
    for key in _candidates(keys, header):
        try:
            claims = jwt.decode(token, key.key, list(key.algorithms), _REGISTRY).claims
        except jose.BadSignatureError:
            continue
        except (jose.JoseError, ValueError) as error:
            raise InvalidToken(f"the token cannot be read: {error}") from error
        _check(claims, expected, now)
        return claims
    raise InvalidToken("no key of the issuer has signed the token")


def _check(claims: Claims, expected: Expected, now: float) -> None:
    if claims.get("iss") != expected.issuer:
        raise InvalidToken("the token is of another issuer")
    if not is_name(claims.get("sub")):
        raise InvalidToken("the token names nobody (sub)")
    if audience_of(claims) not in expected.audiences:
        raise InvalidToken("Incorrect token audience")
    expires_at, issued_at = _time(claims, "exp"), _time(claims, "iat")
    if expires_at is None or issued_at is None:
        raise InvalidToken("the token does not say from when to when it is good (iat, exp)")
    latest = now + CLOCKS_DIFFER_S_MAX
    if issued_at > latest or (_time(claims, "nbf") or 0.0) > latest:
        raise InvalidToken("the token is from the future")
    if expires_at <= now - CLOCKS_DIFFER_S_MAX:
        raise ExpiredToken("the token has expired")


def is_name(value: Any) -> TypeGuard[str]:
    """Tell whether a value is a text that can be shown: what is no character is in no name."""
    return isinstance(value, str) and 0 < len(value) <= NAME_LENGTH_MAX and value.isprintable()


def audience_of(claims: Claims) -> str:
    """Return the client that the token is for: `azp` where it is given, else the only `aud`."""
    audience: Any = claims.get("aud")
    several = [audience] if isinstance(audience, str) else audience
    if not isinstance(several, list) or not several:
        raise InvalidToken("the token is for nobody (aud)")
    party: Any = claims.get("azp")
    if party is None:
        party = cast(list[Any], several)[0]
        if len(cast(list[Any], several)) > 1:
            raise InvalidToken("the token is for several clients and names none of them (azp)")
    if not isinstance(party, str):
        raise InvalidToken("the token is for nobody (aud)")
    return party


def _time(claims: Claims, name: str) -> float | None:
    value: Any = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise InvalidToken(f"{name} is no time")
    return float(value)


def _parse_key(entry: Any) -> Key | None:
    """Return a usable key; a set may hold others, which are none of our business."""
    if not isinstance(entry, dict):
        return None
    told = cast(dict[str, Any], entry)
    if told.get("use", "sig") != "sig" or "verify" not in told.get("key_ops", ["verify"]):
        return None
    if told.get("kty") == "RSA" and not _MODULUS_MIN <= len(str(told.get("n"))) <= _MODULUS_MAX:
        return None
    public = {name: told[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in told}
    try:
        key = jwk.import_key(public)
        algorithms = _algorithms(key)
    except (jose.JoseError, ValueError, TypeError, KeyError):
        return None
    wanted: Any = told.get("alg")
    if wanted is not None:
        algorithms = tuple(one for one in algorithms if one == wanted)
    if not algorithms or not isinstance(key, jwk.RSAKey | jwk.ECKey):
        return None
    return Key(str(told.get("kid") or ""), algorithms, key)


def _algorithms(key: jwk.Key) -> tuple[str, ...]:
    if isinstance(key, jwk.RSAKey):
        return ALGORITHMS[:3] if key.public_key.key_size >= _RSA_BITS_MIN else ()
    if isinstance(key, jwk.ECKey):
        algorithm = _CURVES.get(key.curve_name)
        return (algorithm,) if algorithm else ()
    return ()


def _candidates(keys: Sequence[Key], header: Mapping[str, Any]) -> list[Key]:
    """Return the keys that may have signed: the one named, or all when none is."""
    algorithm, id = header.get("alg"), header.get("kid")
    fitting = [key for key in keys if algorithm in key.algorithms]
    return fitting if id is None else [key for key in fitting if key.id == id]


def _peek(token: str, part: int) -> Mapping[str, Any]:
    """Return the header (0) or the claims (1), unproved."""
    parts = token.split(".")
    try:
        if len(parts) != 3 or len(token) > TOKEN_LENGTH_MAX or not token.isascii():
            raise ValueError
        text = base64.b64decode(parts[part] + "=" * (-len(parts[part]) % 4), b"-_", validate=True)
        found: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidToken("the token is no JSON Web Token") from error
    if not isinstance(found, dict):
        raise InvalidToken("the token is no JSON Web Token")
    return cast(dict[str, Any], found)


class _Registry(jws.JWSRegistry):
    """Lets in what providers write into headers: certificates, and names of their own."""

    max_header_length = _HEADER_LENGTH_MAX


_REGISTRY = _Registry(algorithms=ALGORITHMS, strict_check_header=False)

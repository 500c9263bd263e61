"""Whether a claimed signature holds: the key's owner sent this request, unaltered, now.

Invariants kept here: every byte that decides the request's meaning is signed; a time outside its
window is refused; signatures are compared in constant time; a wrong secret and an altered request
are told apart by nobody.
Called by the pipeline with the secret of the claim's access key. Not its business: whose key it is,
whether it is active, and session tokens (it only requires that they are signed).
"""

import base64
import hashlib
import hmac
import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from mallee.aws import errors
from mallee.aws.signature import canonical, claims
from mallee.aws.signature.claims import V4_TERMINATOR, Claim, Scheme

OLD_PATHS = "/services/"
"""What the paths of Eucalyptus' endpoints begin with; their last part names the service."""

CLOCKS_DIFFER_S_MAX = 900
"""A signer's clock may be off by so much, both ways."""

UNSIGNED = "UNSIGNED-PAYLOAD"
_VOUCHED_FOR = frozenset({"ebs"})
"""Services that take bodies for which a signed header of their own vouches, and see to it that no
others come unsigned."""

EMPTY_SHA256 = canonical.sha256_hex(b"")


def verify(claim: Claim, secret: str, now: float) -> None:
    """Raise unless `secret` made the claim's signature over its request, at about `now`.

    EC2 answers `RequestExpired` and `AuthFailure`, other services `SignatureDoesNotMatch` with
    AWS's sentences.
    """
    if claim.scheme is not Scheme.V2:
        _check_scope(claim)
    expected = (
        _expected_v2(claim, secret) if claim.scheme is Scheme.V2 else _expected(claim, secret)
    )
    if not is_among(claim.signature, expected):
        raise _mismatch(claim.service)
    _check_time(claim, now)


def unknown_key(service: str) -> errors.AwsError:
    """Return the answer to an access key that nobody has."""
    return errors.AuthFailure() if service == "ec2" else errors.InvalidClientTokenId()


def _check_scope(claim: Claim) -> None:
    date, _, service, terminator = claim.scope
    if terminator != V4_TERMINATOR:
        raise _bad_scope(f"Credential should be scoped with a valid terminator: '{V4_TERMINATOR}'")
    if service != claim.service and not _is_guessed(claim, service):
        raise _bad_scope(f"Credential should be scoped to correct service: '{claim.service}'. ")
    if date != claim.timestamp[:8]:
        raise _bad_scope(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            f"HTTP: '{date[:20]}' != '{claim.timestamp[:8]}', from '{claim.timestamp}'."
        )


def _is_guessed(claim: Claim, service: str) -> bool:
    """Tell whether the scope names the host where it should name a service, at an old path.

    boto 2 takes the first part of the host's name for the service. At the paths of Eucalyptus the
    path says which service is meant, and path and host are signed.
    """
    host = claim.request.headers.get("host", "")
    return claim.request.path.startswith(OLD_PATHS) and service == claims.first_label(host)


def is_among(signature: str, expected: Iterable[str]) -> bool:
    """Tell whether a signature is one of those that would hold."""
    given = signature.encode("utf-8", "surrogateescape")
    # Every candidate is compared, so that the time taken does not tell which came close.
    return bool(sum([hmac.compare_digest(given, candidate.encode()) for candidate in expected]))


def v4_signatures(claim: Claim, key: bytes, paths: Sequence[str], payload: str) -> list[str]:
    """Return the signatures that hold; `key` is `signing_key`'s, the others are `v4_texts`'."""
    texts = v4_texts(claim, paths, payload)
    return [hmac.new(key, text, hashlib.sha256).hexdigest() for text in texts]


def v4_texts(claim: Claim, paths: Sequence[str], payload: str) -> list[bytes]:
    """Return the strings that may be signed: over the query as sent, and as RFC 3986 encodes it.

    `paths` are the canonical paths that will do, `payload` what stands for the body.
    """
    request = claim.request
    headers = canonical.v4_headers(claim.signed_headers, request.headers)
    names = ";".join(claim.signed_headers)
    scope = "/".join(claim.scope)
    texts: list[bytes] = []
    for path, query in itertools.product(dict.fromkeys(paths), canonical.queries(request.query)):
        text = canonical.v4_request(request, (path, query, headers, names, payload))
        to_sign = f"{claim.algorithm}\n{claim.timestamp}\n{scope}\n{canonical.sha256_hex(text)}"
        texts.append(to_sign.encode("utf-8", "surrogateescape"))
    return texts


def _expected(claim: Claim, secret: str) -> list[str]:
    path = canonical.v4_path(claim.request.path, claim.service)
    key = signing_key(secret, *claim.scope[:3])
    return v4_signatures(claim, key, (path,), _payload_hash(claim))


def _payload_hash(claim: Claim) -> str:
    actual = canonical.sha256_hex(claim.request.body)
    said = claim.request.headers.get("x-amz-content-sha256")
    if said == UNSIGNED and claim.service in _VOUCHED_FOR:
        return UNSIGNED
    if said is not None and not hmac.compare_digest(
        said.encode("utf-8", "surrogateescape"), actual.encode()
    ):
        raise _mismatch(claim.service)
    return actual


def _expected_v2(claim: Claim, secret: str) -> list[str]:
    digest = hashlib.sha256 if claim.algorithm == "HmacSHA256" else hashlib.sha1
    text = canonical.v2_request(claim.request)
    mac = hmac.new(secret.encode(), text, digest).digest()
    return [base64.b64encode(mac).decode()]


def _check_time(claim: Claim, now: float) -> None:
    if claim.expires_at is not None and now > claim.expires_at:
        raise _expired(claim, now, claim.expires_at)
    if claim.signed_at is None:
        return
    if claim.signed_at > now + CLOCKS_DIFFER_S_MAX:
        raise _too_early(claim, now)
    if claim.expires_at is None and claim.signed_at < now - CLOCKS_DIFFER_S_MAX:
        raise _expired(claim, now, claim.signed_at)


def _expired(claim: Claim, now: float, end: float) -> errors.AwsError:
    if claim.service == "ec2":
        return errors.RequestExpired()
    earliest = now if claim.expires_at is not None else now - CLOCKS_DIFFER_S_MAX
    window = "" if claim.expires_at is not None else f" ({_basic(now)} - 15 min.)"
    return errors.SignatureExpired(
        f"Signature expired: {_basic(end)} is now earlier than {_basic(earliest)}{window}"
    )


def _too_early(claim: Claim, now: float) -> errors.AwsError:
    if claim.service == "ec2":
        return errors.RequestExpired()
    latest = _basic(now + CLOCKS_DIFFER_S_MAX)
    return errors.SignatureExpired(
        f"Signature not yet current: {_basic(claim.signed_at or 0)} is still later than {latest} "
        f"({_basic(now)} + 15 min.)"
    )


def _mismatch(service: str) -> errors.AwsError:
    return errors.AuthFailure() if service == "ec2" else errors.SignatureDoesNotMatch()


def _bad_scope(sentence: str) -> errors.AwsError:
    return errors.SignatureExpired(sentence)


def _basic(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ")


@lru_cache(maxsize=1024)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Return the key of a day, region and service, which SigV4 signs with."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, V4_TERMINATOR):
        key = hmac.new(key, part.encode("utf-8", "surrogateescape"), hashlib.sha256).digest()
    return key

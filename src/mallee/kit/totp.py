"""One-time codes from a shared seed and the time: RFC 6238 with SHA-1, six digits, 30 seconds.

Pure: the time comes in. A *step* is the number of a span of 30 seconds since the epoch. Called by
IAM's virtual MFA devices. Not its business: that no code is taken twice, and how often one may
guess.
"""

import base64
import hmac
from urllib.parse import quote, urlencode

STEP_S = 30
DIGITS = 6
SEED_BYTES = 40


def step_at(now: float) -> int:
    """Return the step of a time, in seconds since the epoch."""
    return int(now) // STEP_S


def code(seed: bytes, step: int) -> str:
    """Return the code that a device shows during a step."""
    digest = hmac.digest(seed, step.to_bytes(8, "big"), "sha1")
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def find_step(seed: bytes, given: str, steps: range) -> int | None:
    """Return the first of the steps whose code was given, looking at all of them."""
    found: int | None = None
    asked = given.encode()
    for step in steps:
        if hmac.compare_digest(code(seed, step).encode(), asked) and found is None:
            found = step
    return found


def find_pair(seed: bytes, given: tuple[str, str], steps: range) -> int | None:
    """Return the first of the steps whose code is the first one, and the next one's the second."""
    first, second = given
    found: int | None = None
    for step in steps:
        is_first = hmac.compare_digest(code(seed, step).encode(), first.encode())
        is_second = hmac.compare_digest(code(seed, step + 1).encode(), second.encode())
        if is_first and is_second and found is None:
            found = step
    return found


def text(seed: bytes) -> str:
    """Return the seed as people type it into an app: base32 without padding."""
    return base64.b32encode(seed).decode().rstrip("=")


def uri(seed: bytes, issuer: str, label: str) -> str:
    """Return the `otpauth:` address that a QR code holds."""
    query = urlencode({"secret": text(seed), "issuer": issuer}, quote_via=quote)
    return f"otpauth://totp/{quote(label)}?{query}"

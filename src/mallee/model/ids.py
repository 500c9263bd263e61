"""Ids of resources: a prefix that names the kind, and 17 hexadecimal digits.

On input Eucalyptus' old prefixes (`emi-`, `eki-`, `eri-`) name the same image as `ami-`, `aki-`,
`ari-`. Randomness comes in as bytes, so that this module stays pure.
"""

import re

ID_BYTES = 9
"""Random bytes that `make` wants; 17 of their 18 hexadecimal digits are used."""

_OLD_PREFIXES = {"emi-": "ami-", "eki-": "aki-", "eri-": "ari-"}
_DIGITS = re.compile(r"[0-9a-f]{8}|[0-9a-f]{17}")


def make(prefix: str, entropy: bytes) -> str:
    """Return `prefix-` and 17 hexadecimal digits of `entropy` (at least 9 bytes)."""
    if len(entropy) < ID_BYTES:
        raise ValueError(f"an id needs {ID_BYTES} random bytes, got {len(entropy)}")
    return f"{prefix}-{entropy.hex()[:17]}"


def normalise(text: str) -> str:
    """Return the id with a Eucalyptus prefix replaced by today's."""
    return _OLD_PREFIXES.get(text[:4], text[:4]) + text[4:]


def is_well_formed(text: str, prefix: str) -> bool:
    """Tell whether `text` could be an id of that prefix (8 or 17 digits, as AWS accepts)."""
    begin, dash, digits = text.rpartition("-")
    return bool(dash) and begin == prefix and _DIGITS.fullmatch(digits) is not None


def prefix_of(text: str) -> str:
    """Return what stands before the digits, in today's form: `ipam-pool` of `ipam-pool-0123…`."""
    return normalise(text).rpartition("-")[0]

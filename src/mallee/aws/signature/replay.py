"""Signatures that were used, so that a copied SigV2 request is of no use to whoever copied it.

SigV2 signs a time of whole seconds and nothing that differs from request to request, so two honest
requests of one second can be equal: a signature is let in again within its first seconds and never
later. Requests that say when they expire are meant to be used until then, and SigV4 requests are
kept from strangers by TLS or the loopback, as with AWS.
Called by the pipeline after the signature was verified. One window per process.
"""

from collections import OrderedDict

from mallee.aws import errors
from mallee.aws.signature.check import CLOCKS_DIFFER_S_MAX
from mallee.aws.signature.claims import Claim, Scheme

SAME_SECOND_S = 2.0
REMEMBERED_S = 2 * CLOCKS_DIFFER_S_MAX
"""A signature is valid for so long at most: from 15 minutes before its time to 15 after."""


class Window:
    """Remembers the signatures of the last half hour."""

    __slots__ = ("_first_used",)

    def __init__(self) -> None:
        self._first_used: OrderedDict[tuple[str, str], float] = OrderedDict()

    def admit(self, claim: Claim, now: float) -> None:
        """Remember the claim's signature; raise `RequestExpired` when it was used before."""
        if claim.scheme is not Scheme.V2 or claim.signed_at is None:
            return
        self._forget(now)
        key = (claim.access_key_id, claim.signature)
        if now - self._first_used.setdefault(key, now) > SAME_SECOND_S:
            raise errors.RequestExpired()

    def _forget(self, now: float) -> None:
        while self._first_used:
            key = next(iter(self._first_used))
            if now - self._first_used[key] <= REMEMBERED_S:
                return
            del self._first_used[key]

"""Signatures that were used, so that a copied request changes nothing for whoever copied it.

Signatures are over a time of whole seconds and nothing that differs from request to request, so two
honest requests of one second can be equal: a signature is let in again within its first seconds
and never later. That holds for every SigV2 request, and for SigV4 requests that change something;
a copied SigV4 request that only looks is good for its 15 minutes, as with AWS: TLS or the loopback
keeps such requests from strangers. Requests that say when they expire (presigned ones) are meant to
be used until then.
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
        self._first_used: OrderedDict[str, float] = OrderedDict()

    def admit(self, claim: Claim, now: float, *, changes: bool) -> None:
        """Remember the claim's signature; raise `RequestExpired` when it was used before.

        `changes`: whether the request may change anything.
        """
        if claim.expires_at is not None or (claim.scheme is not Scheme.V2 and not changes):
            return
        self._forget(now)
        if now - self._first_used.setdefault(claim.signature, now) > SAME_SECOND_S:
            raise errors.RequestExpired()

    def _forget(self, now: float) -> None:
        while self._first_used:
            key = next(iter(self._first_used))
            if now - self._first_used[key] <= REMEMBERED_S:
                return
            del self._first_used[key]

"""Passes: what a host may read and write of the blocks in the object store, for a while.

The cloud keeps the blocks of all accounts (`blocktrees`) in one bucket that no user sees. A host
asks its door for a *pass* for one account: temporary credentials that are good for that account's
prefix alone, for reading, or for writing what is new too. An account's blocks are swept of what no
snapshot needs while nobody writes: what writes has a place in the *turn* (`BlockSpace`).
"""

import msgspec

BUCKET = "sthree-mallee-blocks"
"""Where the blocks are: a name that no user can give to a bucket."""
PASS_LIFE_S = 3600.0


class PassRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A host's question for a pass."""

    account: str
    """Under whose prefix."""
    writes_for: str = ""
    """Id of the snapshot, or import, whose blocks shall be written; empty: it only reads."""


class Pass(msgspec.Struct, frozen=True, kw_only=True):
    """A pass. The port is the API's, at the address at which the host reaches its cloud."""

    account: str
    bucket: str
    port: int
    region: str
    access_key_id: str
    secret_access_key: str
    token: str
    expires_at: float
    """Seconds since the epoch."""
    epoch: int = 0
    """Of the account's blocks: one upload, from its first look to its end, has one epoch."""

    def __repr__(self) -> str:
        return f"Pass({self.account}, {self.access_key_id})"


class BlockSpace(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Whose turn it is in an account's blocks: of those that write, or of the sweep."""

    id: str
    """The account's."""
    epoch: int = 0
    """How often a sweep began: what counted on blocks of an earlier one begins anew."""
    uses: dict[str, float] = {}
    """Who writes, and until when he is believed to, in seconds since the epoch."""
    is_sweeping: bool = False
    waits_since: float = 0.0
    """Since when there may be something to sweep; 0: there is nothing."""
    swept_at: float = 0.0

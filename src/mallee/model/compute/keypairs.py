"""Key pairs: the public half that guests receive."""

import msgspec


class KeyPair(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A key pair of an account. The private half is shown once and never kept."""

    id: str
    name: str
    kind: str
    """`rsa` or `ed25519`."""
    fingerprint: str
    public_key: str
    """One OpenSSH line."""
    created_at: float
    made_by: str = ""
    """Id of the user or role that made it (`AIDA…`, `AROA…`); empty where nobody is known."""
    tags: dict[str, str] = {}

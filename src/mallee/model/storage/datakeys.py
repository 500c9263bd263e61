"""Data keys: what the bytes of encrypted volumes and snapshots are sealed with.

A data key is made with a volume, and goes with all that has the same bytes: its snapshots, volumes
made of them, copies. It is kept *wrapped* by a key of the key store (`cloud.kms`), by another one
where another one was asked for; it is opened for the host that needs it, and never written down.
What is done with it on a host is `node.do`'s business, how it seals blocks `sealedblocks`'.
"""

import hmac

import msgspec

BYTES = 32


class DataKey(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A data key as it is kept."""

    id: str
    """The same wherever the same bytes are the key: 32 hexadecimal digits."""
    kms_key: str
    """The ARN of the key of the key store that wraps it."""
    wrapped: bytes
    bound_to: str
    """The id of the volume or snapshot in whose name it was wrapped (`aws:ebs:id`)."""


class OpenedKey(msgspec.Struct, frozen=True):
    """A data key as the host gets it that needs it. It shows itself to nobody."""

    id: str
    secret: bytes

    def __repr__(self) -> str:
        """Show no secret."""
        return f"OpenedKey({self.id})"


def derived(secret: bytes, purpose: bytes) -> bytes:
    """Return the key that a data key gives for one purpose."""
    return hmac.digest(secret, b"mallee data key: " + purpose, "sha256")

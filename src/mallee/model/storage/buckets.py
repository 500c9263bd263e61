"""Buckets: what an account keeps objects in, and how it wants them kept and shown.

The objects themselves are the engine's (`mallee.walrus`), which knows a bucket by a number. Not
this file's business: who may do what (`cloud.s3.policies`), what S3 calls things on the wire.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec

ENCRYPTION = "encryption"
"""The document of a bucket that wants its objects encrypted when a request does not say how."""

NOTIFICATION = "notification"
"""The document of who is told of what happens in a bucket."""
LOGGING = "logging"
"""The document of where a bucket's requests are logged."""
INVENTORY = "inventory"
"""The document of the lists of a bucket's objects that are made from time to time."""


class Versioning(Enum):
    """Whether a bucket keeps what is overwritten and deleted."""

    NEVER = "Never"
    """It never did."""
    ENABLED = "Enabled"
    """Every write makes a version, and deleting hides it."""
    SUSPENDED = "Suspended"
    """It did: versions stay, new writes take the place of the version `null`."""


class AccessBlock(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What of a bucket nobody shall be able to make public."""

    BlockPublicAcls: bool = False
    IgnorePublicAcls: bool = False
    BlockPublicPolicy: bool = False
    RestrictPublicBuckets: bool = False


CLOSED = AccessBlock(
    BlockPublicAcls=True,
    IgnorePublicAcls=True,
    BlockPublicPolicy=True,
    RestrictPublicBuckets=True,
)
"""What a bucket has from its making on: nothing of it is public unless somebody says so twice."""


ENFORCED = "BucketOwnerEnforced"
"""Ownership of a bucket in which everything is its owner's, and nothing has a list."""
PREFERRED = "BucketOwnerPreferred"
"""Ownership of a bucket whose owner gets what is handed over to him."""
WRITER = "ObjectWriter"
"""Ownership of a bucket in which an object is his who puts it."""


class Grant(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A line of an access control list of a bucket or an object."""

    grantee: str
    """An account's id, a group's name (`AllUsers`), or empty: who signs nothing."""
    permission: str
    """`READ`, `WRITE`, `READ_ACP`, `WRITE_ACP` or `FULL_CONTROL`."""


class DefaultRetention(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How long a new version is locked when its maker says nothing."""

    mode: str
    """`GOVERNANCE` or `COMPLIANCE`."""
    days: int


class Quota(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The most that a bucket may hold, as the cloud's administration says."""

    bytes: int | None = None
    """All versions, and parts of uploads under way; None: as much as its account may have."""
    objects: int | None = None
    """All versions; None: as many."""


class Bucket(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A bucket. Its name is its id: there is one of that name in the whole cloud."""

    name: str
    number: int
    """Under which the engine knows it; never given twice, so what is left of a bucket that was
    deleted is no part of the next one of its name."""
    created_at: float
    sealed_key: bytes = b""
    """Under it are the keys of its objects that are encrypted (`cloud.s3.encryption`)."""
    made_by: str = ""
    """Id of the user or role that made it (`AIDA…`, `AROA…`)."""
    versioning: Versioning = Versioning.NEVER
    tags: dict[str, str] = {}
    policy: str = ""
    """The text of its policy; empty: it has none."""
    access_block: AccessBlock | None = CLOSED
    ownership: str = ENFORCED
    """Whose an object is that another account puts; empty: nobody said, which is `WRITER`."""
    grants: tuple[Grant, ...] | None = None
    """Its access control list; None: all is its owner's, and nothing anybody else's."""
    has_object_lock: bool = False
    """Whether versions can be locked; for good, once it is so."""
    retention: DefaultRetention | None = None
    quota: Quota | None = None
    documents: Mapping[str, Any] = {}
    """Further settings by name (`cors`), in the form in which S3 reads and shows them."""

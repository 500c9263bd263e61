"""Keys of the key store: what seals and signs for an account without ever being shown.

A key has *materials*, the newest last: rotation adds one, and what an older one sealed still opens.
An *alias* is a name that an account gives one of its keys, a *grant* what somebody may do with a
key beside all policies. Not this file's business: how sealing is done (`cloud.kms`), the cloud's
own key under which materials are kept (`masterkeys`).
"""

from enum import Enum

import msgspec

DAY_S = 86_400.0
ROTATION_DAYS = 365
"""After how many days a key is rotated, when nobody says otherwise."""
OF_SERVICES = "alias/aws/"
"""What aliases of keys begin with that services made: nobody else gives such names."""


class Usage(Enum):
    """What a key is for: one thing only, from its making on."""

    ENCRYPT_DECRYPT = "ENCRYPT_DECRYPT"
    SIGN_VERIFY = "SIGN_VERIFY"
    GENERATE_VERIFY_MAC = "GENERATE_VERIFY_MAC"
    KEY_AGREEMENT = "KEY_AGREEMENT"


class Manager(Enum):
    """Who looks after a key."""

    CUSTOMER = "CUSTOMER"
    """Its account."""
    AWS = "AWS"
    """The service that made it for the account, which can look at it and not change it."""


class State(Enum):
    """What can be done with a key at the moment."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"
    """Nothing, until somebody enables it again."""
    PENDING_IMPORT = "PendingImport"
    """Nothing: its owner brings the material, and has not, or it is over."""
    PENDING_DELETION = "PendingDeletion"
    """Nothing, and soon it will be gone with all that only it opens."""


class Origin(Enum):
    """Where a key's material comes from."""

    AWS_KMS = "AWS_KMS"
    """The key store makes it."""
    EXTERNAL = "EXTERNAL"
    """Its owner brings it, keeps a copy, and may take it away."""


class Material(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One secret of a key."""

    id: str
    """64 hexadecimal digits, as AWS names them."""
    sealed_secret: bytes
    """Bytes of a symmetric key; PKCS #8 of a pair's private half."""
    made_at: float
    rotation: str = ""
    """Why it was made: `AUTOMATIC`, `ON_DEMAND`; empty for the first."""


class Key(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A key."""

    id: str
    created_at: float
    spec: str
    """`SYMMETRIC_DEFAULT`, `RSA_2048`, …"""
    usage: Usage
    policy: str
    """The text of its policy, with ids in place of users' and roles' ARNs."""
    materials: tuple[Material, ...]
    public_key: bytes = b""
    """Of a pair: SubjectPublicKeyInfo."""
    description: str = ""
    manager: Manager = Manager.CUSTOMER
    origin: Origin = Origin.AWS_KMS
    imported_id: str = ""
    """Of the material that was brought: another one is never the key's."""
    valid_to: float | None = None
    """When what was brought is over; None: never."""
    is_enabled: bool = True
    deletion_at: float | None = None
    """When it is to be gone; None: it stays."""
    tags: dict[str, str] = {}
    rotation_days: int | None = None
    """After how many days it gets a new material by itself; None: never."""
    rotation_from: float = 0.0
    """From when those days are counted."""

    @property
    def state(self) -> State:
        """What can be done with it."""
        if self.deletion_at is not None:
            return State.PENDING_DELETION
        if not self.materials:
            return State.PENDING_IMPORT
        return State.ENABLED if self.is_enabled else State.DISABLED

    @property
    def newest(self) -> Material:
        """What seals."""
        return self.materials[-1]

    @property
    def next_rotation_at(self) -> float | None:
        """When it gets a new material by itself; None: not of itself."""
        if self.rotation_days is None:
            return None
        return self.rotation_from + self.rotation_days * DAY_S


class Alias(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A name of a key. Its record's id is account and name: names are each account's own."""

    name: str
    """`alias/…`."""
    key_id: str = ""
    """Empty for a service's that has made no key yet; such a one is not kept."""
    created_at: float = 0.0
    updated_at: float = 0.0


class Grant(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What somebody may do with a key beside all policies."""

    id: str
    """64 hexadecimal digits."""
    key_id: str
    created_at: float
    grantee: str
    """Id of a user or role, or an ARN: so nobody inherits it with a name."""
    operations: tuple[str, ...]
    issuing_account: str
    name: str = ""
    retiring: str = ""
    """Who may end it besides those whom policies let: as `grantee`."""
    subset: dict[str, str] = {}
    """What must be in the encryption context."""
    equals: dict[str, str] = {}
    """What the encryption context must be."""

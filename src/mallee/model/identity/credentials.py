"""What people show that they are who they say: passwords, one-time codes, certificates, SSH keys.

As the store keeps them: what is secret is sealed under the master key. How passwords are hashed and
codes are counted is the business of `cloud.passwords` and `kit.totp`. Access keys are in
`model.accounts`; when all of these were last used is in `model.uses`.
"""

from collections.abc import Mapping

import msgspec


class LoginProfile(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A user's password. The record's id is the user's."""

    user_id: str
    sealed_hash: bytes
    """The Argon2id hash, sealed."""
    former: tuple["FormerPassword", ...] = ()
    """The passwords before it, newest first; as many as any policy may ask for."""
    created_at: float
    changed_at: float
    is_reset_required: bool = False
    """Whether its user must choose another one when he signs in."""


class FormerPassword(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A password that was replaced, remembered so that it is not chosen again."""

    sealed_hash: bytes


class PasswordPolicy(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an account's passwords must be like. The record's id is the account's."""

    length_min: int = 6
    must_have_symbol: bool = False
    must_have_number: bool = False
    must_have_upper: bool = False
    must_have_lower: bool = False
    may_change_own: bool = False
    """Whether every user may change his own password."""
    age_days_max: int | None = None
    reuse_prevented: int | None = None
    """How many passwords before it a new one must differ from."""
    is_expiry_hard: bool = False
    """Whether only an administrator can replace an expired password."""


class MfaDevice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A virtual device that shows one-time codes; its ARN is its serial number."""

    id: str
    name: str
    path: str = "/"
    created_at: float
    sealed_seed: bytes
    user_id: str | None = None
    """Whose it is since `enabled_at`."""
    enabled_at: float | None = None
    last_step: int = 0
    """The time step of the last code that was taken: no code is taken twice."""
    drift_steps: int = 0
    """How many steps the device's clock is ahead of ours."""
    tags: Mapping[str, str] = {}


class SigningCertificate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An X.509 certificate with which a user signs requests of old and bundles."""

    id: str
    user_id: str
    body: str
    """PEM."""
    fingerprint: str
    """SHA-256 of the certificate, hexadecimal."""
    status: str = "Active"
    created_at: float


class ServerCertificate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A certificate with its private key, for what serves TLS."""

    id: str
    """`ASCA…`"""
    name: str
    path: str = "/"
    created_at: float
    expires_at: float
    body: str
    """PEM."""
    chain: str | None = None
    sealed_key: bytes
    tags: Mapping[str, str] = {}


class SshPublicKey(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A user's SSH public key."""

    id: str
    """`APKA…`"""
    user_id: str
    body: str
    """As `ssh-rsa AAAA…`."""
    fingerprint: str
    """MD5 of the key, as pairs of digits with colons."""
    status: str = "Active"
    created_at: float

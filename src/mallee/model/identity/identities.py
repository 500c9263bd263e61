"""Who there is in an account, and what they may do: users, groups, roles, policies, profiles.

The nouns of the IAM manual as the store keeps them. Names are unique per account and noun without
regard to case, paths begin and end with `/`. Policies are kept as they were written. What they
mean is the policy engine's business (`aws.policy`), how they are found per caller `cloud.rights`.
"""

from collections.abc import Mapping

import msgspec

ADMINISTRATOR = "admin"
"""The name that an account's first user gets, who may do everything in his account."""

PARTITION = "aws"


def arn(account: str, kind: str, path: str, name: str) -> str:
    """Return the ARN of a thing of IAM; its kind is `user`, `group`, `role`, `policy`, …"""
    return f"arn:{PARTITION}:iam::{account}:{kind}{path}{name}"


class User(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A person or program of an account."""

    id: str
    """`AIDA…`"""
    name: str
    path: str = "/"
    created_at: float
    tags: Mapping[str, str] = {}
    group_ids: tuple[str, ...] = ()
    inline: Mapping[str, str] = {}
    """Inline policies: document by name."""
    attached: tuple[str, ...] = ()
    """ARNs of managed policies."""
    boundary: str | None = None
    """ARN of the managed policy that is the most that others can give."""
    is_enabled: bool = True
    """Whether his keys, password and sessions are good for anything."""
    source: str = ""
    """The directory that he was imported from; empty: made here."""
    has_left: bool = False
    """Whether he was disabled because his directory has him no more, or as disabled."""
    email: str | None = None
    full_name: str | None = None


class Group(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Users who share policies; who is in it stands with the users."""

    id: str
    """`AGPA…`"""
    name: str
    path: str = "/"
    created_at: float
    inline: Mapping[str, str] = {}
    attached: tuple[str, ...] = ()
    source: str = ""
    """The directory that its members are imported from; empty: made here."""


class Role(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Rights without a key of their own, taken on for a while by whom the trust policy names."""

    id: str
    """`AROA…`"""
    name: str
    path: str = "/"
    created_at: float
    description: str | None = None
    trust: str
    """The trust policy, as written."""
    max_session_s: int = 3600
    tags: Mapping[str, str] = {}
    inline: Mapping[str, str] = {}
    attached: tuple[str, ...] = ()
    boundary: str | None = None


class PolicyVersion(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One wording of a managed policy."""

    id: str
    """`v1`, `v2`, …"""
    document: str
    created_at: float


class Policy(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A managed policy: attached to users, groups and roles of its account."""

    id: str
    """`ANPA…`"""
    arn: str
    name: str
    path: str = "/"
    description: str | None = None
    created_at: float
    updated_at: float
    tags: Mapping[str, str] = {}
    versions: tuple[PolicyVersion, ...]
    """Oldest first; five at most."""
    default_version: str = "v1"
    next_version: int = 2
    """Numbers are never given twice."""

    @property
    def document(self) -> str:
        """What is in force: the text of the default version."""
        return next(v.document for v in self.versions if v.id == self.default_version)


class InstanceProfile(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an instance is given so that it can take on a role."""

    id: str
    """`AIPA…`"""
    name: str
    path: str = "/"
    created_at: float
    role_id: str | None = None
    tags: Mapping[str, str] = {}

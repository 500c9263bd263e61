"""Sessions: somebody's rights for a while, under credentials that end by themselves.

A *session* is what a token of STS stands for: a user's own rights once more (GetSessionToken), a
role's (AssumeRole and its kin, instance profiles), or part of a user's rights under another name
(GetFederationToken). It is kept nowhere: the token carries it, sealed (`cloud.sessions`). What it
may do is found anew for each request from the issuer's policies of that moment (`cloud.rights`).
"""

from collections.abc import Mapping
from enum import Enum

import msgspec

LIFE_S_MAX = 129_600
"""No session lives longer than 36 hours, whoever asks for it."""


class CallerKind(Enum):
    """What sort of caller it is."""

    USER = "user"
    """A user by his own key, or by a session of GetSessionToken, which is himself again."""
    ROLE = "role"
    """A role session: AssumeRole, AssumeRoleWithWebIdentity, an instance's role."""
    FEDERATED = "federated"
    """A federated user of GetFederationToken."""
    VOUCHED = "vouched"
    """Somebody for whom an identity provider vouches, and who is about to take a role on."""
    NOBODY = "nobody"
    """Nobody signed: a row that is answered without a signature (`Action.is_unsigned`)."""


class Session(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a token stands for, as it was when the token was given out."""

    kind: CallerKind
    """Of whoever uses it; never NOBODY. One of a VOUCHED is in no token: it says what his provider
    said of him, for the time of a request."""
    account: str
    """The issuer's account, which is the session's; empty of a VOUCHED, who has none."""
    issuer_id: str
    """`AIDA…` of the user or `AROA…` of the role whose rights it has; gone, the session ends."""
    name: str = ""
    """The role session's name, or the federated user's."""
    issued_at: float
    """Seconds since the epoch."""
    expires_at: float
    """Seconds since the epoch."""
    key_id: str = ""
    """The user's own access key that asked (GetSessionToken, GetFederationToken); it must be there
    and active as long as the session is used. Empty where a password or a role was asked with."""
    tags: Mapping[str, str] = {}
    """Session tags, those inherited from the caller included."""
    transitive_keys: tuple[str, ...] = ()
    """Keys of tags that go on to the next role in a chain."""
    source_identity: str | None = None
    """Who was at the beginning; stays through a chain."""
    mfa_at: float | None = None
    """When the caller showed a second factor, in seconds since the epoch."""
    policies: tuple[str, ...] = ()
    """Session policies as texts: with the ARNs below the most that the session may do."""
    policy_arns: tuple[str, ...] = ()
    """Managed policies that restrict the session."""
    provider: str | None = None
    """ARN or name of the identity provider that vouched for who assumed the role."""
    claims: Mapping[str, str | tuple[str, ...]] = {}
    """What a provider said, by context key in lower case (`accounts.example.org:sub`)."""
    is_chained: bool = False
    """Whether a role assumed this role."""
    instance_id: str | None = None
    """The instance that got the credentials by its metadata service."""

    @property
    def is_restricted(self) -> bool:
        """Whether session policies have a say."""
        return bool(self.policies or self.policy_arns) or self.kind is CallerKind.FEDERATED

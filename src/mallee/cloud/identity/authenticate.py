"""Who calls: from a signature to the principal behind it.

A *principal* is the user whose access key signed the request, or the session whose temporary key
did. A request without a signature that holds ends here, before a parameter of it is decoded, save
for the rows that are answered without one. A session is believed as long as what it speaks for is
there: its account, its user or role by id, and the key that asked for it. Called by
the pipeline. Not its business: how signatures are made and compared (`aws.signature`), what is in a
token (`sessions`), and what the caller may do (`authorize`).
"""

from dataclasses import dataclass, field, replace
from typing import Protocol

from mallee.aws import errors
from mallee.aws.signature import check, claims, replay
from mallee.cloud import http
from mallee.cloud.action import Action, Write
from mallee.cloud.call import NOBODY, Principal
from mallee.cloud.identity import sessions
from mallee.cloud.state import records, store
from mallee.kit import secretbox
from mallee.model.hosts.standing import Standing
from mallee.model.identity import accounts, identities
from mallee.model.identity.accounts import Account
from mallee.model.identity.identities import Role, User
from mallee.model.identity.sessions import CallerKind, Session

ACTIVE = "Active"
OPENED_MAX = 4096
"""How many opened secrets are remembered; a busy cloud's keys fit, and memory stays bounded."""


class Used(Protocol):
    """What all front ends remember of signatures (`state.signatures`)."""

    async def use(self, signature: str) -> float:
        """Remember a signature; return how many seconds ago it was used first."""
        ...


@dataclass(frozen=True, slots=True)
class Keys:
    """The access keys of all accounts, and the signatures that were used lately."""

    view: store.View
    box: secretbox.SecretBox
    window: replay.Window = field(default_factory=replay.Window)
    used: Used | None = None
    """The signatures that were used at any front end; None: there is this process alone."""
    _opened: dict[bytes, str] = field(default_factory=dict[bytes, str], repr=False)
    _tokens: dict[str, sessions.Opened] = field(
        default_factory=dict[str, sessions.Opened], repr=False
    )
    _ring: list[object] = field(default_factory=list[object], repr=False)
    """With which keys of the box the remembered were opened."""

    def secret(self, sealed: bytes) -> str:
        """Return a sealed secret, opened; each is opened once as long as there is room."""
        opened = self._opened.get(sealed)
        if opened is None:
            if len(self._opened) >= OPENED_MAX:
                self._opened.clear()
            opened = self._opened[sealed] = self.box.open(sealed).decode()
        return opened

    def open(self, token: str) -> sessions.Opened | None:
        """Return what a session token holds; None when it was not made here."""
        if self._ring != [self.box.ring]:
            # A token must not outlive the key that sealed it.
            self._tokens.clear()
            self._ring[:] = [self.box.ring]
        opened = self._tokens.get(token)
        if opened is None:
            try:
                opened = sessions.open(self.box, token)
            except sessions.Forged:
                return None
            if len(self._tokens) >= OPENED_MAX:
                self._tokens.clear()
            self._tokens[token] = opened
        return opened

    def forget(self) -> None:
        """Forget what was opened: the keys of the box have changed."""
        self._opened.clear()
        self._tokens.clear()


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose an access key is, and what he signs with."""

    secret: str = field(repr=False)
    principal: Principal | None
    """None: what the key speaks for is gone, or closed."""
    expires_at: float | None = None
    """Of a session; None: it has no end."""


def identify(keys: Keys, action: Action, request: http.Request, now: float) -> Principal:
    """Return who signed the request; raise what the service answers when nobody provably did."""
    if action.is_unsigned:
        return NOBODY
    claim = claims.parse(request, action.service)
    found = holder(keys, claim.access_key_id, claim.session_token)
    if found is None:
        raise check.unknown_key(claim.service)
    check.verify(claim, found.secret, now)
    if found.expires_at is not None and now >= found.expires_at:
        raise errors.RequestExpired() if claim.service == "ec2" else errors.ExpiredToken()
    if found.principal is None:
        raise check.unknown_key(claim.service)
    keys.window.admit(claim, now, changes=isinstance(action.does, Write))
    return found.principal


async def use_up(keys: Keys, action: Action, request: http.Request) -> None:
    """Raise `RequestExpired` when a request that changes something was let in at another process.

    Called after `identify`, which knows what was let in at this one.
    """
    if keys.used is None or action.is_unsigned or not isinstance(action.does, Write):
        return
    claim = claims.parse(request, action.service)
    if claim.expires_at is None:
        age_s = await keys.used.use(claim.signature)
        if age_s > replay.SAME_SECOND_S:
            raise errors.RequestExpired()


def holder(keys: Keys, access_key_id: str, session_token: str | None) -> Holder | None:
    """Return whose key it is, before a signature was checked; None when it is nobody's."""
    if session_token is not None:
        return _by_token(keys, access_key_id, session_token)
    key = keys.view.get(records.ACCESS_KEY, access_key_id)
    if key is None or key.doc.status != ACTIVE:
        return None
    account = _account(keys.view, key.account)
    user = _user(keys.view, key.account, key.doc.user_id)
    return Holder(
        secret=keys.secret(key.doc.sealed_secret),
        principal=principal_of(account, user, key.id) if account and user else None,
    )


def _by_token(keys: Keys, access_key_id: str, session_token: str) -> Holder | None:
    """Return who uses the session whose key it is."""
    opened = keys.open(session_token)
    # A token is good with its own key only: neither with another one's nor with a user's.
    if opened is None or opened.access_key_id != access_key_id:
        return None
    return Holder(
        secret=opened.secret,
        principal=principal_of_session(keys.view, opened.session, opened.access_key_id),
        expires_at=opened.session.expires_at,
    )


def principal_of_session(
    view: store.View, session: Session, access_key_id: str
) -> Principal | None:
    """Return the caller that a session is; None when what it speaks for is gone or closed."""
    account = _account(view, session.account)
    if account is None:
        return None
    if session.kind is CallerKind.ROLE:
        return _role_session(view, account, session, access_key_id)
    user = _user(view, account.id, session.issuer_id)
    if user is None or not _asked_with(view, session):
        return None
    himself = principal_of(account, user, access_key_id)
    if session.kind is CallerKind.USER:
        return replace(himself, session=session)
    return replace(
        himself,
        user_id=f"{account.id}:{session.name}",
        user_name="",
        arn=federated_arn(account.id, session.name),
        is_administrator=False,
        kind=session.kind,
        session=session,
        issuer_arn=himself.arn,
    )


def is_standing(view: store.View, who: Principal, now: float) -> bool:
    """Tell whether a caller's key or session is still good: what he opened lasts no longer."""
    session = who.session
    if session is not None:
        is_there = principal_of_session(view, session, who.access_key_id) is not None
        return is_there and now < session.expires_at
    key = view.get(records.ACCESS_KEY, who.access_key_id)
    if key is None or key.doc.status != ACTIVE or _account(view, key.account) is None:
        return False
    return _user(view, key.account, key.doc.user_id) is not None


def _role_session(
    view: store.View, account: Account, session: Session, access_key_id: str
) -> Principal | None:
    record = view.get(records.ROLE, session.issuer_id)
    if record is None or record.account != account.id:
        return None
    if account.id == accounts.SYSTEM.id and not _is_host(view, session.name):
        return None
    if session.instance_id and _is_lost(view, session.instance_id):
        return None
    role = record.doc
    return Principal(
        account=account.id,
        user_id=f"{role.id}:{session.name}",
        user_name="",
        arn=role_session_arn(account.id, role, session.name),
        access_key_id=access_key_id,
        is_cloud_admin=account.is_cloud_admin,
        kind=CallerKind.ROLE,
        session=session,
        issuer_arn=identities.arn(account.id, "role", role.path, role.name),
    )


def role_session_arn(account: str, role: Role, session_name: str) -> str:
    """Return the ARN of a session of a role: without the role's path, as AWS has it."""
    return f"arn:{identities.PARTITION}:sts::{account}:assumed-role/{role.name}/{session_name}"


def federated_arn(account: str, name: str) -> str:
    """Return the ARN of a federated user."""
    return f"arn:{identities.PARTITION}:sts::{account}:federated-user/{name}"


def _is_host(view: store.View, host_id: str) -> bool:
    """Tell whether a host is part of the cloud: the passes of one that is not are good no more."""
    host = view.get(records.HOST, host_id)
    return host is not None and host.doc.standing is not Standing.RETIRED


def _is_lost(view: store.View, instance_id: str) -> bool:
    """Tell whether an instance was on a host that is no part of the cloud any more: whoever has the
    host has what its guest was given."""
    instance = view.get(records.INSTANCE, instance_id)
    return instance is not None and not _is_host(view, instance.doc.host_id)


def _asked_with(view: store.View, session: Session) -> bool:
    """Tell whether the key that asked for the session is still good."""
    if not session.key_id:
        return True
    key = view.get(records.ACCESS_KEY, session.key_id)
    return key is not None and key.doc.status == ACTIVE and key.doc.user_id == session.issuer_id


def _account(view: store.View, id: str) -> Account | None:
    if id == accounts.SYSTEM.id:
        return accounts.SYSTEM
    record = view.get(records.ACCOUNT, id)
    return record.doc if record is not None and record.doc.is_active else None


def _user(view: store.View, account: str, id: str) -> User | None:
    record = view.get(records.USER, id)
    if record is None or record.account != account or not record.doc.is_enabled:
        return None
    return record.doc


def principal_of(account: Account, user: User, access_key_id: str) -> Principal:
    """Return the caller that a user is."""
    return Principal(
        account=account.id,
        user_id=user.id,
        user_name=user.name,
        arn=identities.arn(account.id, "user", user.path, user.name),
        access_key_id=access_key_id,
        is_cloud_admin=account.is_cloud_admin,
        is_administrator=user.id == account.admin_user_id,
    )

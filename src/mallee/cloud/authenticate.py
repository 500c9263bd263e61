"""Who calls: from a signature to the principal behind it.

A *principal* is the user whose access key signed the request. There is no anonymous caller: a
request without a signature that holds ends here, before a parameter of it is decoded. Called by
the pipeline. Not its business: how signatures are made and compared (`aws.signature`), and what
the caller may do (`authorize`).
"""

from dataclasses import dataclass, field

from mallee.aws.signature import check, claims, replay
from mallee.cloud import http
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Principal
from mallee.cloud.state import records, store
from mallee.kit import secretbox
from mallee.model import identities
from mallee.model.accounts import Account
from mallee.model.identities import User

ACTIVE = "Active"
OPENED_MAX = 4096
"""How many opened secrets are remembered; a busy cloud's keys fit, and memory stays bounded."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The access keys of all accounts, and the signatures that were used lately."""

    view: store.View
    box: secretbox.SecretBox
    window: replay.Window = field(default_factory=replay.Window)
    _opened: dict[bytes, str] = field(default_factory=dict[bytes, str], repr=False)

    def secret(self, sealed: bytes) -> str:
        """Return a sealed secret, opened; each is opened once as long as there is room."""
        opened = self._opened.get(sealed)
        if opened is None:
            if len(self._opened) >= OPENED_MAX:
                self._opened.clear()
            opened = self._opened[sealed] = self.box.open(sealed).decode()
        return opened


def identify(keys: Keys, action: Action, request: http.Request, now: float) -> Principal:
    """Return who signed the request; raise what the service answers when nobody provably did."""
    service = action.service
    claim = claims.parse(request, service)
    key = keys.view.get(records.ACCESS_KEY, claim.access_key_id)
    # No session was ever given out, so whoever shows a token of one has it from elsewhere.
    if key is None or key.doc.status != ACTIVE or claim.session_token is not None:
        raise check.unknown_key(service)
    check.verify(claim, keys.secret(key.doc.sealed_secret), now)
    keys.window.admit(claim, now, changes=isinstance(action.does, Write))
    account = keys.view.get(records.ACCOUNT, key.account)
    user = keys.view.get(records.USER, key.doc.user_id)
    if account is None or user is None:
        raise check.unknown_key(service)
    return principal_of(account.doc, user.doc, key.id)


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

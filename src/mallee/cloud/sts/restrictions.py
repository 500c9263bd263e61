"""What temporary credentials are not for, whatever policies say: AWS's table of restrictions.

Credentials of GetSessionToken reach IAM only after a second factor, and of STS only AssumeRole and
GetCallerIdentity; those of GetFederationToken reach nothing of IAM, and of STS only
GetCallerIdentity. So nobody with a leaked token makes himself a key that lasts; what changes
something in the cloud's own administration (accounts, invitations, imports) is IAM in this. Who
signed in with a password has no such restrictions: that is a person at work. Called by the
pipeline.
"""

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Principal
from mallee.model.identity.sessions import CallerKind

_OF_SESSIONS = frozenset({"AssumeRole", "GetCallerIdentity"})
_OF_FEDERATED = frozenset({"GetCallerIdentity"})
_GIVES_SESSIONS = frozenset({"GetSessionToken", "GetFederationToken"})


def check(who: Principal, action: Action) -> None:
    """Raise unless who calls may call such an action with such credentials.

    `InvalidClientTokenId` from IAM, `AccessDenied` from STS, as AWS answers.
    """
    session = who.session
    if session is None:
        return
    is_federated = who.kind is CallerKind.FEDERATED
    if action.service == "sts":
        allowed = _OF_FEDERATED if is_federated else _OF_SESSIONS
        is_lasting = who.kind is CallerKind.USER and not session.key_id
        of_role = who.kind is CallerKind.ROLE or is_lasting
        if action.name in _GIVES_SESSIONS or (not of_role and action.name not in allowed):
            raise errors.PolicyDenied(f"Cannot call {action.name} with session credentials")
    elif action.service == "iam" or (action.service == "mallee" and isinstance(action.does, Write)):
        by_key = who.kind is CallerKind.USER and session.key_id and session.mfa_at is None
        if is_federated or by_key:
            raise errors.InvalidClientTokenId

"""The context keys of STS: what trust policies ask about a request for a session.

Called by `context`. Not its business: who asks (`callerkeys`), tags (`context`).
"""

from collections.abc import Mapping

from mallee.aws.policy.texts import Values
from mallee.cloud.identity.question import Finder, Question, member
from mallee.model.identity.sessions import CallerKind


def _source_identity(question: Question) -> str | None:
    """Return the source identity asked for; in a chain of roles the one that goes on with it."""
    asked: str | None = question.asked.get("SourceIdentity")
    session = question.call.principal.session
    if asked or question.row.service != "sts":
        return asked
    return session.source_identity if session else None


def _transitive_keys(question: Question) -> Values | None:
    who = question.call.principal
    if who.kind is CallerKind.VOUCHED and who.session is not None:
        return who.session.transitive_keys or None
    return tuple(question.asked.get("TransitiveTagKeys") or ()) or None


FINDERS: Mapping[str, Finder] = {
    "sts:externalid": member("ExternalId"),
    "sts:rolesessionname": member("RoleSessionName"),
    "sts:sourceidentity": _source_identity,
    "sts:transitivetagkeys": _transitive_keys,
}

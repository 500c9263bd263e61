"""What a caller may do, as policies: his own, his groups', attached ones, and his boundary.

Found in the view and remembered per user until any user, group, role or policy changes. What
cannot be found or read allows nothing. Called by `authorize`, and by IAM's simulator. Not its
business: how policies are weighed (`aws.policy`), and who needs none (`authorize`).
"""

from collections.abc import Iterator, Mapping

from mallee.aws import errors, policy
from mallee.cloud import managedpolicies
from mallee.cloud.call import Principal
from mallee.cloud.state import records, store
from mallee.model.identities import Group, Role, User

_KINDS = (records.ACCOUNT, records.USER, records.GROUP, records.ROLE, records.POLICY)

_NOTHING = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}'

Holder = User | Group | Role
"""Who can have policies."""

NONE = policy.Policies()
"""What is asked about an administrator."""


class Rights:
    """The policies of users, kept at hand. Belongs to the event loop's thread, as its view does."""

    __slots__ = ("_kept", "_revs", "_view")

    def __init__(self, view: store.View) -> None:
        self._view = view
        self._revs: tuple[int, ...] = ()
        self._kept: dict[str, policy.Policies] = {}

    def of(self, who: Principal) -> policy.Policies:
        """Return all policies that have a say about what the caller does.

        An administrator has `NONE`, the very one, unless the cloud set a policy over his account.
        """
        revs = tuple([self._view.doc_rev(kind) for kind in _KINDS])
        if revs != self._revs:
            self._revs = revs
            self._kept.clear()
        found = self._kept.get(who.user_id)
        if found is None:
            found = self._kept[who.user_id] = self._find(who)
        return found

    def _find(self, who: Principal) -> policy.Policies:
        own = NONE if who.is_administrator else of_user(self._view, who.user_id)
        above = of_account(self._view, who.account)
        return own._replace(account=above) if above else own


def of_account(view: store.View, account: str) -> tuple[policy.Attached, ...]:
    """Return the policies that the cloud set over an account."""
    record = view.get(records.ACCOUNT, account)
    if record is None:
        return ()
    return tuple(
        policy.Attached(name, _compiled(text, policy.Kind.ACCOUNT))
        for name, text in record.doc.policies.items()
    )


def of_user(view: store.View, user_id: str) -> policy.Policies:
    """Return the policies of a user; one who is not there has none."""
    record = view.get(records.USER, user_id)
    if record is None:
        return policy.Policies()
    holders: list[Holder] = [record.doc]
    for id in record.doc.group_ids:
        group = view.get(records.GROUP, id)
        if group is not None:
            holders.append(group.doc)
    identity = tuple(one for holder in holders for one in _identity(view, holder))
    return policy.Policies(identity=identity, boundary=boundary_of(view, record.doc))


def of_role(view: store.View, role: Role) -> policy.Policies:
    """Return the policies of a role."""
    return policy.Policies(identity=tuple(_identity(view, role)), boundary=boundary_of(view, role))


def boundary_of(view: store.View, holder: User | Role) -> policy.Attached | None:
    """Return the most that a user or role may be given; None when there is no bound."""
    if holder.boundary is None:
        return None
    text = managedpolicies.document_of(view, holder.boundary) or _NOTHING
    return policy.Attached(holder.boundary, _compiled(text, policy.Kind.BOUNDARY))


def _identity(view: store.View, holder: Holder) -> Iterator[policy.Attached]:
    yield from _inline(holder.inline)
    for arn in holder.attached:
        text = managedpolicies.document_of(view, arn) or _NOTHING
        yield policy.Attached(arn, _compiled(text, policy.Kind.IDENTITY))


def _inline(documents: Mapping[str, str]) -> Iterator[policy.Attached]:
    for name, text in documents.items():
        yield policy.Attached(name, _compiled(text, policy.Kind.IDENTITY))


def _compiled(text: str, kind: policy.Kind) -> policy.Compiled:
    """Return a policy's functions; of one that means nothing as this kind, those that deny all."""
    try:
        return policy.compiled(text, kind)
    except errors.MalformedPolicyDocument:
        return policy.compiled(_NOTHING, kind)

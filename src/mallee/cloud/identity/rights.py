"""What a caller may do, as policies: his own, his groups', attached ones, and his boundary.

Those that the cloud set over his account too, and those that a session was given. Found in the view
and remembered per user and role until any account, user, group, role or policy changes. What cannot
be found or read allows nothing. Called by `authorize`, and by IAM's simulator. Not its
business: how policies are weighed (`aws.policy`), and who needs none (`authorize`).
"""

from collections.abc import Iterator, Mapping

from mallee.aws import errors, policy
from mallee.cloud.call import Principal
from mallee.cloud.identity import managedpolicies
from mallee.cloud.state import records, store
from mallee.model.identity.identities import Group, Role, User
from mallee.model.identity.sessions import Session

_KINDS = (records.ACCOUNT, records.USER, records.GROUP, records.ROLE, records.POLICY)

NOTHING = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}'
"""What stands for a policy that is gone or cannot be read."""

Holder = User | Group | Role
"""Who can have policies."""

ADMINISTRATOR = f"{managedpolicies.AWS}AdministratorAccess"
"""What an account's first user has without being given it."""


WILDCARDS_MAX = 8_000
"""Of all policies that have a say together. AWS's largest policies have some dozens each; with so
many a decision takes a fifth of a second at worst, for which all others wait."""


class Rights:
    """The policies of users and roles, kept at hand. It is the event loop's, as its view is."""

    __slots__ = ("_kept", "_revs", "_view")

    def __init__(self, view: store.View) -> None:
        self._view = view
        self._revs: tuple[int, ...] = ()
        self._kept: dict[str, policy.Policies] = {}

    def of(self, who: Principal) -> policy.Policies:
        """Return all policies that have a say about what the caller does."""
        revs = tuple([self._view.doc_rev(kind) for kind in _KINDS])
        if revs != self._revs:
            self._revs = revs
            self._kept.clear()
        issuer_id = who.issuer_id
        found = self._kept.get(issuer_id)
        if found is None:
            found = _bounded(of_issuer(self._view, who.account, issuer_id))
            self._kept[issuer_id] = found
        session = who.session
        if session is None or not session.is_restricted:
            return found
        return _bounded(found._replace(session=of_session(self._view, session)))


def _bounded(policies: policy.Policies) -> policy.Policies:
    """Return the policies; what denies all when they would take too long to decide."""
    wild = sum(one.policy.wildcards for one in policy.attached(policies))
    return policies if wild <= WILDCARDS_MAX else _TOO_WILD


def of_issuer(view: store.View, account: str, id: str) -> policy.Policies:
    """Return the policies of the user or role of an id; one who is not there has none.

    An account's administrator may do everything but what the cloud forbids the account.
    """
    owner, role = view.get(records.ACCOUNT, account), view.get(records.ROLE, id)
    if owner is not None and owner.doc.admin_user_id == id:
        own = policy.Policies(identity=(_attached(view, ADMINISTRATOR, policy.Kind.IDENTITY),))
    else:
        own = of_user(view, id) if role is None else of_role(view, role.doc)
    return own._replace(account=tuple(filter(_has_a_say, of_account(view, account))))


def _has_a_say(attached: policy.Attached) -> bool:
    """Tell whether a policy is about more than quotas, which have no part in decisions."""
    statements = attached.policy.document.statements
    return any(one.effect is not policy.Effect.LIMIT for one in statements)


def of_session(view: store.View, session: Session) -> tuple[policy.Attached, ...]:
    """Return what was handed over with a session, which is the most that it may do."""
    given = (
        policy.Attached(f"session policy {number}", _compiled(text, policy.Kind.SESSION))
        for number, text in enumerate(session.policies, 1)
    )
    named = (_attached(view, arn, policy.Kind.SESSION) for arn in session.policy_arns)
    return (*given, *named)


def of_account(view: store.View | store.Tx, account: str) -> tuple[policy.Attached, ...]:
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
    return _attached(view, holder.boundary, policy.Kind.BOUNDARY)


def _identity(view: store.View, holder: Holder) -> Iterator[policy.Attached]:
    yield from _inline(holder.inline)
    for arn in holder.attached:
        yield _attached(view, arn, policy.Kind.IDENTITY)


def _inline(documents: Mapping[str, str]) -> Iterator[policy.Attached]:
    for name, text in documents.items():
        yield policy.Attached(name, _compiled(text, policy.Kind.IDENTITY))


def _attached(view: store.View, arn: str, kind: policy.Kind) -> policy.Attached:
    """Return a managed policy; of one that is gone, what denies all."""
    return policy.Attached(arn, _compiled(managedpolicies.document_of(view, arn) or NOTHING, kind))


def _compiled(text: str, kind: policy.Kind) -> policy.Compiled:
    """Return a policy's functions; of one that means nothing as this kind, those that deny all."""
    try:
        return policy.compiled(text, kind)
    except errors.MalformedPolicyDocument:
        return policy.compiled(NOTHING, kind)


_TOO_WILD = policy.Policies(
    identity=(
        policy.Attached(
            f"more than {WILDCARDS_MAX} wildcards in all policies together",
            _compiled(NOTHING, policy.Kind.IDENTITY),
        ),
    )
)
"""Its name is what who may know of a refusal is told."""

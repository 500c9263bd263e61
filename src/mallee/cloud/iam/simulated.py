"""The policies that a simulation starts from: a user's, group's or role's own, and his boundary.

Each comes as a `simulation.Source`, so that results can name it: `user_ann_inline` for an inline
policy, the name for a managed one. Called by `simulator`.
"""

from collections.abc import Iterator
from typing import Any

from mallee.aws import errors
from mallee.cloud import accounts
from mallee.cloud.call import Call
from mallee.cloud.iam import entities
from mallee.cloud.iam.simulation import Source, SourceType
from mallee.cloud.identity import managedpolicies, rights
from mallee.cloud.state import records
from mallee.cloud.state.records import Record

Holder = Record[Any, None]
"""A user, group or role."""

_NOUNS = {kind.name: kind for kind in (records.USER, records.GROUP, records.ROLE)}


def find(call: Call, arn: str) -> Holder:
    """Return the account's user, group or role of an ARN; raise `NoSuchEntity`, `InvalidInput`."""
    noun, _, path_and_name = arn.rpartition(":")[2].partition("/")
    kind = _NOUNS.get(noun)
    if kind is None or not arn.startswith("arn:aws:iam::"):
        raise errors.InvalidInput(f"{arn} is not the ARN of a user, group or role.")
    name = path_and_name.rpartition("/")[2]
    id = call.view.owner_of(accounts.names_of(kind, call.account), name.lower())
    found: Holder | None = call.view.get(kind, id) if id else None
    if found is None or entities.arn(found) != arn:
        raise errors.NoSuchEntity(noun, name)
    return found


def policies_of(call: Call, holder: Holder) -> Iterator[Source]:
    """Yield the identity policies of somebody, those of his groups too."""
    owner = call.view.get(records.ACCOUNT, holder.account)
    if owner is not None and owner.doc.admin_user_id == holder.id:
        yield _managed(call, rights.ADMINISTRATOR)
        return
    yield from _own(call, holder)
    for id in holder.doc.group_ids if holder.kind is records.USER else ():
        group = call.view.get(records.GROUP, id)
        if group is not None:
            yield from _own(call, group)


def boundary_of(call: Call, holder: Holder) -> Source | None:
    """Return somebody's boundary; a group has none."""
    arn = None if holder.kind is records.GROUP else holder.doc.boundary
    return None if arn is None else _managed(call, arn)


def above(call: Call) -> Iterator[Source]:
    """Yield the policies that the cloud set over the account."""
    owner = call.view.get(records.ACCOUNT, call.account)
    for name, text in owner.doc.policies.items() if owner else ():
        yield Source(f"account_{name}", SourceType.NONE, text)


def _own(call: Call, holder: Holder) -> Iterator[Source]:
    noun, doc = holder.kind.name, holder.doc
    for name, text in doc.inline.items():
        yield Source(f"{noun}_{doc.name}_{name}", SourceType(noun), text)
    for arn in doc.attached:
        yield _managed(call, arn)


def _managed(call: Call, arn: str) -> Source:
    """Return a managed policy; of one that is gone, what denies all, as everywhere."""
    given = arn in managedpolicies.GIVEN
    kind = SourceType.AWS_MANAGED if given else SourceType.USER_MANAGED
    text = managedpolicies.document_of(call.view, arn) or rights.NOTHING
    return Source(arn.rpartition("/")[2], kind, text, arn)

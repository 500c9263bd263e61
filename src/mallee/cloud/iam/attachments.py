"""Which policies users, groups and roles have: managed ones attached, and inline ones of their own.

The same verbs for each kind of holder, so the rows are made by kind. An inline policy belongs to
its holder and goes with it; the sizes of all together are limited. Called through the action
table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors, policy
from mallee.cloud.action import Action, Pages, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import entities, managed, roles, users
from mallee.cloud.identity import managedpolicies
from mallee.cloud.state import records
from mallee.cloud.state.records import Kind, Record

ATTACHED_MAX = 10


@dataclass(frozen=True, slots=True)
class Holding:
    """One kind of holder, and the actions about its policies."""

    kind: Kind[Any, None]
    noun: str
    """`User`"""
    inline_max: int
    """Characters of all inline policies of one, without white space."""

    @property
    def member(self) -> str:
        """The member of requests that names one."""
        return f"{self.noun}Name"

    def named(self, call: Call, request: Request) -> Record[Any, None]:
        """Return the holder that a request names; raise `NoSuchEntity`."""
        return entities.find(call, self.kind, request[self.member])

    def changed(self, call: WriteCall, request: Request) -> Record[Any, None]:
        """Return the holder that a request names, whose policies may be changed."""
        if self.kind is records.USER:
            return users.governed(call, request[self.member])
        if self.kind is records.ROLE:
            return roles.changed(call, request[self.member])
        return self.named(call, request)

    def attach(self, call: WriteCall, request: Request) -> Result:
        """Attach a managed policy; twice is once."""
        record = self.changed(call, request)
        found = managed.find(call, request["PolicyArn"])
        arn = found.arn
        if found.path.startswith(managedpolicies.SERVICE_PATH):
            raise errors.PolicyNotAttachable(arn)
        attached: tuple[str, ...] = record.doc.attached
        if arn not in attached:
            if len(attached) >= ATTACHED_MAX:
                raise errors.LimitExceeded(f"PoliciesPer{self.noun}", ATTACHED_MAX)
            call.tx.write(record, replace(record.doc, attached=(*attached, arn)))
        return {}

    def detach(self, call: WriteCall, request: Request) -> Result:
        """Take a managed policy away."""
        record = self.changed(call, request)
        arn: str = request["PolicyArn"]
        if arn not in record.doc.attached:
            raise errors.NoSuchPolicy(arn)
        left = tuple(one for one in record.doc.attached if one != arn)
        call.tx.write(record, replace(record.doc, attached=left))
        return {}

    def put(self, call: WriteCall, request: Request) -> Result:
        """Set an inline policy."""
        record = self.changed(call, request)
        text = managed.check_document(request["PolicyDocument"], self.inline_max)
        inline: dict[str, str] = {**record.doc.inline, request["PolicyName"]: text}
        if sum(policy.size(one) for one in inline.values()) > self.inline_max:
            raise errors.InlinePolicyLimitExceeded(
                self.noun.lower(), record.doc.name, self.inline_max
            )
        call.tx.write(record, replace(record.doc, inline=inline))
        return {}

    def get(self, call: Call, request: Request) -> Result:
        """Show an inline policy."""
        record = self.named(call, request)
        name = _inline_name(self, record, request)
        document = entities.quoted(record.doc.inline[name])
        return {
            self.member: record.doc.name,
            "PolicyName": name,
            "PolicyDocument": document,
        }

    def delete(self, call: WriteCall, request: Request) -> Result:
        """Remove an inline policy."""
        record = self.changed(call, request)
        name = _inline_name(self, record, request)
        left = {key: text for key, text in record.doc.inline.items() if key != name}
        call.tx.write(record, replace(record.doc, inline=left))
        return {}

    def find_inline(self, call: Call, request: Request) -> Iterable[str]:
        """Return the names of a holder's inline policies."""
        return self.named(call, request).doc.inline

    def find_attached(self, call: Call, request: Request) -> Iterable[str]:
        """Return the ARNs of a holder's managed policies whose path begins as asked."""
        prefix: str = request.get("PathPrefix", "/")
        attached: tuple[str, ...] = self.named(call, request).doc.attached
        return [arn for arn in attached if arn.partition(":policy")[2].startswith(prefix)]


HOLDINGS = (
    Holding(records.USER, "User", 2048),
    Holding(records.GROUP, "Group", 5120),
    Holding(records.ROLE, "Role", 10_240),
)


def _inline_name(holding: Holding, record: Record[Any, None], request: Request) -> str:
    name: str = request["PolicyName"]
    if name not in record.doc.inline:
        raise errors.NoSuchEntity(f"{holding.noun.lower()} policy", name)
    return name


def _itself(name: str) -> str:
    return name


def _render_attached(_call: Call, arn: str) -> Mapping[str, str]:
    return {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn}


def _rows(holding: Holding) -> tuple[Action, ...]:
    noun, member = holding.noun, holding.member
    return (
        _row(f"Attach{noun}Policy", Write(handle=holding.attach), member, "PolicyArn"),
        _row(f"Detach{noun}Policy", Write(handle=holding.detach), member, "PolicyArn"),
        _row(
            f"ListAttached{noun}Policies",
            Pages(
                find=holding.find_attached,
                render=_render_attached,
                member="AttachedPolicies",
                key=_itself,
            ),
            *(member, "PathPrefix"),
        ),
        _row(f"Put{noun}Policy", Write(handle=holding.put), member, "PolicyName", "PolicyDocument"),
        _row(f"Get{noun}Policy", Read(handle=holding.get), member, "PolicyName"),
        _row(f"Delete{noun}Policy", Write(handle=holding.delete), member, "PolicyName"),
        _row(
            f"List{noun}Policies",
            Pages(
                find=holding.find_inline,
                render=lambda _, name: name,
                member="PolicyNames",
                key=_itself,
            ),
            member,
        ),
    )


def _find_entities(call: Call, request: Request) -> list[Record[Any, None]]:
    """Return everybody who has a policy, as a permission or as a boundary, each once."""
    arn = managed.find(call, request["PolicyArn"]).arn
    usage: str | None = request.get("PolicyUsageFilter")
    found = managed.holders(call, arn) if usage != "PermissionsBoundary" else []
    found += managed.bounded(call, arn) if usage != "PermissionsPolicy" else []
    prefix: str = request.get("PathPrefix", "/")
    wanted: str = request.get("EntityFilter", "")
    nouns = {holding.kind.name: holding.noun for holding in HOLDINGS}
    return [
        record
        for record in {one.id: one for one in found}.values()
        if wanted in ("", nouns[record.kind.name]) and record.doc.path.startswith(prefix)
    ]


def _render_entity(_call: Call, record: Record[Any, None]) -> tuple[str, dict[str, Any]]:
    holding = next(one for one in HOLDINGS if one.kind is record.kind)
    shown = {holding.member: record.doc.name, f"{holding.noun}Id": record.id}
    return f"Policy{holding.noun}s", shown


def _split(rendered: list[Any]) -> Mapping[str, list[Any]]:
    lists: dict[str, list[Any]] = {f"Policy{holding.noun}s": [] for holding in HOLDINGS}
    for name, one in rendered:
        lists[name].append(one)
    return lists


def _row(name: str, does: Write | Read | Pages, *honours: str) -> Action:
    return Action(service="iam", name=name, does=does, honours=frozenset(honours))


ACTIONS: tuple[Action, ...] = (
    *(row for holding in HOLDINGS for row in _rows(holding)),
    _row(
        "ListEntitiesForPolicy",
        Pages(
            find=_find_entities,
            render=_render_entity,
            member="PolicyUsers",
            key=lambda record: f"{record.kind.name}/{record.id}",
            split=_split,
        ),
        *("PolicyArn", "EntityFilter", "PathPrefix", "PolicyUsageFilter"),
    ),
)

"""Tags of the things of IAM: set, taken away and listed, by the same verbs for every noun.

A noun gives how it is found and how it is found to be changed, and takes its three rows from
`rows`. Keys are compared without regard to case, as IAM does. Tags that come with a Create action
are that action's business.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from mallee.cloud.action import Action, Pages, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import entities
from mallee.cloud.state.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """A noun with tags: its document has a member `tags`."""

    noun: str
    """As in the names of its actions: `TagRole`."""
    member: str
    """The member of requests that names one: `RoleName`."""
    named: Callable[[Call, Request], Record[Any, Any]]
    """Finds the one that a request names; raises `NoSuchEntity`."""
    changed: Callable[[WriteCall, Request], Record[Any, Any]]
    """The same for one that is about to be changed: raises also when it may not be."""

    def set(self, call: WriteCall, request: Request) -> Result:
        """Set tags."""
        record = self.changed(call, request)
        new = entities.parse_tags(request["Tags"])
        tags = entities.with_tags(record.doc.tags, new)
        call.tx.write(record, replace(record.doc, tags=tags))
        return {}

    def take(self, call: WriteCall, request: Request) -> Result:
        """Take tags away; those that are not there are no error."""
        record = self.changed(call, request)
        tags = entities.without_tags(record.doc.tags, request["TagKeys"])
        call.tx.write(record, replace(record.doc, tags=tags))
        return {}

    def find(self, call: Call, request: Request) -> list[tuple[str, str]]:
        """Return key and value of each tag."""
        tags: dict[str, str] = self.named(call, request).doc.tags
        return list(tags.items())


def rows(tagged: Tagged) -> tuple[Action, ...]:
    """Return the rows Tag…, Untag… and List…Tags of a noun."""
    listing = Pages(
        find=tagged.find,
        render=lambda _, tag: {"Key": tag[0], "Value": tag[1]},
        member="Tags",
        key=lambda tag: tag[0],
    )
    return (
        _row(f"Tag{tagged.noun}", Write(handle=tagged.set), tagged.member, "Tags"),
        _row(f"Untag{tagged.noun}", Write(handle=tagged.take), tagged.member, "TagKeys"),
        _row(f"List{tagged.noun}Tags", listing, tagged.member),
    )


def _row(name: str, does: Write | Pages, *honours: str) -> Action:
    return Action(service="iam", name=name, does=does, honours=frozenset(honours))

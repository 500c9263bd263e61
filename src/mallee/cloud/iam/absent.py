"""Things of IAM that nobody can make here yet: their lists are empty, and that is the truth.

Called through the action table, by tools that look before they choose (Terraform, the console).
A list stands here only as long as no action makes such a thing; then its noun gets its own file.
"""

from mallee.cloud.action import Action, Read, Reader
from mallee.cloud.call import Call, Request, Result


def _empty(member: str) -> Reader:
    def handle(call: Call, request: Request) -> Result:
        return {member: [], "IsTruncated": False}

    return handle


ACTIONS: tuple[Action, ...] = tuple(
    Action(
        service="iam",
        name=name,
        does=Read(handle=_empty(member)),
        honours=frozenset({"PathPrefix", "MaxItems"}),
    )
    for name, member in (
        ("ListRoles", "Roles"),
        ("ListInstanceProfiles", "InstanceProfiles"),
    )
)

"""ARNs of lifecycle policies, the policies behind them, and the rows about one of them.

Called by every file here. A policy of another account is as little there as one that never was.
"""

from collections.abc import Callable, Iterable

from mallee.aws import errors
from mallee.cloud.action import Action, Pass, Read, Write
from mallee.cloud.call import Call, Request
from mallee.cloud.ec2 import resources
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.storage.lifecycles import Policy, PolicySeen

PolicyRecord = Record[Policy, PolicySeen]
SERVICE = "dlm.amazonaws.com"
"""Who takes the role of a policy on."""
Passes = Callable[[Call, Request], Iterable[Pass]]


def arn(call: Call, id: str) -> str:
    """Return the ARN of the caller's policy of that id."""
    return arn_of(call.settings.region, call.account, id)


def arn_of(region: str, account: str, id: str) -> str:
    """Return a policy's ARN."""
    return f"arn:aws:dlm:{region}:{account}:policy/{id}"


def find(call: Call, id: str) -> PolicyRecord:
    """Return the caller's policy; raise `ResourceNotFoundException`."""
    record = resources.reader(call).get(records.LIFECYCLE_POLICY, id)
    if record is None or record.account != call.account:
        raise errors.dlm.ResourceNotFoundException(id)
    return record


def by_arn(call: Call, text: str) -> PolicyRecord:
    """Return the caller's policy of that ARN; raise `ResourceNotFoundException`."""
    record = find(call, text.rpartition("/")[2])
    if arn(call, record.id) != text:
        raise errors.dlm.ResourceNotFoundException(text)
    return record


def passed(call: Call, asked: Request) -> Iterable[Pass]:
    """Yield the role that a request hands to the service."""
    if asked.get("ExecutionRoleArn"):
        yield Pass(asked["ExecutionRoleArn"], SERVICE)


def of_policy(name: str, does: Read | Write, *honours: str, passes: Passes | None = None) -> Action:
    """Return the row of an action on the policy that `PolicyId` or `ResourceArn` names."""

    def find_arns(call: Call, asked: Request) -> tuple[str, ...]:
        return (asked.get("ResourceArn") or arn(call, asked["PolicyId"]),)

    return Action(
        service="dlm",
        name=name,
        does=does,
        honours=frozenset(honours),
        resources=find_arns,
        passes=passes,
    )

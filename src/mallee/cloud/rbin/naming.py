"""ARNs of rules, the rules behind them, and the rows of the service, which are all about rules.

Called by every file here. A rule of another account is as little there as one that never was.
"""

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, Request
from mallee.cloud.ec2 import resources
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.storage.recycling import Rule

RuleRecord = Record[Rule, None]

EVERY_RULE = "*"


def arn(call: Call, id: str) -> str:
    """Return the ARN of the caller's rule of that identifier."""
    return f"arn:aws:rbin:{call.settings.region}:{call.account}:rule/{id}"


def find(call: Call, id: str) -> RuleRecord:
    """Return the caller's rule; raise `ResourceNotFoundException`."""
    record = resources.reader(call).get(records.RECYCLE_RULE, id)
    if record is None or record.account != call.account:
        raise errors.rbin.ResourceNotFoundException(id)
    return record


def by_arn(call: Call, text: str) -> RuleRecord:
    """Return the caller's rule of that ARN; raise `ResourceNotFoundException`."""
    record = find(call, text.rpartition("/")[2])
    if arn(call, record.id) != text:
        raise errors.rbin.ResourceNotFoundException(text)
    return record


def of_rule(name: str, does: Read | Write, *honours: str) -> Action:
    """Return the row of an action on the rule that `Identifier` or `ResourceArn` names."""

    def find_arns(call: Call, asked: Request) -> tuple[str, ...]:
        return (asked.get("ResourceArn") or arn(call, asked["Identifier"]),)

    return Action(
        service="rbin",
        name=name,
        does=does,
        honours=frozenset(honours),
        resources=find_arns,
    )


def any_rule(call: Call, asked: Request) -> tuple[str, ...]:
    """Return the ARN of what is a rule only afterwards."""
    return (arn(call, EVERY_RULE),)

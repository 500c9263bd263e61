"""The action table: every action that this cloud answers, one row each, all services.

Rows live beside their handlers, as `ACTIONS` at the end of each noun's file; this file only joins
them. What is not in the table is not answered: an operation of the service model without a row
gets `UnsupportedOperation`, a name that no model knows `InvalidAction`. The coverage page, the
documentation tests and the pipeline read `TABLE`.
"""

from collections.abc import Iterable

from mallee.cloud.action import Action
from mallee.cloud.admin import table as admin
from mallee.cloud.dlm import table as dlm
from mallee.cloud.ec2 import table as ec2
from mallee.cloud.ec2.connecting import table as connecting
from mallee.cloud.iam import table as iam
from mallee.cloud.kms import table as kms
from mallee.cloud.rbin import table as rbin
from mallee.cloud.sts import table as sts
from mallee.cloud.trail import cloudtrail

_ROWS: tuple[tuple[Action, ...], ...] = (
    ec2.ACTIONS,
    iam.ACTIONS,
    connecting.ACTIONS,
    cloudtrail.ACTIONS,
    kms.ACTIONS,
    dlm.ACTIONS,
    rbin.ACTIONS,
    sts.ACTIONS,
    admin.ACTIONS,
)


def join(rows: Iterable[Iterable[Action]]) -> dict[tuple[str, str], Action]:
    """Return the rows by (service, action name); raise `ValueError` for a name given twice."""
    table: dict[tuple[str, str], Action] = {}
    for action in (action for group in rows for action in group):
        key = (action.service, action.name)
        if key in table:
            raise ValueError(f"two rows answer {action.permission}")
        table[key] = action
    return table


TABLE: dict[tuple[str, str], Action] = join(_ROWS)
"""Every action by (service, name)."""

"""All rows of IAM, joined from its nouns; the action table of the whole cloud takes them from here.

A row stands at the end of its noun's file. What a row's requests are about, for the authorization
stage, is found by `arns`, the same for all.
"""

import dataclasses

from mallee.cloud.action import Action
from mallee.cloud.iam import absent, accesskeys, accounts, arns, attachments, groups, managed, users

_ROWS: tuple[Action, ...] = (
    *absent.ACTIONS,
    *accesskeys.ACTIONS,
    *accounts.ACTIONS,
    *attachments.ACTIONS,
    *groups.ACTIONS,
    *managed.ACTIONS,
    *users.ACTIONS,
)

ACTIONS: tuple[Action, ...] = tuple(
    dataclasses.replace(row, resources=arns.finder(row)) for row in _ROWS
)

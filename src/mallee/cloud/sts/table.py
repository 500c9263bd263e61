"""All rows of STS, joined from its nouns; the action table of the whole cloud takes them here."""

from mallee.cloud.action import Action
from mallee.cloud.sts import callers, roles, users, webidentity

ACTIONS: tuple[Action, ...] = (
    *callers.ACTIONS,
    *roles.ACTIONS,
    *users.ACTIONS,
    *webidentity.ACTIONS,
)

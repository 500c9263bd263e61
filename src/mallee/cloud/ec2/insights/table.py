"""The rows of network insights, joined from their nouns; `ec2.table` takes them from here."""

from mallee.cloud.action import Action
from mallee.cloud.ec2.insights import analyses, paths, scopeanalyses, scopes

ACTIONS: tuple[Action, ...] = (
    *analyses.ACTIONS,
    *paths.ACTIONS,
    *scopeanalyses.ACTIONS,
    *scopes.ACTIONS,
)

"""All rows of the recycle bin's rules, collected from its files."""

from mallee.cloud.action import Action
from mallee.cloud.rbin import locks, rules, tags

ACTIONS: tuple[Action, ...] = (*rules.ACTIONS, *locks.ACTIONS, *tags.ACTIONS)

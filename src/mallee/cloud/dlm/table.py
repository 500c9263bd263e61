"""All rows of lifecycle policies, collected from its files."""

from mallee.cloud.action import Action
from mallee.cloud.dlm import policies, tags

ACTIONS: tuple[Action, ...] = (*policies.ACTIONS, *tags.ACTIONS)

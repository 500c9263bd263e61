"""The rows of address management, joined from its nouns; `ec2.table` takes them from here."""

from mallee.cloud.action import Action
from mallee.cloud.ec2.ipam import (
    allocations,
    ipams,
    poolcidrs,
    pools,
    scopes,
)

ACTIONS: tuple[Action, ...] = (
    *allocations.ACTIONS,
    *ipams.ACTIONS,
    *poolcidrs.ACTIONS,
    *pools.ACTIONS,
    *scopes.ACTIONS,
)

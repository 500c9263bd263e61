"""The rows of address management, joined from its nouns; `ec2.table` takes them from here."""

from mallee.cloud.action import Action
from mallee.cloud.ec2.ipam import (
    allocations,
    discovered,
    discoveries,
    ipams,
    policies,
    poolcidrs,
    pools,
    publicpools,
    resolvers,
    resolvertargets,
    resourcecidrs,
    scopes,
)

ACTIONS: tuple[Action, ...] = (
    *allocations.ACTIONS,
    *discovered.ACTIONS,
    *discoveries.ACTIONS,
    *ipams.ACTIONS,
    *policies.ACTIONS,
    *poolcidrs.ACTIONS,
    *pools.ACTIONS,
    *publicpools.ACTIONS,
    *resolvers.ACTIONS,
    *resolvertargets.ACTIONS,
    *resourcecidrs.ACTIONS,
    *scopes.ACTIONS,
)

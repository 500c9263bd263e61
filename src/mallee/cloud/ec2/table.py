"""All rows of EC2, joined from its nouns; the action table of the whole cloud takes them from here.

A row stands at the end of its noun's file; a new noun is one more line here.
"""

from mallee.cloud.action import Action
from mallee.cloud.ec2 import (
    addresses,
    images,
    instances,
    instancetypes,
    interfaces,
    keypairs,
    launch,
    power,
    regions,
    securitygrouprules,
    securitygroups,
    subnets,
    vpcs,
    zones,
)

ACTIONS: tuple[Action, ...] = (
    *images.ACTIONS,
    *instances.ACTIONS,
    *launch.ACTIONS,
    *addresses.ACTIONS,
    *instancetypes.ACTIONS,
    *power.ACTIONS,
    *regions.ACTIONS,
    *zones.ACTIONS,
    *keypairs.ACTIONS,
    *vpcs.ACTIONS,
    *subnets.ACTIONS,
    *interfaces.ACTIONS,
    *securitygroups.ACTIONS,
    *securitygrouprules.ACTIONS,
)

"""All rows of EC2, joined from its nouns; the action table of the whole cloud takes them from here.

A row stands at the end of its noun's file; a new noun is one more line here.
"""

from mallee.cloud.action import Action
from mallee.cloud.ec2 import (
    accountattributes,
    addresses,
    console,
    images,
    instanceattributes,
    instances,
    instancestatus,
    instancetypes,
    interfaces,
    keypairs,
    launch,
    power,
    regions,
    securitygrouprules,
    securitygroups,
    subnets,
    tags,
    vpcs,
    zones,
)

ACTIONS: tuple[Action, ...] = (
    *accountattributes.ACTIONS,
    *addresses.ACTIONS,
    *console.ACTIONS,
    *images.ACTIONS,
    *instanceattributes.ACTIONS,
    *instances.ACTIONS,
    *instancestatus.ACTIONS,
    *instancetypes.ACTIONS,
    *interfaces.ACTIONS,
    *keypairs.ACTIONS,
    *launch.ACTIONS,
    *power.ACTIONS,
    *regions.ACTIONS,
    *securitygrouprules.ACTIONS,
    *securitygroups.ACTIONS,
    *subnets.ACTIONS,
    *tags.ACTIONS,
    *vpcs.ACTIONS,
    *zones.ACTIONS,
)

"""All rows of EC2, joined from its nouns; the action table of the whole cloud takes them from here.

A row stands at the end of its noun's file; a new noun is one more line here. What a row's requests
are about, for the authorization stage, is found by `arns`, the same for all.
"""

import dataclasses

from mallee.cloud.action import Action, Presumes, presuming
from mallee.cloud.ec2 import (
    accountattributes,
    arns,
    idformats,
    keypairs,
    regions,
    taglisting,
    tags,
    zones,
)
from mallee.cloud.ec2.capacity import table as capacity
from mallee.cloud.ec2.connecting import endpoints as connectendpoints
from mallee.cloud.ec2.endpoints import table as endpoints
from mallee.cloud.ec2.images import table as images
from mallee.cloud.ec2.insights import table as insights
from mallee.cloud.ec2.instances import (
    console,
    cpuoptions,
    creditspecifications,
    eventnotices,
    events,
    eventwindows,
    instanceattributes,
    instanceimages,
    instanceprofiles,
    instances,
    instancestatus,
    instancetopology,
    interrupts,
    launch,
    maintenanceoptions,
    metadatadefaults,
    monitoring,
    passwords,
    power,
    privatenameoptions,
    screens,
    serialaccess,
)
from mallee.cloud.ec2.ipam import table as ipam
from mallee.cloud.ec2.storage import table as storage
from mallee.cloud.ec2.templates import launchtemplates, templatedata, templateversions
from mallee.cloud.ec2.transit import table as transit
from mallee.cloud.ec2.vpc import table as vpc
from mallee.cloud.ec2.watching import table as watching

_ROWS: tuple[Action, ...] = (
    *accountattributes.ACTIONS,
    *capacity.ACTIONS,
    *console.ACTIONS,
    *events.ACTIONS,
    *eventnotices.ACTIONS,
    *eventwindows.ACTIONS,
    *cpuoptions.ACTIONS,
    *creditspecifications.ACTIONS,
    *idformats.ACTIONS,
    *images.ACTIONS,
    *instanceattributes.ACTIONS,
    *instanceimages.ACTIONS,
    *instanceprofiles.ACTIONS,
    *instances.ACTIONS,
    *instancestatus.ACTIONS,
    *instancetopology.ACTIONS,
    *interrupts.ACTIONS,
    *keypairs.ACTIONS,
    *launch.ACTIONS,
    *launchtemplates.ACTIONS,
    *maintenanceoptions.ACTIONS,
    *metadatadefaults.ACTIONS,
    *monitoring.ACTIONS,
    *passwords.ACTIONS,
    *power.ACTIONS,
    *privatenameoptions.ACTIONS,
    *regions.ACTIONS,
    *screens.ACTIONS,
    *serialaccess.ACTIONS,
    *taglisting.ACTIONS,
    *tags.ACTIONS,
    *templatedata.ACTIONS,
    *templateversions.ACTIONS,
    *vpc.ACTIONS,
    *watching.ACTIONS,
    *storage.ACTIONS,
    *zones.ACTIONS,
    *presuming(
        Presumes.OWN_NETWORKS,
        *connectendpoints.ACTIONS,
        *endpoints.ACTIONS,
        *insights.ACTIONS,
        *ipam.ACTIONS,
        *transit.ACTIONS,
    ),
)

ACTIONS: tuple[Action, ...] = tuple(
    dataclasses.replace(row, resources=arns.finder(row)) for row in _ROWS
)

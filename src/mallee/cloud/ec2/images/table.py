"""All rows of images, joined; EC2's table takes them from here."""

from mallee.cloud.action import Action
from mallee.cloud.ec2.images import (
    allowed,
    attributes,
    conversions,
    copies,
    creating,
    deregistration,
    exportimages,
    exporting,
    exportinstances,
    images,
    importimages,
    importing,
    importsnapshots,
    recyclebin,
    registering,
    sharing,
    standing,
    usagereports,
)

ACTIONS: tuple[Action, ...] = (
    *images.ACTIONS,
    *deregistration.ACTIONS,
    *attributes.ACTIONS,
    *sharing.ACTIONS,
    *standing.ACTIONS,
    *allowed.ACTIONS,
    *copies.ACTIONS,
    *recyclebin.ACTIONS,
    *creating.ACTIONS,
    *registering.ACTIONS,
    *exportimages.ACTIONS,
    *exportinstances.ACTIONS,
    *exporting.ACTIONS,
    *importimages.ACTIONS,
    *importing.ACTIONS,
    *importsnapshots.ACTIONS,
    *usagereports.ACTIONS,
    *conversions.ACTIONS,
)

"""All rows of images, joined; EC2's table takes them from here."""

from mallee.cloud.action import Action
from mallee.cloud.ec2.images import (
    images,
    importimages,
    importing,
    importsnapshots,
    recyclebin,
)

ACTIONS: tuple[Action, ...] = (
    *images.ACTIONS,
    *importimages.ACTIONS,
    *importing.ACTIONS,
    *importsnapshots.ACTIONS,
    *recyclebin.ACTIONS,
)

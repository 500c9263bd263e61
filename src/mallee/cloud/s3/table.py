"""All rows of S3, collected from its files. Only the process of S3 knows them."""

from mallee.cloud.action import Action
from mallee.cloud.s3.access import accessblocks, accesslists, ownership, policies
from mallee.cloud.s3.buckets import absences, buckets, cors, lifecycle, versioning, websites
from mallee.cloud.s3.events import notifications
from mallee.cloud.s3.inventory import inventories
from mallee.cloud.s3.logs import accesslogging
from mallee.cloud.s3.objects import (
    attributes,
    copying,
    deleting,
    listing,
    locking,
    objects,
    renaming,
    restoring,
    tagging,
    uploadlisting,
    uploads,
)
from mallee.cloud.s3.sealing import defaultencryption

ROWS: tuple[Action, ...] = (
    *buckets.ACTIONS,
    *objects.ACTIONS,
    *deleting.ACTIONS,
    *listing.ACTIONS,
    *uploads.ACTIONS,
    *uploadlisting.ACTIONS,
    *copying.ACTIONS,
    *renaming.ACTIONS,
    *restoring.ACTIONS,
    *versioning.ACTIONS,
    *websites.ACTIONS,
    *tagging.ACTIONS,
    *policies.ACTIONS,
    *accessblocks.ACTIONS,
    *defaultencryption.ACTIONS,
    *attributes.ACTIONS,
    *locking.ACTIONS,
    *ownership.ACTIONS,
    *accesslists.ACTIONS,
    *notifications.ACTIONS,
    *accesslogging.ACTIONS,
    *inventories.ACTIONS,
    *cors.ACTIONS,
    *lifecycle.ACTIONS,
    *absences.ACTIONS,
)

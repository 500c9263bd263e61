"""All rows of S3, collected from its files. Only the process of S3 knows them."""

from mallee.cloud.action import Action
from mallee.cloud.s3 import (
    absences,
    accessblocks,
    attributes,
    buckets,
    copying,
    cors,
    defaultencryption,
    deleting,
    lifecycle,
    listing,
    locking,
    objects,
    ownership,
    policies,
    tagging,
    uploadlisting,
    uploads,
    versioning,
)

ROWS: tuple[Action, ...] = (
    *buckets.ACTIONS,
    *objects.ACTIONS,
    *deleting.ACTIONS,
    *listing.ACTIONS,
    *uploads.ACTIONS,
    *uploadlisting.ACTIONS,
    *copying.ACTIONS,
    *versioning.ACTIONS,
    *tagging.ACTIONS,
    *policies.ACTIONS,
    *accessblocks.ACTIONS,
    *defaultencryption.ACTIONS,
    *attributes.ACTIONS,
    *locking.ACTIONS,
    *ownership.ACTIONS,
    *cors.ACTIONS,
    *lifecycle.ACTIONS,
    *absences.ACTIONS,
)

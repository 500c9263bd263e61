"""All rows of volumes, joined from their nouns."""

from mallee.cloud.action import Action
from mallee.cloud.ec2.storage import (
    attachments,
    ebsdefaults,
    fastrestores,
    modifications,
    recyclebin,
    rootreplacements,
    snapshotcopies,
    snapshotlocks,
    snapshots,
    snapshotsharing,
    volumecopies,
    volumes,
    volumestatus,
)

ACTIONS: tuple[Action, ...] = (
    *volumes.ACTIONS,
    *volumecopies.ACTIONS,
    *attachments.ACTIONS,
    *ebsdefaults.ACTIONS,
    *modifications.ACTIONS,
    *volumestatus.ACTIONS,
    *snapshots.ACTIONS,
    *snapshotsharing.ACTIONS,
    *recyclebin.ACTIONS,
    *rootreplacements.ACTIONS,
    *snapshotcopies.ACTIONS,
    *snapshotlocks.ACTIONS,
    *fastrestores.ACTIONS,
)

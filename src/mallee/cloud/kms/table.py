"""All rows of KMS, collected from its files."""

from mallee.cloud.action import Action
from mallee.cloud.kms import (
    aliases,
    datakeys,
    deletion,
    encrypting,
    grants,
    importing,
    keys,
    macs,
    policies,
    rotation,
    signing,
    tags,
)

ACTIONS: tuple[Action, ...] = (
    *keys.ACTIONS,
    *deletion.ACTIONS,
    *aliases.ACTIONS,
    *policies.ACTIONS,
    *grants.ACTIONS,
    *encrypting.ACTIONS,
    *datakeys.ACTIONS,
    *signing.ACTIONS,
    *macs.ACTIONS,
    *rotation.ACTIONS,
    *importing.ACTIONS,
    *tags.ACTIONS,
)

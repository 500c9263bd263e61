"""The rows of EC2 about watching networks, joined from their nouns."""

from mallee.cloud.action import Action
from mallee.cloud.ec2.watching import (
    flowlogs,
    mirrorfilters,
    mirrorrules,
    mirrorsessions,
    mirrortargets,
)

ACTIONS: tuple[Action, ...] = (
    *flowlogs.ACTIONS,
    *mirrorfilters.ACTIONS,
    *mirrorrules.ACTIONS,
    *mirrorsessions.ACTIONS,
    *mirrortargets.ACTIONS,
)

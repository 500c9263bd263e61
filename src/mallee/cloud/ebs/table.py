"""All rows of the EBS direct APIs. Only the process of S3 knows them: the blocks are there."""

from mallee.cloud.action import Action
from mallee.cloud.ebs import completing, reading, writing

ROWS: tuple[Action, ...] = (*reading.ACTIONS, *writing.ACTIONS, *completing.ACTIONS)

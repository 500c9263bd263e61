"""The rows of the service EC2 Instance Connect; those of EC2 about it are joined by EC2's table."""

from mallee.cloud.action import Action
from mallee.cloud.ec2.connecting import keys

ACTIONS: tuple[Action, ...] = keys.ACTIONS

"""All rows of S3, collected from its files. Only the process of S3 knows them."""

from mallee.cloud.action import Action

ROWS: tuple[Action, ...] = ()

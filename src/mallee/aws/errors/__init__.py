"""Every error that an action may answer: a class per AWS code, such as `errors.InvalidAction`."""

from mallee.aws.errors import connect as connect
from mallee.aws.errors import dlm as dlm
from mallee.aws.errors import ebs as ebs
from mallee.aws.errors import kms as kms
from mallee.aws.errors import rbin as rbin
from mallee.aws.errors import s3 as s3
from mallee.aws.errors.answer import AwsError as AwsError
from mallee.aws.errors.capacity import *  # noqa: F403
from mallee.aws.errors.ec2 import *  # noqa: F403
from mallee.aws.errors.endpoints import *  # noqa: F403
from mallee.aws.errors.events import *  # noqa: F403
from mallee.aws.errors.identity import *  # noqa: F403
from mallee.aws.errors.insights import *  # noqa: F403
from mallee.aws.errors.ipam import *  # noqa: F403
from mallee.aws.errors.launching import *  # noqa: F403
from mallee.aws.errors.requests import *  # noqa: F403
from mallee.aws.errors.storage import *  # noqa: F403
from mallee.aws.errors.trail import *  # noqa: F403
from mallee.aws.errors.transferring import *  # noqa: F403
from mallee.aws.errors.transit import *  # noqa: F403
from mallee.aws.errors.vpc import *  # noqa: F403
from mallee.aws.errors.watching import *  # noqa: F403

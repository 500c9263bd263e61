"""The errors of S3: a class per code, such as `errors.s3.NoSuchKey`."""

from mallee.aws.errors.s3.answer import S3Error as S3Error
from mallee.aws.errors.s3.buckets import *  # noqa: F403
from mallee.aws.errors.s3.keys import *  # noqa: F403
from mallee.aws.errors.s3.objects import *  # noqa: F403
from mallee.aws.errors.s3.requests import *  # noqa: F403
from mallee.aws.errors.s3.signatures import *  # noqa: F403

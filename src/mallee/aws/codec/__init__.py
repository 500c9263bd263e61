"""Requests and answers of a service, in its protocol's bytes: `codec.for_service("ec2")`."""

from mallee.aws.codec.fragment import Fragment as Fragment
from mallee.aws.codec.fragment import Mismatch as Mismatch
from mallee.aws.codec.service import Codec as Codec
from mallee.aws.codec.service import for_query_service as for_query_service
from mallee.aws.codec.service import for_service as for_service

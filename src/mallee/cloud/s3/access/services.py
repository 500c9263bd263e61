"""What the cloud's own services may write into buckets: the bucket's policy says so, as on AWS.

Called where S3 itself writes (`drafts`), and where a service is told of a bucket. Not its business:
lists of grants (`acls`).
"""

from dataclasses import dataclass

from mallee.aws import policy
from mallee.cloud.s3.access import policies
from mallee.cloud.s3.buckets.buckets import BucketRecord
from mallee.cloud.state import store


@dataclass(frozen=True, slots=True)
class Service:
    """As which service something is written, and on whose behalf."""

    name: str
    """`logging.s3.amazonaws.com`"""
    arn: str
    """Of what it is written for: `aws:SourceArn`."""
    account: str
    """Whose that is: `aws:SourceAccount`."""


def of_bucket(name: str, source: BucketRecord) -> Service:
    """Return a service that writes on behalf of a bucket."""
    return Service(name, f"arn:aws:s3:::{source.id}", source.account)


def asked(view: store.View, target: BucketRecord, key: str, service: Service) -> policy.Verdict:
    """Return what a bucket's policy says of an object that a service would write."""
    attached = policies.attached(view, target.id, target.account)
    if attached is None:
        return policy.Verdict.IMPLICITLY_DENIED
    request = policy.Request(
        principal=policy.Principal(policy.PrincipalKind.SERVICE, "", service.name),
        action="s3:PutObject",
        resource=f"arn:aws:s3:::{target.id}/{key}",
        resource_account=target.account,
        context=policy.fold(
            {
                "aws:SourceArn": service.arn,
                "aws:SourceAccount": service.account,
                "aws:PrincipalIsAWSService": True,
                "aws:PrincipalServiceName": service.name,
                "s3:x-amz-acl": "bucket-owner-full-control",
            }
        ),
    )
    return policy.evaluate(request, policy.Policies(resource=attached)).verdict


def may_deliver(view: store.View, target: BucketRecord, key: str, who: Service) -> bool:
    """Tell whether a service may write what somebody wants into a bucket: into his own unless its
    policy denies it, into another's if its policy allows it."""
    verdict = asked(view, target, key, who)
    if target.account == who.account:
        return verdict is not policy.Verdict.EXPLICITLY_DENIED
    return verdict is policy.Verdict.ALLOWED

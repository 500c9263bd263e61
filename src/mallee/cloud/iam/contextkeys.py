"""The context keys of IAM: what a policy may ask about a role that is passed, a policy, a bound.

Called by `context`. Not its business: keys of all services (`context`).
"""

from collections.abc import Mapping

from mallee.aws.policy.texts import Values
from mallee.cloud.iam import roles
from mallee.cloud.identity.question import Finder, Question, member, thing


def _boundary(question: Question) -> str | None:
    """Of what is made or bounded the bound asked for; else the one that is there."""
    asked: str | None = question.asked.get("PermissionsBoundary")
    return asked or getattr(thing(question), "boundary", None)


def _passed_to(question: Question) -> str | None:
    return question.passed.service if question.passed else None


def _associated(question: Question) -> Values | None:
    return (question.passed.associated_arns or None) if question.passed else None


def _service_name(question: Question) -> str | None:
    """Of a service's own role: the service."""
    asked: str | None = question.asked.get("AWSServiceName")
    if asked is None and f":role{roles.LINKED_PATH}" in question.resource:
        return question.resource.partition(roles.LINKED_PATH)[2].partition("/")[0]
    return asked


FINDERS: Mapping[str, Finder] = {
    "iam:associatedresourcearn": _associated,
    "iam:awsservicename": _service_name,
    "iam:passedtoservice": _passed_to,
    "iam:permissionsboundary": _boundary,
    "iam:policyarn": member("PolicyArn"),
    "iam:servicespecificcredentialagedays": member("CredentialAgeDays"),
    "iam:servicespecificcredentialservicename": member("ServiceName"),
}
